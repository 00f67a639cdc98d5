"""The held-out tasks of the starter world: ``starter`` to report, ``starter_dev`` to steer by.

Each is a combination of parts that no training task has, asked in one fixed wording. They come with
tunesmith, so there is no data to name.
"""

from __future__ import annotations

from ..chance import chance
from ..starter import world
from .problem import Benchmark, Problem

_SPLITS: dict[str, world.Split] = {"starter": "test", "starter_dev": "dev"}


def version(name: str, data: str | None) -> str:
    """A hash of the starter world."""
    return world.version()


def load(name: str, data: str | None) -> Benchmark:
    """The problems of ``starter`` or ``starter_dev``."""
    problems = tuple(map(problem, world.tasks(_SPLITS[name])))
    return Benchmark(name, version(name, data), problems)


def problem(task: world.Task) -> Problem:
    """One task as a problem, always in the same words."""
    wording = world.instruction(task, chance(0, "starter.benchmark", task.name))
    return Problem(
        task_id=f"starter/{task.name}",
        instruction=wording,
        tests=world.tests(task),
        canonical=world.solution(task, "comprehension"),
    )
