"""What a run measured of its own rows: difficulty by round, diversity of strategies, noise of a judge.

Each measure becomes one table. It is read from the rows and from the JSON that measuring steps write.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import orjson

from ..files import read_json
from ..rows import Table
from ..verification.strategy import by_instruction, spread
from .story import Stage, Story

DIFFICULTY = ("words", "tokens", "constraints", "cyclomatic")
FIGURES = {"brier": "Brier score", "calibration_error": "expected calibration error", "auc": "AUC",
           "accuracy": "accuracy"}  # fmt: skip
_CLOSE = 0.9


@dataclass(frozen=True)
class Measured:
    """One table. step: which one measured.  note: how to read it, in a sentence."""

    step: str
    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    note: str = ""


def measured(story: Story) -> list[Measured]:
    """Every measure of the finished steps, in order."""
    found: list[Measured | None] = []
    for stage in story.done():
        make = _OF_ROWS.get(stage.do)
        if make is not None:
            found.append(make(stage))
        for name, tell in _OF_FILES.items():
            path = story.run.models / stage.name.replace(".", "-") / name
            facts = read_json(path) if stage.kind == "table" and path.exists() else None
            if facts is not None:
                found.append(tell(stage.name, facts))
    return [one for one in found if one is not None and one.lines]


def _difficulty(stage: Stage) -> Measured | None:
    """Means per round of evolution of what ``verification.complexity`` measures."""
    seen: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for (meta,) in Table(stage.folder.rows()).columns("meta"):
        facts = orjson.loads(meta)
        if isinstance(facts.get("difficulty"), dict):
            seen[int(facts.get("evolutions") or 0)].append(facts["difficulty"])
    lines = [
        (str(number), f"{len(rows):,}", *(_mean(row.get(name) for row in rows) for name in DIFFICULTY))
        for number, rows in sorted(seen.items())
    ]
    note = (
        "Means with 95% intervals. Round 0 is the seeds. Words and constraints are counted in the "
        "instruction, tokens in instruction and answer, the cyclomatic number in a Python answer."
    )
    return Measured(stage.name, "Difficulty by round", ("round", "rows", *DIFFICULTY), lines, note)


def _strategies(stage: Stage) -> Measured | None:
    pairs = [
        (text, orjson.loads(meta).get("strategy"))
        for text, meta in Table(stage.folder.rows()).columns("instruction", "meta")
    ]
    facts = spread(pairs)
    if not facts["instructions"]:
        return None
    kinds = [len(set(found)) for found in by_instruction(pairs).values() if len(found) > 1]
    lines = [
        ("instructions with several parsed answers", f"{facts['instructions']:,}"),
        ("answers per instruction", f"{facts['answers']:.2f}"),
        ("strategies per instruction", _mean(kinds, 2)),
        ("answers with a strategy seen before", f"{100 * facts['repeated']:.1f}%"),
    ]
    note = (
        "A strategy is the algorithms, loop depth and imports of a program; names, wording and layout do "
        "not count. The interval is 95%, over instructions."
    )
    return Measured(stage.name, "Strategies per instruction", ("measure", "value"), lines, note)


def _nearness(stage: Stage) -> Measured:
    """Similarity of rows to benchmark problems by round (WizardCoder's control: it must not rise)."""
    seen: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for paths in (stage.folder.rows(), stage.folder.drops()):
        for (meta,) in Table(paths).columns("meta"):
            facts = orjson.loads(meta)
            near = facts.get("near") or {}
            if "similarity" in near:
                found = (float(near["similarity"]), str(near["problem"]))
                seen[int(facts.get("evolutions") or 0)].append(found)
    lines = []
    for number, rows in sorted(seen.items()):
        alike = [similarity for similarity, _ in rows]
        close = sum(similarity >= _CLOSE for similarity in alike)
        top, problem = max(rows)
        lines.append((str(number), f"{len(rows):,}", _mean(alike, 3), f"{close:,}", f"{top:.3f}: {problem}"))
    note = (
        "Cosine similarity of a row to its nearest problem, kept and dropped rows together; means with 95% "
        "intervals. Round 0 is the seeds. The meaning of a number depends on the embedder."
    )
    head = ("round", "rows", "similarity", f"rows at {_CLOSE} or more", "nearest")
    return Measured(stage.name, "Similarity to benchmark problems", head, lines, note)


def _noise(step: str, facts: Mapping[str, Any]) -> Measured:
    lines = [
        ("both passed", f"{facts['both_passed']:,}"),
        ("both failed", f"{facts['both_failed']:,}"),
        ("judge passed, execution failed", f"{facts['passed_wrongly']:,}"),
        ("judge failed, execution passed", f"{facts['failed_wrongly']:,}"),
        ("rows with both labels", f"{facts['audited']:,}"),
    ]
    if facts["noise"] is not None:
        lines.append(("judge wrong", _percent(facts["noise"], facts["low"], facts["high"])))
    note = "Execution counts as the truth; intervals are 95% (Wilson)."
    return Measured(step, "How often the judge is wrong", ("judge against execution", "rows"), lines, note)


def _retest(step: str, facts: Mapping[str, Any]) -> Measured:
    """One line per repetition that was compared with the first; a dash if nothing could be compared."""
    lines = [
        (
            one["step"],
            f"{one['compared']:,}",
            _figure(one["agreement"], "{:.1%}"),
            _figure(one["kappa"], "{:.2f}"),
            f"{_figure(one['shift'], '{:+.1%}')}, p = {one['p']:.2g}" if one["compared"] else "–",
            f"{one['one_unknown']:,}",
        )
        for one in facts["retests"]
    ]
    note = (
        f"Each repetition against {facts['judge']}, row by row. Kappa: agreement beyond chance. Shift: how "
        "much more often it is passed, with McNemar's p. If a changed prompt agrees less than the same "
        "prompt asked twice, the change influenced the judge. Intervals are 95%, rows taken as independent."
    )
    head = ("asked as", "rows", "same verdict", "kappa", "shift to passed", "one verdict unknown")
    return Measured(step, "Does the judge repeat its verdict?", head, lines, note)


def _figure(figure: Mapping[str, float | None], form: str) -> str:
    if figure["value"] is None:
        return "–"
    return f"{form.format(figure['value'])} ({form.format(figure['low'])} to {form.format(figure['high'])})"


def _calibration(step: str, facts: Mapping[str, Any]) -> Measured:
    if not facts["audited"]:
        return Measured(step, "", (), ())
    lines = [
        (title, *(_value(facts[which][key]) for which in ("as_said", "calibrated")))
        for key, title in FIGURES.items()
    ]
    gain = facts["rerank"]
    if gain["instructions"]:
        best = f"{100 * gain['random']:.1f}% at random, {100 * gain['best']:.1f}% chosen by the judge"
        lines.append((f"best answer passes, {gain['instructions']:,} instructions", best, ""))
    note = (
        f"{facts['audited']:,} answers to {facts['instructions']:,} instructions, "
        f"{100 * facts['passed']:.0f}% of which pass. Intervals are 95%, by resampling instructions. "
        "On few rows a calibration error is never 0."
    )
    head = ("measure", f"as {facts['judge']} says", f"calibrated ({facts['method']})")
    return Measured(step, "Calibration of the judge's P(passed)", head, lines, note)


def _style(step: str, facts: Mapping[str, Any]) -> Measured:
    lines = [
        (
            " and ".join(pair["sources"]),
            f"{pair['distance']:.2f} ({pair['low']:.2f} to {pair['high']:.2f})",
            f"{pair['by_chance']:.2f}",
            ", ".join(f"{trait} {apart:.2f}" for trait, apart in pair["traits"].items()),
        )
        for pair in facts["pairs"]
    ]
    note = "0: same style; 1: nothing in common. A distance below that of chance shows no conflict."
    head = ("sources", "distance", "by chance", "by trait")
    return Measured(step, "Style distance between sources", head, lines, note)


def _mean(values: Iterable[Any], digits: int = 1) -> str:
    """The mean with its 95% interval, by the normal approximation; a dash if nothing is known."""
    known = [float(value) for value in values if value is not None]
    if len(known) < 2:
        return f"{known[0]:.{digits}f}" if known else "–"
    middle, half = fmean(known), 1.96 * stdev(known) / math.sqrt(len(known))
    return f"{middle:.{digits}f} ({middle - half:.{digits}f} to {middle + half:.{digits}f})"


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f}% ({100 * low:.1f} to {100 * high:.1f}%)"


def _value(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "–"
    if figure["low"] is None:
        return f"{figure['value']:.3f} (one instruction: no interval)"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


_OF_ROWS: dict[str, Callable[[Stage], Measured | None]] = {
    "verification.complexity": _difficulty,
    "verification.strategy": _strategies,
    "selection.near_benchmark": _nearness,
}
_OF_FILES: dict[str, Callable[[str, Mapping[str, Any]], Measured]] = {
    "agreement.json": _noise,
    "calibration.json": _calibration,
    "style.json": _style,
    "retest.json": _retest,
}
