"""A run as its folder records it: its stages in order, done, half done or still to come.

Report and cards start from here, and nothing here calls a step, a model or the network. A stopped run is
read as far as it went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import RecipeError
from ..recipe.yaml import read_document
from ..runs.record import CheckpointRecord, Place, RunState, StepRecord
from ..runs.run_folder import RunFolder, StepFolder

State = Literal["done", "half done", "to come"]


@dataclass(frozen=True)
class Stage:
    """One step of the run.

    spec: its part of the recipe.  record: its step.json, or what little is known of a step that is not done.
    """

    at: Place
    state: State
    folder: StepFolder
    spec: Mapping[str, Any]
    record: StepRecord

    @property
    def name(self) -> str:
        """Unique in the run, as its rows call it (``evolution.1.evolved``)."""
        return self.at.name

    @property
    def place(self) -> str:
        """As the commands call it (``evolution/round-01/evolved``)."""
        return self.at.path

    @property
    def depth(self) -> int:
        """0, or 1 inside a repeated block."""
        return int(self.at.round > 0)

    @property
    def do(self) -> str:
        return self.record.do

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs, as in the recipe."""
        return list(self.record.facts.get("inputs", {}))

    @property
    def checkpoint(self) -> CheckpointRecord:
        """What a training step made; empty for other steps."""
        return self.record.checkpoint or CheckpointRecord("")

    @property
    def model(self) -> str:
        """The model that ``with:`` names; empty if there is none."""
        return str(self.spec.get("with", ""))

    @property
    def round(self) -> int | None:
        return self.at.round or None

    def count(self, what: str) -> int:
        """``rows_in``, ``rows_out`` or ``dropped``; 0 where the step has none."""
        return int(getattr(self.record, what) or 0)


@dataclass(frozen=True)
class Story:
    """A run: its state (run.json), its recipe, its stages in reading order."""

    run: RunFolder
    state: RunState
    recipe: Mapping[str, Any]
    recipe_text: str
    stages: list[Stage] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.state.name or self.run.path.name

    def done(self, *kinds: str) -> list[Stage]:
        """The stages that are done, of these kinds; of any kind if none is named."""
        return [s for s in self.stages if s.state == "done" and (not kinds or s.kind in kinds)]

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def read_by(self, stage: Stage) -> list[tuple[Stage, bool]]:
        """The stages whose rows it reads, and whether it reads their dropped rows."""
        found = []
        for label in stage.inputs:
            name = label.removesuffix(".dropped")
            giver = self.stage(".".join([*stage.name.split(".")[:-1], name])) or self.stage(name)
            if giver is not None:
                found.append((giver, label.endswith(".dropped")))
        return found

    def rows(self, stage: Stage) -> list[Path]:
        """The shards of its rows; for a block its input and the last rows of each kept round."""
        if stage.kind != "rounds":
            return stage.folder.rows()
        shards = self.rows_read(stage)
        kept = stage.record.course.kept if stage.record.course else 0
        for number in range(1, kept + 1):
            each = [self.stage(f"{stage.name}.{number}.{name}") for name in stage.spec.get("each") or ()]
            last = [found for found in each if found is not None and found.folder.rows()][-1:]
            shards += [path for found in last for path in found.folder.rows()]
        return shards

    def rows_read(self, stage: Stage) -> list[Path]:
        """The shards that ``stage`` read, without those that a block calls ``previous`` or ``so_far``."""
        shards: list[Path] = []
        for giver, dropped in self.read_by(stage):
            shards += giver.folder.drops() if dropped else self.rows(giver)
        return shards

    def sum(self, key: str) -> float:
        """A sum over what the done steps spent: ``usd``, ``input``, ``output``, ``unpriced`` ..."""
        return float(sum(getattr(stage.record.spent, key) for stage in self.done()))

    @property
    def seconds(self) -> float:
        """Time in steps; work repeated after a stop is not counted."""
        return sum(stage.record.seconds or 0.0 for stage in self.done())


def read_story(run: RunFolder) -> Story:
    """The story of ``run``."""
    path = run.path / "recipe.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    recipe = _recipe(text)
    stages = []
    for place, folder in run.steps():
        done = folder.done
        if done or folder.made_of:
            stages.append(_stage(place, folder, done, _spec(recipe, place)))
    known = {stage.name for stage in stages}
    for number, (name, spec) in enumerate(_steps(recipe), start=1):
        if name not in known:
            place = Place(number, name)
            stages.append(
                Stage(place, "to come", StepFolder(run.path / place.folder), spec, _unknown(place, spec))
            )
    return Story(run, run.state or RunState(), recipe, text, stages)


def _recipe(text: str) -> Mapping[str, Any]:
    try:
        data = read_document(text, "recipe.yaml").data
    except RecipeError:
        return {}  # a report of a damaged folder is better than none
    return data if isinstance(data, dict) else {}


def _steps(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    steps = recipe.get("steps")
    for name, spec in steps.items() if isinstance(steps, dict) else ():
        yield str(name), spec if isinstance(spec, dict) else {}


def _spec(recipe: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    spec = dict(_steps(recipe)).get(place.step, {})
    return (
        {**(spec.get("each") or {}), **(spec.get("probe") or {})}.get(place.inner) or {}
        if place.round
        else spec
    )


def _stage(place: Place, folder: StepFolder, done: StepRecord | None, spec: Mapping[str, Any]) -> Stage:
    if done is not None:
        return Stage(place, "done", folder, spec, done)
    return Stage(place, "half done", folder, spec, _so_far(folder, _unknown(place, spec)))


def _unknown(place: Place, spec: Mapping[str, Any]) -> StepRecord:
    return StepRecord(name=place.name, do=str(spec.get("do") or "repeat"), kind="", key="")


def _so_far(folder: StepFolder, record: StepRecord) -> StepRecord:
    """The counts of a half-done step, from its whole shards."""
    if not folder.rows():
        return record
    counts = folder.counts()
    return replace(
        record, rows_in=folder.covered(), rows_out=counts.rows, dropped=counts.reasons.total(),
        reasons=dict(counts.reasons.most_common()),
    )  # fmt: skip
