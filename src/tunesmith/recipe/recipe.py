"""A recipe: declared models and a flat list of steps, read top to bottom.

    name: starter
    seed: 42
    models:
      teacher: {use: starter}
    steps:
      seeds:   {do: sources.starter}
      answers: {do: synthesis.answer, with: teacher}      # from: the rows just above
      kept:    {do: selection.where, passed: [executed]}
      trained: {do: training.sft, with: student, from: [kept, seeds.dropped]}
    tiny: {...}                                           # laid over the recipe by --tiny

``from`` names steps above (a list concatenates; ``X.dropped`` is X's bin); ``with`` names a declared
model or a training step above. A block with ``repeat`` is the only loop (see ``rounds``).
This module holds the types; ``recipe_checker`` makes them from text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..llm.model import Model
from ..step import Step

PREVIOUS, SO_FAR = "previous", "so_far"
"""Inside a repeated block: the rows of the round before; the block's input and all rounds up to now."""

MAY_LOSE = 0.98
"""``stop_if_dropped`` where a recipe does not give it: only a step that loses all of 50 rows is stopped."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Rows to read: a step's rows, or its bin."""

    name: str
    dropped: bool = False

    def __str__(self) -> str:
        return f"{self.name}.dropped" if self.dropped else self.name


@dataclass(frozen=True, slots=True)
class Node:
    """One step in its place: what it does, where its rows come from, which model it uses.

    stop_if_dropped: the share of its rows, 0..1, that a step which asks a model may lose; more stop the run.
    Not part of the step, because its rows do not depend on it: changing it runs nothing again.
    """

    name: str
    step: Step
    address: str
    inputs: tuple[Ref, ...] = ()
    model: str | None = None
    stop_if_dropped: float = MAY_LOSE

    @property
    def gives_rows(self) -> bool:
        return self.step.kind not in ("train", "score")


class StopRule(BaseModel):
    """When a repeated block ends early, judged by the score of its probe (WizardCoder sec. 3.2, Evol Stop).

    The best round so far is kept, with the rounds before it; later ones are not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    score: str = Field(default="falls", pattern="^falls$")
    """``falls``: stop when the probe's score is below the best round's."""
    patience: int = Field(default=1, ge=1)
    """How many rounds in a row may be worse before the block ends."""
    beyond_interval: bool = False
    """Count a round as worse only where its 95% interval lies below the best round's score."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The only loop: ``each`` runs ``repeat`` times, ``probe`` after each round.

    Its rows are its input and the rows of every kept round.
    """

    name: str
    repeat: int
    each: tuple[Node, ...]
    probe: tuple[Node, ...] = ()
    stop: StopRule | None = None
    inputs: tuple[Ref, ...] = ()

    @property
    def gives_rows(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Recipe:
    """A checked recipe.

    data: the effective document (overlay and overrides applied), which a run keeps as recipe.yaml.
    home: the folder that relative paths start from.  budget: most money to spend, USD.
    published_rows: step -> rows of the data that the paper used, for ``plan`` where the data is not here.
    """

    name: str
    nodes: tuple[Node | Rounds, ...]
    models: dict[str, Model]
    home: Path
    data: dict[str, Any]
    paper: str = ""
    about: str = ""
    seed: int = 42
    budget: float | None = None
    workers: int | None = None
    tiny: bool = False
    published_rows: dict[str, int] = field(default_factory=dict)

    def all_nodes(self) -> Iterator[Node]:
        """Every step, those inside repeated blocks too, in reading order."""
        for node in self.nodes:
            if isinstance(node, Rounds):
                yield from node.each
                yield from node.probe
            else:
                yield node
