"""Tests for starter tasks: asserts that catch every program with one part changed."""

from __future__ import annotations

from functools import cache

from .task import Task, pool

LEAST = 8
"""Fewest inputs; more if a near miss would pass."""


@cache
def tests(task: Task) -> str:
    """Source of asserts on ``solve``: edge inputs first, one a line, ending in a newline.

    Every variant of ``task`` that ever differs from it on the pool fails one of them.
    """
    wanted, inputs = task.results(), pool(task.family.name)
    chosen = list(range(LEAST))
    for variant in task.variants():
        results = variant.results()
        if all(results[i] == wanted[i] for i in chosen):
            chosen += [i for i in range(len(inputs)) if results[i] != wanted[i]][:1]
    return "".join(f"assert solve({inputs[i]!r}) == {wanted[i]}\n" for i in chosen)


def near_misses(task: Task) -> list[Task]:
    """Variants of ``task`` (one part more, less or another) that its tests catch."""
    wanted = task.results()
    return [variant for variant in task.variants() if variant.results() != wanted]
