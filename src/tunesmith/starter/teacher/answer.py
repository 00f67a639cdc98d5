"""``answer``: the program for a task of the starter world, or for a task evolved by ``python/rework.py``.

Facts: ``instruction``, ``persona`` (chooses the style), ``head`` (only the first sentence states the task),
``reasoning`` (the steps stand above the program).
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import MappingProxyType

from ...replies import fenced, sentences
from ...requests import Request
from .. import world
from .python import rework
from .rng import pick, rng

_STYLES = MappingProxyType({"functional": "functional", "terse": "comprehension", "simple_first": "loop"})
"""Personas of ``synthesis.diversify`` that leave no choice of style."""


def reply(request: Request) -> str | None:
    """A right program, in a random style; a loop where the task demands one pass."""
    chosen, reading = rng(request), _read(request)
    if reading is not None:
        return _answer(request, reading, reading.task, chosen)
    task = rework.read_back(str(request.facts.get("instruction", "")))
    program = rework.solved(task) if task else None
    return fenced(program, "python") if program else None


def mistake(request: Request) -> str | None:
    """The program of a task that differs in one part, or a program that skips the last requirement."""
    chosen, reading = rng(request), _read(request)
    attempt = near_miss(reading.task, chosen) if reading else None
    if reading and attempt:
        return _answer(request, reading, attempt, chosen)
    task = rework.read_back(str(request.facts.get("instruction", "")))
    program = rework.solved(replace(task, requirements=task.requirements[:-1])) if task else None
    return fenced(program, "python") if program else None


def near_miss(task: world.Task, chosen: Random) -> world.Task | None:
    """A task that differs from ``task`` in one part. Only training tasks: no held-out one is ever taught."""
    options = [near for near in world.near_misses(task) if world.split_of(near) == "train"]
    return pick(options, chosen) if options else None


def _read(request: Request) -> world.Reading | None:
    text = str(request.facts.get("instruction", ""))
    whole = world.read(text)
    if whole is not None or not request.facts.get("head"):
        return whole
    first = sentences(text)[:1]
    return world.read(first[0]) if first and first[0] != text.strip() else None


def _answer(request: Request, reading: world.Reading, task: world.Task, chosen: Random) -> str:
    style = "loop" if reading.one_pass else _STYLES.get(str(request.facts.get("persona")))
    program = f"```python\n{world.solution(task, style or pick(world.STYLES, chosen))}```"
    return f"{_steps(task, chosen)}\n\n{program}" if request.facts.get("reasoning") else program


def _steps(task: world.Task, chosen: Random) -> str:
    """The steps of a task in random wordings: all the reasoning that these rules do."""
    *steps, finish = [pick(part.says, chosen) for part in task.parts]
    first = [f"First {steps[0]}.", *(f"Then {step}." for step in steps[1:])] if steps else []
    return " ".join([f"The input is `{task.family.argument}`.", *first, f"Last, {finish}."])
