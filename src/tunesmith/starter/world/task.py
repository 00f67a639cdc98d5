"""A starter task, and what it does: its results on a pool of inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from ...chance import chance
from .families import FAMILIES
from .parts import SLOTS, Family, Part, Slot

Results = tuple[str, ...]
"""A task's results on every input of its family's pool, as Python source."""


@dataclass(frozen=True, slots=True)
class Task:
    """A family and one part per slot; only ``finish`` must be there."""

    family: Family
    finish: Part
    take: Part | None = None
    keep: Part | None = None
    change: Part | None = None

    @property
    def name(self) -> str:
        """For example ``numbers/even/square/sum``; ``*`` marks an absent part."""
        steps = [part.name if part else "*" for part in (self.keep, self.change)]
        return "/".join(
            [self.family.name, *([self.take.name] if self.take else []), *steps, self.finish.name]
        )

    def part(self, slot: Slot) -> Part | None:
        """The part in ``slot``."""
        return cast("Part | None", getattr(self, slot))

    def having(self, slot: Slot, part: Part | None) -> Task:
        """The same task with ``part`` in ``slot``."""
        return replace(self, **cast(Any, {slot: part}))

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its parts, in the order of execution."""
        return tuple(part for slot in SLOTS if (part := self.part(slot)))

    def variants(self) -> list[Task]:
        """Every task that differs in exactly one slot: a part more, less, or another."""
        found = []
        for slot in SLOTS:
            options: list[Part | None] = [*self.family.parts(slot)]
            if slot != "finish":
                options.insert(0, None)
            found += [self.having(slot, part) for part in options if part != self.part(slot)]
        return found

    def results(self) -> Results:
        """What the task gives on each input of ``pool``; tasks with equal results are the same task."""
        finish = _function(f"lambda items: {self.finish.code.format('items')}")
        return tuple(
            repr(finish(items)) for items in _changed(self.family, self.take, self.keep, self.change)
        )


@cache
def pool(family: str) -> tuple[Any, ...]:
    """Inputs of a family on which meanings are compared and from which tests are drawn; edges first."""
    rng = chance(0, "starter.pool", family)

    def some(choices: Any, least: int, most: int) -> list[Any]:
        return [
            choices[int(rng.random() * len(choices))]
            for _ in range(least + int(rng.random() * (most - least + 1)))
        ]

    if family == "numbers":
        edges: list[Any] = [[], [0], [7], [-6], [4, 4, 4]]
        return (*edges, *(some(range(-20, 31), 3, 9) for _ in range(40)))
    if family == "digits":
        return (0, 7, 20, 111, *(int("".join(map(str, some(range(10), 3, 9)))) for _ in range(40)))
    if family == "words":
        return ([], ["a"], ["tree"], ["noon", "noon"], *(some(_WORDS, 2, 7) for _ in range(40)))
    return ("", "a", "Z9", "aa  B", *("".join(some(_CHARACTERS, 4, 12)) for _ in range(40)))


_WORDS = [
    *("apple", "bee", "cat", "dune", "echo", "fig", "grape", "hat", "igloo", "jam", "kite", "lemon", "moon"),
    *("nest", "orange", "pepper", "quiz", "rain", "stars", "tent", "uncle", "violin", "window", "area"),
    *("ease", "level", "noon", "bob", "data", "pop", "eye", "ox", "up", "salsa", "sees", "ruler", "gnu"),
]
_CHARACTERS = "aabcdeeghiilmnooprstuvxyzAABDEGIKMOPRSTUYZ0123456789   "


@cache
def _function(source: str) -> Callable[[Any], Any]:
    return cast("Callable[[Any], Any]", eval(source))  # source comes from this package's own tables


@cache
def _items(family: Family, take: Part | None) -> tuple[list[Any], ...]:
    source = _function(f"lambda {family.argument}: list({family.source.format(take.code if take else '')})")
    return tuple(source(value) for value in pool(family.name))


@cache
def _kept(family: Family, take: Part | None, keep: Part | None) -> tuple[list[Any], ...]:
    if keep is None:
        return _items(family, take)
    test = _function(f"lambda {family.variable}: {keep.code}")
    return tuple(list(filter(test, items)) for items in _items(family, take))


@cache
def _changed(
    family: Family, take: Part | None, keep: Part | None, change: Part | None
) -> tuple[list[Any], ...]:
    if change is None:
        return _kept(family, take, keep)
    value = _function(f"lambda {family.variable}: {change.code}")
    return tuple(list(map(value, items)) for items in _kept(family, take, keep))


def simple_tasks() -> list[Task]:
    """Every task without a *take*, simplest first, whatever it means."""
    found = [
        Task(family, finish, keep=keep, change=change)
        for family in FAMILIES
        for keep in (None, *family.keeps)
        for change in (None, *family.changes)
        for finish in family.finishes
    ]
    return sorted(found, key=lambda task: len(task.parts))
