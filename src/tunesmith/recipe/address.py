"""The name in a recipe is the address of the file: ``selection.kcenter`` is ``selection/kcenter.py``.

There is no registry. A module that holds a step holds one public ``Step``; the same rule finds models
(``use: openai`` is ``tunesmith/models/openai.py``). Other people's modules work by their dotted path.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel

from ..errors import UserError, nearest
from ..llm.model import Model
from ..step import Step

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
    """Every address in the rooms that holds a step."""
    return tuple(sorted(a for a in _modules(ROOMS) if _public(Step, _import(f"{_PACKAGE}.{a}"))))


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
    try:
        return _import(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            near = [
                name for name in known if name.split(".")[0] == address.split(".", maxsplit=1)[0]
            ] or known
            raise UserError("", f"nothing is at the address {address!r}", nearest(address, near)) from error
        problem = f"{address!r} needs the module {error.name!r}, which is not installed"
        raise UserError("", problem, f"pip install {error.name}") from error
    except (TypeError, ValueError) as error:
        raise UserError("", f"{address!r} cannot be used: {error}", nearest(address, known)) from error


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
