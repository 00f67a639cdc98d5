"""The tasks of the starter world, and which of them are held out.

Two tasks that give the same results are one task; the simpler one stays. Tasks that ignore or merely return
their input are left out. Of the tasks with a keep, a change and a finish, some *combinations* are held out:
every part occurs in many training tasks, the combination in none. ``dev`` steers (Evol Stop) and is never
reported; ``test`` is what scores are made on. Tasks with a *take* are not listed: they come from evolution,
and belong to training unless they, or they without the take, do what a held-out task does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from ...chance import number
from .families import FAMILIES
from .task import Results, Task, pool, simple_tasks
from .wording import FRAMES

Split = Literal["train", "dev", "test"]
TEST_SHARE, DEV_SHARE = 0.17, 0.07
"""Of each family's tasks with a keep, a change and a finish."""


def tasks(split: Split) -> tuple[Task, ...]:
    """The tasks of one split, in a fixed order, simplest first."""
    return _splits()[split]


def split_of(task: Task) -> Split | None:
    """The split that ``task`` belongs to by what it does; None if it does nothing of interest."""
    results = task.results()
    if _is_dull(task, results):
        return None
    owners = _owners(task.family.name)
    found = {owners.get(results, "train"), owners.get(task.having("take", None).results(), "train")}
    return "test" if "test" in found else "dev" if "dev" in found else "train"


def version() -> str:
    """16 hex digits over every task: its words, what it gives, and which split it is in."""
    return _version()


@cache
def _version() -> str:
    digest = hashlib.blake2b(repr(FRAMES).encode(), digest_size=8)
    for split, members in _splits().items():
        for task in members:
            digest.update(repr((split, task.name, task.parts, task.results())).encode())
    return digest.hexdigest()


@cache
def _splits() -> Mapping[Split, tuple[Task, ...]]:
    found: dict[Split, list[Task]] = {"train": [], "dev": [], "test": []}
    by_family: dict[str, list[Task]] = {family.name: [] for family in FAMILIES}
    seen: set[tuple[str, Results]] = set()
    for task in simple_tasks():
        results = task.results()
        if (task.family.name, results) not in seen and not _is_dull(task, results):
            by_family[task.family.name].append(task)
        seen.add((task.family.name, results))
    for family in by_family.values():
        whole = [task for task in family if task.keep and task.change]
        whole.sort(key=lambda task: number(0, "starter.split", task.name))
        test = round(TEST_SHARE * len(whole))
        dev = round(DEV_SHARE * len(whole))
        held_out = {task.name: "test" for task in whole[:test]}
        held_out |= {task.name: "dev" for task in whole[test : test + dev]}
        for task in family:
            found[held_out.get(task.name, "train")].append(task)  # type: ignore[index]
    return MappingProxyType({split: tuple(members) for split, members in found.items()})


@cache
def _owners(family: str) -> Mapping[Results, Split]:
    return {
        task.results(): split
        for split, members in _splits().items()
        for task in members
        if task.family.name == family
    }


def _is_dull(task: Task, results: Results) -> bool:
    """Whether the task is constant but for a few inputs, or gives its input back."""
    commonest = max(results.count(result) for result in set(results))
    return commonest > 0.7 * len(results) or results == tuple(map(repr, pool(task.family.name)))
