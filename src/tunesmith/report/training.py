"""What a training step learnt from, why those rows, and how its loss went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .charts import Curve, curve
from .flow import COLUMNS
from .scores import model_label
from .story import Stage, Story
from .tally import brief, composition


@dataclass(frozen=True)
class Training:
    """One training step.

    start: the model it started from.  made_of: column -> (value, rows) of the rows it was given.
    givers: the steps whose rows (or bins) these are; their drop reasons say what was left out, and why.
    losses: first and last value of the curve, or None.  facts: what the trainer noted.
    example: (prompt, what is learnt after it) of one row, as the model saw it; None where none was noted.
    """

    stage: Stage
    start: str
    made_of: Mapping[str, list[tuple[str, int]]]
    givers: list[tuple[Stage, bool]]
    curve: Curve | None
    losses: tuple[float, float] | None
    facts: Mapping[str, Any]
    example: tuple[str, str] | None

    @property
    def rows(self) -> int:
        return self.stage.count("rows_in")


def trainings(story: Story) -> list[Training]:
    """Every finished training step, those in repeated blocks too."""
    return [_training(story, stage) for stage in story.done("train")]


def _training(story: Story, stage: Stage) -> Training:
    checkpoint = stage.checkpoint
    points = [(step, loss) for step, loss in checkpoint.losses if loss is not None]
    givers = story.read_by(stage)
    facts = dict(checkpoint.facts)
    example = facts.pop("example", None) or {}
    counts = composition(story.rows_read(stage), *COLUMNS)
    return Training(
        stage,
        model_label(story, stage.model),
        {name: brief(values) for name, values in counts.items() if values},
        givers,
        curve(points),
        (points[0][1], points[-1][1]) if points else None,
        facts,
        (str(example["prompt"]), str(example["supervised"])) if "supervised" in example else None,
    )
