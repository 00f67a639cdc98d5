"""Scores side by side, as far as they are comparable.

Two figures share a table only if benchmark, k and protocol are the same. If both have the outcome of every
problem they are compared problem by problem (McNemar). Probes inside repeated blocks are shown with their
block, not here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..errors import FolderError
from ..runs.record import ScoreRecord
from ..scoring.intervals import mcnemar
from .browse import cut, fit
from .story import Stage, Story

BYTES = 1_500_000
MOST_SHOWN, IN_ALL = 400, 1600
TEXTS = ("prompt", "raw", "program")


@dataclass(frozen=True)
class Figure:
    """One score: which step measured it, of which model, and its attempts' failures by class."""

    step: str
    model: str
    score: ScoreRecord
    failures: Mapping[str, int]
    outcomes: Mapping[tuple[str, int], bool] = field(repr=False)


@dataclass(frozen=True)
class Comparison:
    """Figures of one benchmark, k and protocol, in the order they were measured.

    paired: problems that only the first figure solved, only the last one, and McNemar's p; None if there are
    not two, or they tried different problems.  differs: if an earlier comparison has the same benchmark and
    k, the settings that differ, with the value there and here.
    """

    benchmark: str
    k: int
    n: int
    protocol: Mapping[str, Any]
    figures: Sequence[Figure]
    paired: tuple[int, int, float] | None
    differs: Mapping[str, tuple[Any, Any]]

    @property
    def gain(self) -> float:
        """Last minus first, in points."""
        return float(100 * (self.figures[-1].score.value - self.figures[0].score.value))


def comparisons(story: Story) -> list[Comparison]:
    """Every score outside of repeated blocks, in groups that may be compared."""
    groups: dict[bytes, list[Figure]] = {}
    for stage in story.done("score"):
        if stage.depth:
            continue
        attempts = _attempts(stage)
        for place, score in enumerate(stage.record.scores):
            tries = attempts[place]["attempts"] if place < len(attempts) else []
            key = orjson.dumps(
                [score.benchmark, score.k, score.n, score.protocol], option=orjson.OPT_SORT_KEYS
            )
            groups.setdefault(key, []).append(_figure(story, stage, score, tries))
    found: list[Comparison] = []
    for figures in groups.values():
        found.append(_comparison(figures, found))
    return found


def headline(story: Story, compared: Sequence[Comparison]) -> Comparison | None:
    """The comparison to show first: the first one with a figure of the last score step."""
    last = [stage.name for stage in story.done("score") if not stage.depth][-1:]
    return next((group for group in compared if [group.figures[-1].step] == last), None)


def _figure(story: Story, stage: Stage, score: ScoreRecord, tries: list[dict[str, Any]]) -> Figure:
    failures = Counter(t["failure"] or t["status"] for t in tries if not t["passed"])
    outcomes = {(t["task_id"], t["draw"]): bool(t["passed"]) for t in tries}
    return Figure(stage.name, model_label(story, stage.model), score, dict(failures.most_common()), outcomes)


def model_label(story: Story, name: str) -> str:
    """``student (untrained)``, ``tuned``: a model as a reader knows it."""
    declared = (story.recipe.get("models") or {}).get(name)
    if declared is None:
        return name
    use = str(declared.get("use", ""))
    if use == "scratch":
        return f"{name} (untrained)"
    return f"{name} ({declared.get('model', use)})"


def _comparison(figures: list[Figure], before: Sequence[Comparison]) -> Comparison:
    first, last = figures[0], figures[-1]
    paired = None
    if len(figures) > 1 and first.outcomes and first.outcomes.keys() == last.outcomes.keys():
        paired = mcnemar((passed, last.outcomes[task]) for task, passed in first.outcomes.items())
    score = first.score
    benchmark, k, n, protocol = score.benchmark, score.k, score.n, score.protocol
    rival = next((one for one in before if (one.benchmark, one.k) == (benchmark, k)), None)
    differs = _differing({"n": rival.n, **rival.protocol}, {"n": n, **protocol}) if rival else {}
    return Comparison(benchmark, k, n, protocol, figures, paired, differs)


def _differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = {**there, **here}
    return {name: (there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)}


def _attempts(stage: Stage) -> list[dict[str, Any]]:
    path = stage.folder.path / "attempts.json"
    if not path.exists():
        return []
    try:
        scores: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise FolderError(
            str(path), f"is not valid JSON: {error}", "remove the step's folder, and run"
        ) from error
    return scores


def problems(story: Story) -> dict[str, Any]:
    """The attempts that a report shows: failing ones first, then passing ones.

    Returns JSON: ``scores`` [{step, model, benchmark, passed, failed, attempts}], ``limit`` (characters
    at which texts are cut). A problem tried n times is shown once failing and once passing at most.
    """
    scored: list[tuple[Stage, dict[str, Any]]] = []
    for stage in story.done("score"):
        seen: set[str] = set()
        for score in _attempts(stage):
            if score["benchmark"] in seen:  # the same attempts are listed again for another k
                continue
            seen.add(score["benchmark"])
            scored.append((stage, score))
    share = min(MOST_SHOWN, IN_ALL // max(1, len(scored)))
    limit, scores = fit(lambda limit: [_as_json(story, *one, share, limit) for one in scored], BYTES)
    return {"scores": scores, "limit": limit}


def _as_json(story: Story, stage: Stage, score: Mapping[str, Any], share: int, limit: int) -> dict[str, Any]:
    attempts = score["attempts"]
    passed = sum(attempt["passed"] for attempt in attempts)
    return {
        "step": stage.name,
        "model": model_label(story, stage.model),
        "benchmark": score["benchmark"],
        "passed": passed,
        "failed": len(attempts) - passed,
        "attempts": [
            {key: a[key] for key in ("task_id", "passed", "status", "failure", "draw")}
            | {"extraction": a.get("extraction", "")}
            | cut({name: a[name] for name in TEXTS}, limit)
            for a in _chosen(attempts, share)
        ],
    }


def _chosen(attempts: list[dict[str, Any]], share: int) -> list[dict[str, Any]]:
    """Of each problem one failing and one passing attempt; a quarter of ``share`` is for passing ones."""
    kept: dict[tuple[str, bool], dict[str, Any]] = {}
    for attempt in attempts:
        kept.setdefault((attempt["task_id"], attempt["passed"]), attempt)
    passed = [attempt for attempt in kept.values() if attempt["passed"]]
    failed = [attempt for attempt in kept.values() if not attempt["passed"]][
        : share - min(len(passed), share // 4)
    ]
    return failed + passed[: share - len(failed)]
