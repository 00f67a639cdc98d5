"""The flow of a run as the page shows it, one line per step: counts, reasons, costs, composition of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..llm.costs import CostLine
from ..runs.record import Course
from .story import Stage, Story
from .tally import UNSAID, brief, composition, verdicts

COLUMNS = ("task", "language", "source", "license")


@dataclass(frozen=True)
class FlowLine:
    """One step of the flow.

    reads: its inputs, empty if they are the rows just above.  edges: the names of all its inputs.
    model_from: the training step whose model it uses, or empty.
    made_of: column -> (value, rows), most frequent first.  judged: rows that passed, failed, are unknown.
    course: for a repeated block: rounds, kept, ended, probe.  kept_round: None outside of a block.
    """

    stage: Stage
    reads: str
    edges: list[str]
    model_from: str
    made_of: Mapping[str, list[tuple[str, int]]]
    judged: tuple[int, int, int] | None
    course: Course | None
    kept_round: bool | None

    @property
    def rows_in(self) -> int:
        return self.stage.count("rows_in")

    @property
    def kept(self) -> int:
        return self.stage.count("rows_out")

    @property
    def dropped(self) -> int:
        return self.stage.count("dropped")

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return [(str(reason), count) for reason, count in self.stage.record.reasons.items()]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Every setting of the step, defaults resolved."""
        return self.stage.record.params


@dataclass(frozen=True)
class Cost:
    """What one step spent on one intent (empty: on all of them).

    asked, kept: rows in, rows out.
    """

    step: str
    intent: str
    spent: CostLine
    asked: int = 0
    kept: int = 0

    @property
    def usd_per_row(self) -> float | None:
        """US dollars per row read."""
        return self.spent.usd / self.asked if self.asked and self.spent.usd else None

    @property
    def usd_per_kept_row(self) -> float | None:
        return self.spent.usd / self.kept if self.kept and self.spent.usd else None

    @property
    def tokens_per_kept_row(self) -> float | None:
        tokens = self.spent.input + self.spent.output + self.spent.stored_input + self.spent.stored_output
        return tokens / self.kept if self.kept and tokens else None


def flow(story: Story) -> list[FlowLine]:
    """Every stage of the run, in reading order."""
    lines: list[FlowLine] = []
    above: dict[str, str] = {}  # by round: the step whose rows come next by default
    for stage in story.stages:
        inside, _, name = stage.name.rpartition(".")
        edges = [giver.name for giver, _ in story.read_by(stage)]
        plain = stage.inputs in ([], [above.get(inside)])
        lines.append(
            FlowLine(
                stage,
                "" if plain else ", ".join(stage.inputs),
                edges,
                _model_from(story, stage),
                _made_of(stage),
                _judged(stage),
                stage.record.course,
                _kept_round(story, stage),
            )
        )
        if stage.count("rows_out"):
            above[inside] = name
    return lines


def _model_from(story: Story, stage: Stage) -> str:
    names = (".".join([*stage.name.split(".")[:-1], stage.model]), stage.model)
    return next((found.name for name in names if stage.model and (found := story.stage(name))), "")


def _made_of(stage: Stage) -> Mapping[str, list[tuple[str, int]]]:
    found = composition(stage.folder.rows(), *COLUMNS)
    return {name: brief(counts) for name, counts in found.items() if set(counts) - {UNSAID}}


def _judged(stage: Stage) -> tuple[int, int, int] | None:
    counts = verdicts([*stage.folder.rows(), *stage.folder.drops()]).get(stage.name)
    return (counts[True], counts[False], counts[None]) if counts else None


def _kept_round(story: Story, stage: Stage) -> bool | None:
    block = story.stage(stage.name.split(".")[0])
    if stage.round is None or block is None or block.record.course is None:
        return None
    return stage.round <= block.record.course.kept


def costs(story: Story) -> list[Cost]:
    """Every step that asked a model, and its intents where several are known."""
    found = []
    for stage in story.done():
        spent, intents = stage.record.spent, stage.record.intents
        if not spent.answers and not spent.stored_answers:
            continue
        found.append(Cost(stage.name, "", spent, stage.count("rows_in"), stage.count("rows_out")))
        if len(intents) > 1:
            found += [Cost(stage.name, intent, line) for intent, line in intents.items()]
    return found
