"""The rows that a report shows: a fixed sample of every step, kept and dropped, with all ancestors.

Ids are hashes, so the rows with the smallest ids are a random sample, the same every time. A filter does not
change ids, so the *same* rows are seen from step to step. Every ancestor of a sampled row is included:
no link in a lineage is dead.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson

from ..rows import Table, read_shard
from ..runs.run_folder import StepFolder
from ..runs.trace import rows_with
from ..sample import Sample
from .story import Stage, Story

MOST_PER_STEP, LEAST_PER_STEP, IN_ALL = 40, 6, 1600
MOST_ROWS = 5000
"""If there are more ancestors than this, the others are named but not shown."""
BYTES = 3_000_000
LIMITS = (12_000, 6_000, 3_000, 1_500, 700, 300)
TEXTS = ("system", "instruction", "code", "answer", "tests")
MARKS = ("task", "language", "source", "license")


def browsable(story: Story) -> dict[str, Any]:
    """Rows by id, and for each step which of them it kept and dropped.

    Returns JSON: ``rows`` {id: row}, ``steps`` [{name, place, kept, dropped, counts}], ``limit`` (of texts,
    in characters).
    """
    stages = [stage for stage in story.stages if stage.folder.rows() or stage.folder.drops()]
    share = max(LEAST_PER_STEP, min(MOST_PER_STEP, IN_ALL // max(1, 2 * len(stages))))
    steps = [_step(stage, share) for stage in stages]
    wanted = {row for step in steps for row in (*step["kept"], *(d[0] for d in step["dropped"]))}
    rows, lives = _with_ancestors(stages, wanted)
    limit, shown = fit(lambda limit: {i: _as_json(rows[i], lives[i], limit) for i in sorted(rows)}, BYTES)
    return {"steps": steps, "rows": shown, "limit": limit}


def fit(build: Callable[[int], Any], budget: int) -> tuple[int, Any]:
    """Call ``build`` with the largest limit on texts (characters) that keeps its JSON in ``budget`` bytes.

    The smallest limit is used if none does. Returns the limit too.
    """
    for limit in LIMITS:
        built = build(limit)
        if len(orjson.dumps(built)) <= budget:
            break
    return limit, built


def cut(texts: Mapping[str, str], limit: int) -> dict[str, Any]:
    """The texts that are not empty, cut at ``limit`` characters; ``cut`` has the full length of those."""
    whole = {name: text for name, text in texts.items() if text}
    long = {name: len(text) for name, text in whole.items() if len(text) > limit}
    return {name: text[:limit] for name, text in whole.items()} | ({"cut": long} if long else {})


def _step(stage: Stage, share: int) -> dict[str, Any]:
    kept = heapq.nsmallest(share, _column(stage.folder.rows(), "id"))
    dropped = _dropped(stage.folder, share)
    return {
        "name": stage.name,
        "place": stage.place,
        "kept": [row for (row,) in kept],
        "dropped": dropped,
        "counts": {"kept": len(Table(stage.folder.rows())), "dropped": len(Table(stage.folder.drops()))},
    }


def _dropped(folder: StepFolder, share: int) -> list[list[str]]:
    """[id, reason] of some dropped rows, every reason in turn."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row, reason in _column(folder.drops(), "id", "reason"):
        smallest = by_reason[reason]
        smallest.append(row)
        if len(smallest) > 8 * share:
            smallest[:] = heapq.nsmallest(share, smallest)
    piles = [[[row, reason] for row in sorted(rows)[:share]] for reason, rows in sorted(by_reason.items())]
    in_turn = [entry for layer in zip_longest(*piles) for entry in layer if entry is not None]
    return sorted(in_turn[:share], key=lambda entry: entry[0])


def _column(paths: Sequence[Path], *names: str) -> Iterator[tuple[Any, ...]]:
    for path in paths:
        table = read_shard(path, *names)
        yield from zip(*(table.column(name).to_pylist() for name in names), strict=True)


Lives = dict[str, list[tuple[str, str]]]
"""Row -> the steps that it passed, each with the reason it was dropped there, or empty."""


def _with_ancestors(stages: list[Stage], wanted: set[str]) -> tuple[dict[str, Sample], Lives]:
    known, fresh = set(wanted), set(wanted)
    while fresh and len(known) < MOST_ROWS:
        found = (sample for stage in stages for sample, _ in rows_with(stage.folder, "id", fresh))
        fresh = {parent for sample in found for parent in sample.parents} - known
        known |= fresh
    rows: dict[str, Sample] = {}
    lives: Lives = defaultdict(list)
    for stage in stages:
        for sample, reason in rows_with(stage.folder, "id", known):
            rows[sample.id] = sample  # the last one has the most verdicts
            lives[sample.id].append((stage.name, reason))
    return rows, lives


def _as_json(sample: Sample, life: list[tuple[str, str]], limit: int) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(sample, name) for name in MARKS if getattr(sample, name)}
    texts = {name: getattr(sample, name) for name in TEXTS}
    if sample.meta:
        texts["meta"] = orjson.dumps(sample.meta, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    row |= cut(texts, limit) | {"step": sample.step, "life": life}
    if sample.parents:
        row["parents"] = sample.parents
    if sample.verdicts:
        row["verdicts"] = [[v.by, v.passed, v.score, v.reason[:limit]] for v in sample.verdicts]
    if sample.weight != 1.0:
        row["weight"] = sample.weight
    return row
