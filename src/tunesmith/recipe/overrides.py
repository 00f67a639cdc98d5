"""Changes laid over a recipe before it is checked: its ``tiny:`` part, and ``key=value`` overrides.

The line numbers move along, so a mistake in an overlay is reported where it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path as Folder
from typing import Any

from ..errors import Mistake, UserError, nearest
from .address import find_model, find_step, keys_of
from .yaml import Document, Path, read_value

_NEW = object()
"""Stands where a new key's value is to come."""


def lay_over(document: Document, over: Any, path: Path, source: Path) -> None:
    """Lay ``over`` on the data at ``path``. A new do/use replaces its mapping.

    null removes a key that is there; where none is, it is the key's value, as in ``ngram: null``. A new
    key stands before the next one of ``over`` that was there already: so a step is put between steps.
    """
    _open_places(_at(document.data, path), over)
    for key, value in over.items() if isinstance(over, dict) else ():
        here = _at(document.data, path)
        place: Path = (*path, key)
        if value is None and here.get(key, _NEW) is not _NEW:
            del here[key]
        elif isinstance(value, dict) and isinstance(here.get(key), dict) and not value.keys() & {"do", "use"}:
            lay_over(document, value, place, (*source, key))
            continue
        else:
            here[key] = value
        depth = len(source) + 1
        moved = {p: n for p, n in document.lines.items() if p[:depth] == (*source, key)}
        document.lines.update({(*place, *p[depth:]): n for p, n in moved.items()})


def _open_places(here: Any, over: Any) -> None:
    """Put the keys of ``over`` that are new to ``here`` where they belong; their values come later."""
    if not isinstance(over, dict) or not isinstance(here, dict):
        return
    waiting: list[Any] = []
    before: dict[Any, list[Any]] = {}
    for key in over:
        if key in here:
            before[key], waiting = waiting, []
        else:
            waiting.append(key)
    old = dict(here)
    here.clear()
    for key, value in old.items():
        here |= dict.fromkeys(before.get(key, ()), _NEW)
        here[key] = value


def override_key(document: Document, override: str, home: Folder) -> None:
    """Lay one ``steps.coreset.size=5000`` over the recipe.

    A mapping that the recipe leaves out (``steps.evolved.weights.reason=2``) begins as the step's default.
    """
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    here, inside = document.data, False  # inside: of a step or model, whose mappings can be begun here
    for depth, key in enumerate(keys[:-1]):
        spec = isinstance(here, dict) and bool(here.keys() & {"do", "use"})
        if isinstance(here, dict) and here.get(key) is None and (spec or inside):
            here[key] = _default(here, key, home) if spec else {}
            document.lines[tuple(keys[: depth + 1])] = 0
        inside = inside or spec
        if not isinstance(here, dict) or not isinstance(here.get(key), dict):
            known = here if isinstance(here, dict) else ()
            at = ".".join(keys[: depth + 1])
            document.mistakes.append(
                Mistake(f"command line ({dotted})", f"the recipe has no {at!r}", nearest(key, known))
            )
            return
        here = here[key]
    if not equals:
        fix = "write key=value, for example steps.coreset.size=5000"
        document.mistakes.append(Mistake("command line", f"{override!r} is not an override", fix))
        return
    here[keys[-1]] = read_value(text)
    document.lines[tuple(keys)] = 0


def _default(spec: Mapping[str, Any], key: str, home: Folder) -> Any:
    """What the step or model ``spec`` has at ``key`` by default, if that is a mapping; else an empty one."""
    with suppress(UserError):  # the checker reports an address at which nothing is
        kind = find_step(str(spec["do"]), home) if "do" in spec else find_model(str(spec["use"]), home)
        field = keys_of(kind).get(key)
        default = None if field is None else field.get_default(call_default_factory=True)
        if isinstance(default, dict):
            return dict(default)
    return {}


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data
