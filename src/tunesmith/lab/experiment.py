"""An experiment: one recipe, several arms that change it, seeds, and what is compared.

    name: dolphcoder-mot
    paper: "2402.09136"
    question: Does returning to generation after the evaluation stage help?
    reported: what the paper found
    recipe: dolphcoder             # a bundled name, a file, or the recipe itself
    measure: scores                # the score step that is compared
    matched: steps                 # what all arms share: rows, tokens or steps
    seeds: 12
    common: {steps: {...}}         # laid over the recipe for every arm
    arms:
      none: {}
      mixed: {steps: {...}}        # laid over it for this arm, as a recipe's tiny: part is
    full: {common: {...}}          # laid over this file by --full: the same at the paper's scale

The first arm is the baseline: every other arm is compared with it unless ``contrasts`` lists pairs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..errors import Mistake, RecipeError, UserError, nearest
from ..recipe.load import locate, read_recipe
from ..recipe.overrides import lay_over
from ..recipe.recipe import Recipe
from ..recipe.yaml import Document, as_yaml, read_document


class Experiment(BaseModel):
    """A checked experiment file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9][\w-]*$")
    """Begins with the paper's name; names the result folder."""
    paper: str = ""
    """arXiv number of the method."""
    question: str
    """What is asked, in one sentence."""
    reported: str = ""
    """What the paper reports, with its section."""
    recipe: str | dict[str, Any]
    """A bundled recipe, a file, or the recipe itself."""
    tiny: bool = False
    """Start from the recipe's ``tiny:`` part."""
    measure: str
    """The score step whose tasks are compared."""
    matched: Literal["rows", "tokens", "steps", "none"] = "steps"
    """What every arm has the same amount of."""
    seeds: int = Field(default=5, ge=2)
    """How many seeds a run uses by default: 1, 2, 3, ..."""
    common: dict[str, Any] = {}
    """Laid over the recipe for every arm."""
    arms: dict[str, dict[str, Any] | None] = Field(min_length=2)
    """Name -> what is laid over the recipe for that arm."""
    contrasts: tuple[tuple[str, str], ...] = ()
    """Pairs (a, b): how much higher a scores than b. Default: every arm against the first."""
    full: dict[str, Any] = {}
    """Laid over this experiment by ``--full``."""

    @field_validator("arms")
    @classmethod
    def _plain_names(cls, arms: dict[str, Any]) -> dict[str, Any]:
        for name in arms:  # a name becomes a folder
            if not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"the arm {name!r} may hold only letters, digits, - and _")
        return arms

    @model_validator(mode="after")
    def _known_arms(self) -> Experiment:
        for name in (name for pair in self.contrasts for name in pair):
            if name not in self.arms:
                raise ValueError(f"contrasts name {name!r}, which is no arm: {nearest(name, self.arms)}")
        return self

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The contrasts, given or by default."""
        baseline, *others = self.arms
        return self.contrasts or tuple((other, baseline) for other in others)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An experiment with the folder that its relative paths start from."""

    experiment: Experiment
    home: Path

    def recipe(self, arm: str, seed: int, overrides: Sequence[str] = ()) -> Recipe:
        """The checked recipe of one arm under one seed.

        Raises:
            RecipeError: with every mistake of the recipe as the arm makes it.
        """
        experiment = self.experiment
        document = self._document()
        if experiment.tiny:
            lay_over(document, document.data.get("tiny") or {}, (), ("tiny",))
        document.data.pop("tiny", None)
        for over in (experiment.common, experiment.arms[arm] or {}, {"seed": seed}):
            lay_over(document, copy.deepcopy(over), (), ())
        document.data["name"] = f"{experiment.name}-{arm}"
        return read_recipe(document, self.home, overrides=overrides)

    def _document(self) -> Document:
        named = self.experiment.recipe
        if isinstance(named, str):
            path = self.home / named
            path = path if path.is_file() else locate(named)
            return read_document(path.read_text(encoding="utf-8"), path.name)
        head = {"name": self.experiment.name, "paper": self.experiment.paper}
        return read_document(as_yaml(head | copy.deepcopy(named)), f"the recipe of {self.experiment.name}")


def bundled_experiments() -> dict[str, Path]:
    """The experiments that come with tunesmith, by name."""
    folder = Path(str(files("tunesmith") / "lab" / "experiments"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_experiment(target: str | Path, *, full: bool = False) -> Loaded:
    """Read and check an experiment: a bundled name or a file.

    full: lay its ``full:`` part over it.

    Raises:
        UserError: there is no such experiment.  RecipeError: with every mistake of the file.
    """
    known = bundled_experiments()
    bundled = str(target) in known
    path = known[str(target)] if bundled else Path(target).expanduser()
    if not path.is_file():
        raise UserError("", f"no experiment is called {str(target)!r}", nearest(str(target), known))
    document = read_document(path.read_text(encoding="utf-8"), path.name)
    if full:
        if not document.data.get("full"):
            raise UserError(path.name, "has no full-scale variant", "add a `full:` part, or leave out --full")
        lay_over(document, document.data["full"], (), ("full",))
    if document.mistakes:
        raise RecipeError(document.mistakes)
    return Loaded(_checked(document), Path.cwd() if bundled else path.parent.resolve())


def _checked(document: Document) -> Experiment:
    try:
        return Experiment.model_validate(document.data)
    except ValidationError as error:
        raise RecipeError([_mistake(document, detail) for detail in error.errors()]) from error


def _mistake(document: Document, detail: Mapping[str, Any]) -> Mistake:
    where = document.where(tuple(detail["loc"]))
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        return Mistake(where, f"unknown key {key!r}", nearest(key, Experiment.model_fields))
    if detail["type"] == "missing":
        return Mistake(where, f"the key {detail['loc'][-1]!r} is missing")
    return Mistake(where, f"{detail['msg']}; came {detail['input']!r}")
