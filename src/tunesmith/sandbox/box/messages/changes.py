"""What a call did to the containers it was given, told so that the tests' own ones show the same.

The program works on copies. After a call that changed any, it tells what each of them holds now, in an
order that both ends find by themselves; what was one object there becomes one object here.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from typing import Any

_MAPPINGS = (dict, Counter, OrderedDict, defaultdict)
_CHANGEABLE = frozenset((list, set, bytearray, deque, *_MAPPINGS))
_HOLDERS = _CHANGEABLE | {tuple}


def containers(arguments: Iterable[Any]) -> list[Any]:
    """The containers in ``arguments`` that a call may change, however deep, each once."""
    found: dict[int, Any] = {}
    pending = [tuple(arguments)]
    while pending:
        one = pending.pop()
        if id(one) in found:
            continue
        found[id(one)] = one
        parts = one.values() if isinstance(one, _MAPPINGS) else one
        if not _HOLDERS.isdisjoint(map(type, parts)):
            pending += [part for part in parts if type(part) in _HOLDERS]
    return [one for one in found.values() if type(one) in _CHANGEABLE]


def state(kept: list[Any]) -> list[Any]:
    """What ``kept`` hold, with their order and the types of what is in them; equal where nothing changed."""
    places = {id(one): place for place, one in enumerate(kept)}
    return [_held(one, places) for one in kept]


def _held(one: Any, places: dict[int, int]) -> Any:
    if isinstance(one, _MAPPINGS):
        return type(one), list(map(type, one)), list(one), _told(list(one.values()), places)
    if isinstance(one, set):
        return type(one), {(type(part), part) for part in one}
    return type(one), _told(one if isinstance(one, bytearray) else list(one), places)


def _told(parts: Any, places: dict[int, int]) -> Any:
    kinds = list(map(type, parts))
    if _HOLDERS.isdisjoint(kinds):
        return kinds, parts[:]
    return kinds, [
        places[id(part)] if id(part) in places else _told(part, places) if type(part) is tuple else part
        for part in parts
    ]


def shares(value: Any, kept: list[Any]) -> bool:
    """Whether ``value`` is, or holds, one of ``kept``."""
    if type(value) not in _HOLDERS:
        return False
    known = set(map(id, kept))
    return any(id(one) in known for one in containers((value,)))


def repeat(ours: list[Any], theirs: tuple[Any, ...], value: Any) -> Any:
    """Do to ``ours`` what was done to ``theirs``; gives ``value``, with ours in the place of theirs.

    Raises TypeError where the two are not of the same kinds.
    """
    if [type(one) for one in ours] != [type(one) for one in theirs]:
        raise TypeError("other containers than were given")
    placed = {id(new): old for old, new in zip(ours, theirs, strict=True)}
    for old, new in zip(ours, theirs, strict=True):
        if isinstance(old, _MAPPINGS):
            items = [(key, _placed(part, placed)) for key, part in new.items()]
            old.clear()
            old.update(dict(items))
        elif isinstance(old, (list, deque)):
            parts = [_placed(part, placed) for part in new]
            old.clear()
            old.extend(parts)
        elif isinstance(old, set):
            old.clear()
            old.update(new)
        else:
            old[:] = new
    return _placed(value, placed)


def _placed(value: Any, placed: dict[int, Any]) -> Any:
    """``value``, with what ``placed`` names in the place of what has that identity, however deep."""
    if id(value) in placed:
        return placed[id(value)]
    kind = type(value)
    if kind is tuple and not _HOLDERS.isdisjoint(map(type, value)):
        return placed.setdefault(id(value), tuple(_placed(part, placed) for part in value))
    if kind is list or kind is deque:
        placed[id(value)] = value
        if not _HOLDERS.isdisjoint(map(type, value)):
            parts = [_placed(part, placed) for part in value]
            value.clear()
            value.extend(parts)
    elif kind in _MAPPINGS:
        placed[id(value)] = value
        for key, part in list(value.items()):
            if type(part) in _HOLDERS:
                value[key] = _placed(part, placed)
    return value
