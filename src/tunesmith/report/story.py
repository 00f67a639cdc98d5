"""A run as its folder records it: its stages in order, done, half done or still to come.

Report and cards start from here, and nothing here calls a step, a model or the network. A stopped run is
read as far as it went.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import RecipeError
from ..files import read_json
from ..recipe.yaml import read_document
from ..runs.run_folder import RunFolder, StepFolder

STATE = ("name", "paper", "about", "tiny", "seed", "status", "error", "tunesmith", "python", "machine", "at")
"""What run.json says of a run; ``error`` only if it stopped."""

State = Literal["done", "half done", "to come"]


@dataclass(frozen=True)
class Stage:
    """One step of the run.

    name: unique in the run, as its rows call it (``evolution.1.evolved``).  place: as the commands call
    it (``evolution/round-01/evolved``).  spec: its part of the recipe.  record: its step.json, or the
    counts of a step that is not done.  depth: 0, or 1 inside a repeated block.
    """

    name: str
    place: str
    depth: int
    state: State
    folder: StepFolder
    spec: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def do(self) -> str:
        return str(self.record.get("do") or self.spec.get("do") or "repeat")

    @property
    def kind(self) -> str:
        return str(self.record.get("kind", ""))

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs, as in the recipe."""
        return list(self.record.get("facts", {}).get("inputs", {}))

    @property
    def model(self) -> str:
        """The model that ``with:`` names; empty if there is none."""
        return str(self.spec.get("with", ""))

    @property
    def round(self) -> int | None:
        found = re.search(r"/round-(\d+)/", self.place)
        return int(found[1]) if found else None

    def count(self, what: str) -> int:
        """``rows_in``, ``rows_out`` or ``dropped``; 0 if the step has none."""
        return int(self.record.get(what) or 0)


@dataclass(frozen=True)
class Story:
    """A run: its state (run.json), its recipe, its stages in reading order."""

    run: RunFolder
    state: Mapping[str, Any]
    recipe: Mapping[str, Any]
    recipe_text: str
    stages: list[Stage] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.state.get("name") or self.run.path.name)

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
        for number in range(1, stage.record["kept"] + 1):
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
        return float(sum(stage.record.get("spent", {}).get(key, 0) for stage in self.done()))

    @property
    def seconds(self) -> float:
        """Time in steps; work repeated after a stop is not counted."""
        return sum(float(stage.record.get("seconds") or 0) for stage in self.done())


def read_story(run: RunFolder) -> Story:
    """The story of ``run``."""
    path = run.path / "recipe.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    recipe = _recipe(text)
    records = {folder.path: record for folder, record in run.records()}
    begun = {path.parent for path in run.path.rglob("begun.json")} - records.keys()
    stages = []
    for place in sorted({*records, *begun}):
        stages.append(_stage(run, place, records.get(place), recipe))
    known = {stage.name for stage in stages}
    stages += [
        Stage(name, name, 0, "to come", StepFolder(run.path / name), spec, {})
        for name, spec in _steps(recipe)
        if name not in known
    ]
    state = dict.fromkeys(STATE, "") | (read_json(run.path / "run.json") or {})
    return Story(run, state, recipe, text, stages)


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


def _stage(run: RunFolder, path: Path, record: dict[str, Any] | None, recipe: Mapping[str, Any]) -> Stage:
    folders = path.relative_to(run.path).parts
    parts = [re.sub(r"^\d\d-", "", part) for part in folders]
    spec = dict(_steps(recipe)).get(parts[0], {})
    if len(parts) > 1:
        spec = {**(spec.get("each") or {}), **(spec.get("probe") or {})}.get(parts[-1]) or {}
    place, folder = "/".join(parts), StepFolder(path)
    depth = 1 if len(parts) > 1 else 0
    if record is not None:
        return Stage(str(record["name"]), place, depth, "done", folder, spec, record)
    name = re.sub(r"/round-0*(\d+)/", r".\1.", place)
    return Stage(name, place, depth, "half done", folder, spec, _so_far(folder))


def _so_far(folder: StepFolder) -> dict[str, Any]:
    """The counts of a half-done step, from its whole shards."""
    if not folder.rows():
        return {}
    kept, reasons = folder.counts()
    dropped = sum(reasons.values())
    return {
        "rows_in": folder.covered(),
        "rows_out": kept,
        "dropped": dropped,
        "reasons": dict(reasons.most_common()),
    }
