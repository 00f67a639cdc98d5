"""The name in a recipe is the address of the file: ``selection.kcenter`` is ``selection/kcenter.py``.

There is no registry. A module that holds a step holds one public ``Step``; the same rule finds models
(``use: openai`` is ``tunesmith/models/openai.py``). Other people's modules work by their dotted path.
Importing a module runs it, so the file is looked at first: only source code that defines a class is run.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..errors import UserError, nearest
from ..llm.model import Model
from ..step import Step
from .yaml import shown

ROOMS = ("sources", "synthesis", "selection", "verification", "training", "evaluation")
_PACKAGE = "tunesmith"
Found = TypeVar("Found", bound=BaseModel)


def find_step(address: str, home: Path | None = None) -> type[Step]:
    """The step class at ``address``; ``home`` is looked in too for modules outside the package.

    Raises:
        UserError: nothing is there, or not exactly one step; suggests the nearest address.
    """
    room = address.split(".", 1)[0]
    inside = room in ROOMS
    module = _module(f"{_PACKAGE}.{address}" if inside else address, home, address, step_addresses())
    return _only(Step, module, address, step_addresses())


def find_model(use: str, home: Path | None = None) -> type[Model]:
    """The model class that ``use:`` names: a file of ``tunesmith/models`` or a dotted path."""
    name = use if "." in use else f"{_PACKAGE}.models.{use}"
    return _only(Model, _module(name, home, use, model_names()), use, model_names())  # type: ignore[type-abstract]


@cache
def step_addresses() -> tuple[str, ...]:
    """The address of every step: each file of these packages without an underscore before its name."""
    return tuple(sorted(_modules(ROOMS)))


@cache
def model_names() -> tuple[str, ...]:
    """Every name that ``use:`` knows."""
    names = (address.split(".", 1)[1] for address in _modules(("models",)))
    return tuple(sorted(n for n in names if _public(Model, _import(f"{_PACKAGE}.models.{n}"))))  # type: ignore[type-abstract]


def address_of(kind: type[Step]) -> str:
    """The address that finds ``kind`` again."""
    return kind.__module__.removeprefix(f"{_PACKAGE}.")


def _modules(rooms: tuple[str, ...]) -> list[str]:
    found = []
    for room in rooms:
        package = _import(f"{_PACKAGE}.{room}")
        names = (info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg)
        found += [f"{room}.{name}" for name in names if not name.startswith("_")]
    return found


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)


def _module(name: str, home: Path | None, address: str, known: tuple[str, ...]) -> ModuleType:
    for place in (Path.cwd(), home):
        if place is not None and str(place) not in sys.path:
            sys.path.append(str(place))
    importlib.invalidate_caches()
    if name in sys.modules:
        return sys.modules[name]
    near = [name for name in known if name.split(".")[0] == address.split(".", maxsplit=1)[0]] or known
    source = _source_of(name)
    if source is None:
        raise UserError("", f"nothing is at the address {shown(address)!r}", nearest(address, near))
    if not name.startswith(f"{_PACKAGE}.") and not _defines_a_class(source):
        raise UserError("", f"{source} defines no class, so no step or model", nearest(address, near))
    try:
        return _import(name)
    except ModuleNotFoundError as error:
        problem = f"{address!r} needs the module {error.name!r}, which is not installed"
        raise UserError("", problem, f"pip install {error.name}") from error
    except (Exception, SystemExit) as error:  # whatever somebody's module does when it is run
        at = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{address!r} cannot be imported: {type(error).__name__}: {shown(error)}"
        raise UserError("", problem, f"see {at.filename}:{at.lineno}") from error


def _source_of(name: str) -> Path | None:
    """The source file of a module, found without running it or the packages around it."""
    places: Sequence[str] | None = None
    spec = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, places) if part.isidentifier() else None
        if spec is None:
            return None
        places = spec.submodule_search_locations or ()
    path = Path(spec.origin) if spec and spec.origin else None
    return path if path is not None and path.suffix == ".py" else None


def _defines_a_class(source: Path) -> bool:
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return True  # the import tells what is wrong and where
    return any(isinstance(node, ast.ClassDef) and node.bases for node in ast.walk(tree))


def _only(base: type[Found], module: ModuleType, address: str, known: tuple[str, ...]) -> type[Found]:
    found = _public(base, module)
    if len(found) != 1:
        names = [kind.__name__ for kind in found] or "none"
        problem = f"{address!r} must hold exactly one public {base.__name__}, it holds {names}"
        raise UserError("", problem, nearest(address, known))
    return found[0]


def _public(base: type[Found], module: ModuleType) -> list[type[Found]]:
    return [
        thing
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, base)
        and thing.__module__ == module.__name__
        and not name.startswith("_")
        and not inspect.isabstract(thing)
    ]


def keys_of(kind: type[BaseModel]) -> dict[str, FieldInfo]:
    """The recipe keys of a step, model or nested mapping; a key may differ from the field's Python name."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def renamed_keys(kind: type[BaseModel]) -> dict[str, str]:
    """Keys of earlier versions -> what each is called now; those of its mixins too."""
    return {old: new for base in kind.__mro__ for old, new in vars(base).get("renamed", {}).items()}


def owner_of(kind: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    """The model that has the last key of ``loc``: ``kind``, or a nested one such as ``lora``."""
    for part in loc[:-1]:
        field = keys_of(kind).get(str(part))
        inner = nested(field.annotation) if field else None
        kind = inner or kind
    return kind


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model within an annotation such as ``Lora | None``, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := nested(part))), None)
