"""Sets that keep their order from one process to another.

The order of a set depends on the size of its table and on the order in which colliding items were added,
neither of which a list of its items tells. So a set is sent as its items in order and the number of its
slots, and the reader looks for insertions that give both. It finds them nearly always; where it does not,
the set has the right items in another order (docs/security.md).
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Iterator
from typing import Any

_EMPTY, _SLOT = set().__sizeof__(), 16
_MOST_SLOTS, _MOST_STEPS, _FEW = 1 << 12, 1 << 12, 5
"""Of what is tried for one set, since a program chooses what is sent here."""
_LINEAR, _MOST_JUMPS = 9, 12
_FILLER = 1 << 59
"""Whose hash is itself, so that a filler's slot is the rest of its sum."""


def slots(value: set[Any] | frozenset[Any]) -> int:
    """The number of slots in the table of a set; 8 are within the object itself."""
    return max(8, (value.__sizeof__() - _EMPTY) // _SLOT)


def rebuilt(items: list[Any], size: int, kind: type[Any] = set) -> Any:
    """A set of these items in this order, in a table of ``size`` slots, where such a one can be built.

    kind: ``set`` or ``frozenset``; a frozen set is a copy of a table, which may be smaller.
    """
    if not 8 <= size <= _MOST_SLOTS or len(items) > size:
        return kind(items)
    in_order = None
    for fillers, order in _insertions(items, size - 1):
        presized = _presized(fillers, order, size)
        for made in (kind(order), kind(dict.fromkeys(order)), presized if kind is set else kind(presized)):
            if list(made) == items:
                if slots(made) == size:
                    return made
                in_order = in_order or made
    return in_order or kind(items)


def _insertions(items: list[Any], mask: int) -> Iterator[tuple[list[int], list[Any]]]:
    """Insertions to try: slots that something else took before, since removed, and an order of the items."""
    yield [], items
    probes = [_probes(hash(item), mask) for item in items]
    if (places := _places(probes)) is not None:
        yield [], [items[number] for number in _after_what_they_met(probes, places)]
    if (places := _first_places(probes)) is not None:
        passed = set[int]()
        for each, place in zip(probes, places, strict=True):
            passed.update(each[: each.index(place)])
        order = [items[number] for number in _after_what_they_met(probes, places)]
        yield sorted(passed.difference(places)), order
    if len(items) <= _FEW:
        yield from (([], list(order)) for order in itertools.permutations(items))


def _probes(key: int, mask: int) -> list[int]:
    """The slots that the interpreter looks at for a hash, in order (``set_add_entry`` in setobject.c)."""
    perturb, at, seen = key & (1 << 64) - 1, key & mask, list[int]()
    for _ in range(_MOST_JUMPS):
        seen += range(at, at + _LINEAR + 1) if at + _LINEAR <= mask else (at,)
        perturb >>= 5
        at = (at * 5 + 1 + perturb) & mask
    return list(dict.fromkeys(seen))


def _places(probes: list[list[int]]) -> list[int] | None:
    """The slot of each item: rising, and such that every slot an item passed over is taken. A search that
    goes back where a slot that was passed over can no longer be taken; None where it finds nothing."""
    chosen: list[int] = []  # by item, the index into its probes
    taken: set[int] = set()
    owed: list[set[int]] = [set()]  # by item, slots beyond it that must be taken yet
    start, steps = 0, 0
    while len(chosen) < len(probes):
        steps += 1
        number = len(chosen)
        last = probes[number - 1][chosen[-1]] if chosen else -1
        for index in range(start, len(probes[number])):
            slot, passed = probes[number][index], probes[number][:index]
            if slot > last and not any(each < slot and each not in taken for each in passed):
                due = owed[-1] | {each for each in passed if each > slot}
                if not due or min(due) >= slot:
                    break
        else:
            if not chosen or steps > _MOST_STEPS:
                return None
            start = chosen.pop() + 1
            taken.discard(last)
            owed.pop()
            continue
        chosen.append(index)
        taken.add(slot)
        owed.append(due - {slot})
        start = 0
    return [probes[number][index] for number, index in enumerate(chosen)] if not owed[-1] else None


def _first_places(probes: list[list[int]]) -> list[int] | None:
    """The first slot of each item beyond that of the one before; what it passed over may be free again."""
    places: list[int] = []
    for each in probes:
        place = next((slot for slot in each if not places or slot > places[-1]), None)
        if place is None:
            return None
        places.append(place)
    return places


def _after_what_they_met(probes: list[list[int]], places: list[int]) -> Iterator[int]:
    """Numbers of the items, each after those in the slots that it passed over."""
    at = {place: number for number, place in enumerate(places)}
    met = {
        number: [at[slot] for slot in probes[number][: probes[number].index(place)] if slot in at]
        for number, place in enumerate(places)
    }
    try:
        yield from graphlib.TopologicalSorter(met).static_order()
    except graphlib.CycleError:
        yield from range(len(places))


def _presized(taken: list[int], order: list[Any], size: int) -> set[Any]:
    """A set whose table has its size before anything is added: of a dict, as the interpreter makes it.

    It then has more than twice as many slots as the dict has keys. Fillers come first in the slots that were
    ``taken``, and last for the size; in the end they are removed, as what was there had been.
    """
    first = [_FILLER + slot for slot in taken]
    wanted = 0 if size == 8 else max(5, size // 4)  # with fewer than 5 the table would stay at 8
    last = [2 * _FILLER + number for number in range(wanted - len(order) - len(first))]
    made = set(dict.fromkeys([*first, *order, *last]))
    for filler in (*first, *last):
        made.discard(filler)
    return made
