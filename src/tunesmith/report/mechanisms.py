"""What each mechanism made, kept and dropped: by step, round and reason.

Rows record the heuristic that evolved them, the persona that answered them, the task they were written for;
dropped rows record the reason. For each step the figures add up: everything it made was kept or dropped, and
a step that only keeps and drops has its whole input here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..rows import Table
from .story import Stage, Story

NAMING = ("synthesis.evolve", "synthesis.diversify", "synthesis.four_tasks", "synthesis.comprehend")
"""Steps that choose a mechanism for each row; a row dropped unchanged had none."""
COLUMNS = ("step", "task", "meta", "verdicts")
Key = tuple[int, str, str]
"""Round (0: none), task, heuristic or persona."""


@dataclass(frozen=True)
class Count:
    """One line. round: 0 where there is none.  mechanism: empty if a row has none.  reasons: of dropped rows.

    judged: rows that this step itself passed, failed, or left unknown.
    """

    round: int
    mechanism: str
    kept: int
    reasons: Mapping[str, int]
    judged: tuple[int, int, int] = (0, 0, 0)

    @property
    def dropped(self) -> int:
        return sum(self.reasons.values())

    @property
    def made(self) -> int:
        return self.kept + self.dropped


@dataclass(frozen=True)
class Mechanisms:
    """One step of the recipe, over all rounds. rows_in: what it read.  counts: in order of round and name."""

    name: str
    do: str
    rows_in: int
    counts: list[Count]

    @property
    def makes(self) -> bool:
        """Whether its rows are new ones, not those that it read."""
        return self.do.startswith("synthesis.")

    @property
    def has_content(self) -> bool:
        """Whether its rows have mechanisms, and it made, judged or dropped any."""
        total = self.total
        return any(count.mechanism for count in self.counts) and (
            self.do in NAMING or total.dropped > 0 or sum(total.judged) > 0
        )

    @property
    def total(self) -> Count:
        """The sum of all lines."""
        reasons = sum((Counter(count.reasons) for count in self.counts), Counter[str]())
        judged = [sum(part) for part in zip(*(count.judged for count in self.counts), strict=True)]
        kept = sum(count.kept for count in self.counts)
        return Count(0, "", kept, dict(reasons.most_common()), (judged[0], judged[1], judged[2]))


def mechanisms(story: Story) -> list[Mechanisms]:
    """The steps that chose mechanisms, or judged or dropped rows of several of them; in order."""
    found: dict[str, list[Stage]] = defaultdict(list)
    for stage in story.done("row", "ask", "batch", "table"):
        found[_plain_name(stage)].append(stage)
    tallied = [
        _tallied(name, stages) for name, stages in found.items() if any(_counts(stage) for stage in stages)
    ]
    return [one for one in tallied if len(one.counts) > 1 and one.has_content]


def _plain_name(stage: Stage) -> str:
    """The step's name without its round: ``evolution.2.evolved`` is ``evolution.evolved``."""
    return ".".join(part for part in stage.name.split(".") if not part.isdigit())


def _counts(stage: Stage) -> bool:
    return stage.do in NAMING or stage.do.startswith("verification.") or stage.count("dropped") > 0


def _tallied(name: str, stages: list[Stage]) -> Mechanisms:
    kept: Counter[Key] = Counter()
    reasons: dict[Key, Counter[str]] = defaultdict(Counter)
    judged: dict[Key, Counter[bool | None]] = defaultdict(Counter)
    for stage in stages:
        own = stage.name.rpartition(".")[2]
        for step, task, meta, verdicts in Table(stage.folder.rows()).columns(*COLUMNS):
            key = _key(stage, step, task, meta, was_dropped=False)
            kept[key] += 1
            judged[key].update(verdict["passed"] for verdict in verdicts if verdict["by"] == own)
        for step, task, meta, _, reason in Table(stage.folder.drops()).columns(*COLUMNS, "reason"):
            reasons[_key(stage, step, task, meta, was_dropped=True)][reason] += 1
    counts = []
    for (number, mechanism), same in _named(sorted(kept.keys() | reasons.keys())).items():
        why = sum((reasons[key] for key in same), Counter[str]())
        marks = sum((judged[key] for key in same), Counter[bool | None]())
        three = (marks[True], marks[False], marks[None])
        counts.append(Count(number, mechanism, sum(kept[k] for k in same), dict(why.most_common()), three))
    return Mechanisms(name, stages[0].do, sum(stage.count("rows_in") for stage in stages), counts)


def _key(stage: Stage, step: str, task: str, meta: str, *, was_dropped: bool) -> Key:
    facts: dict[str, Any] = orjson.loads(meta)
    evolutions = facts.get("evolutions")
    round_ = stage.round or (evolutions if isinstance(evolutions, int) else 0)
    if was_dropped and stage.do in NAMING and step != stage.name.rpartition(".")[2]:
        return round_, str(facts.get("wanted") or ""), ""  # the request failed
    return round_, task, str(facts.get("persona") or facts.get("heuristic") or "")


def _named(keys: list[Key]) -> dict[tuple[int, str], list[Key]]:
    """(round, mechanism) -> the keys it stands for. The task is shown only if lines differ by it."""
    tasks = {task for _, task, _ in keys}
    marked = any(mark for _, _, mark in keys)
    found: dict[tuple[int, str], list[Key]] = defaultdict(list)
    for round_, task, mark in keys:
        shown = task if len(tasks - {""}) > 1 or not marked else ""
        found[round_, ": ".join(_filled(shown, mark))].append((round_, task, mark))
    return found


def _filled(*parts: str) -> Iterator[str]:
    return (part for part in parts if part)
