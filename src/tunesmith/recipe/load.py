"""From the name or file of a recipe to a checked ``Recipe``: found, read, laid over, checked."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ..errors import Mistake, RecipeError, UserError, nearest
from .bundled import bundled
from .check import Checker
from .overrides import lay_over, override_key
from .recipe import Recipe
from .yaml import LARGEST_TEXT, Document, read_document, shown


def locate(target: str) -> Path:
    """The file that ``target`` names: a path, or a recipe that comes with tunesmith.

    Raises:
        UserError: there is no such file or name.
    """
    known = bundled()
    if target in known:
        return known[target]
    path = Path(target).expanduser()
    try:
        if path.is_file():
            return path
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise UserError(shown(path), f"cannot be read: {error.strerror}", "give another path") from error
    if path.suffix in (".yaml", ".yml") or "/" in target:
        raise UserError(
            str(path), "there is no such recipe file", "give a path, or a name from `tunesmith recipes`"
        )
    raise UserError("", f"no recipe is called {target!r}", nearest(target, known))


def load_recipe(target: str | Path, *, tiny: bool = False, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe file or a bundled recipe.

    tiny: lay its ``tiny:`` part over it.  overrides: ``steps.coreset.size=5000`` and the like.

    Raises:
        RecipeError: with every mistake that the recipe holds.
    """
    path = locate(str(target))
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LARGEST_TEXT + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(str(path), f"cannot be read: {error}", "save it as UTF-8 text") from error
    inside = path.parent == Path(str(files("tunesmith") / "recipes"))
    home = Path.cwd() if inside else path.parent.resolve()
    return read_recipe(read_document(text, path.name), home, tiny=tiny, overrides=overrides)


def read_recipe(
    document: Document, home: Path, *, tiny: bool = False, overrides: Sequence[str] = ()
) -> Recipe:
    """Check a parsed document; see ``load_recipe``."""
    if not isinstance(document.data, dict):
        raise RecipeError([Mistake(document.name, "a recipe is a mapping with name, models and steps")])
    if tiny:
        lay_over(document, document.data.get("tiny") or {}, (), ("tiny",))
    for override in overrides:
        override_key(document, override, home)
    return Checker(document, home).read(tiny)


def source_limits(recipe: Recipe, limit: int) -> list[str]:
    """The overrides under which no source of ``recipe`` gives more than ``limit`` rows.

    Raises:
        UserError: ``limit`` is below 1, or a source has no key ``limit``.
    """
    if limit < 1:
        raise UserError("--limit", f"{limit} is not a number of rows", "give a whole number of at least 1")
    overrides = []
    for node in recipe.all_nodes():
        if node.step.kind != "source":
            continue
        if "limit" not in type(node.step).model_fields:
            fix = f"give the step in {node.address} a field `limit`, or run without --limit"
            raise UserError(f"steps.{node.name}", f"{node.address} has no key `limit`", fix)
        now = vars(node.step)["limit"]
        overrides.append(f"steps.{node.name}.limit={limit if now is None else min(now, limit)}")
    return overrides
