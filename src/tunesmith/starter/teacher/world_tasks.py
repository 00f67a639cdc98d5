"""What the starter teacher says about tasks of the starter world: answers, tests, harder tasks.

``HANDLERS`` are right; ``MISTAKES`` are the near misses of a careless teacher: the program of a
neighbouring task, an evolution that changes nothing. Wrong programs are those of training tasks, so
no held-out combination ever reaches a training text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import TypeVar

import orjson

from ...replies import sentences
from ...requests import Request
from .. import world
from .rng import rng

T = TypeVar("T")
_MANNERS = MappingProxyType({"functional": "functional", "terse": "comprehension", "simple_first": "loop"})
"""Personas of ``synthesis.diversify`` that leave no choice of style."""


def answer(request: Request) -> str | None:
    """A right program, in a style of rng's choosing; a loop where one pass is demanded."""
    reading, chosen = _read(request), rng(request)
    return _answer(request, reading, reading.task, chosen) if reading else None


def wrong_answer(request: Request) -> str | None:
    """The program of a task that differs in one part, and fails the tests."""
    reading, chosen = _read(request), rng(request)
    attempt = _near_miss(reading.task, chosen) if reading else None
    return _answer(request, reading, attempt, chosen) if reading and attempt else None


def write_tests(request: Request) -> str | None:
    """Asserts that catch every program with one part changed."""
    reading = _read(request)
    return f"```python\n{world.tests(reading.task)}```" if reading else None


def harder_by(how: world.Complication) -> Callable[[Request], str | None]:
    """A handler that asks for a task one complication away, in fresh words; a demand for one pass stays."""

    def evolve(request: Request) -> str | None:
        reading, chosen = _read(request), rng(request)
        if reading is None:
            return None
        options = [t for t in world.harder(reading.task, how) if t.finish.folds or not reading.one_pass]
        return _worded(_pick(options, chosen), reading.one_pass, chosen) if options else None

    return evolve


def misdirect(request: Request) -> str | None:
    """The same task, with a program for company that does nearly what is asked, but not quite."""
    reading, chosen = _read(request), rng(request)
    attempt = _near_miss(reading.task, chosen) if reading else None
    if reading is None or attempt is None or reading.misleading:
        return None
    wrong = world.solution(attempt, _pick(world.STYLES, chosen))
    return world.mislead(_worded(reading.task, reading.one_pass, chosen), wrong, chosen)


def demand_less(request: Request) -> str | None:
    """The same task, to be solved in one pass without a list, where that is possible."""
    reading, chosen = _read(request), rng(request)
    if reading is None or reading.one_pass or reading.misleading or not reading.task.finish.folds:
        return None
    return _worded(reading.task, True, chosen)


def further_tasks(request: Request) -> str | None:
    """Training tasks of the same family as one that is shown, in words of rng's choosing."""
    shown = [world.read(str(text)) for text in request.facts.get("tasks", ())]
    families = {reading.task.family.name for reading in shown if reading}
    pool = [task for task in world.tasks("train") if task.family.name in families]
    if not pool:
        return None
    chosen = rng(request)
    new = chosen.sample(pool, min(int(request.facts.get("count", 1)), len(pool)))
    return orjson.dumps({"tasks": [world.instruction(task, chosen) for task in new]}).decode()


def same_again(request: Request) -> str | None:
    """The instruction as it was: an evolution that failed."""
    return str(request.facts["instruction"]) if _read(request) else None


HANDLERS: Mapping[str, Callable[[Request], str | None]] = MappingProxyType({
    "answer": answer,
    "write_tests": write_tests,
    "evolve.constraints": harder_by("constraints"),
    "evolve.replace": harder_by("replace"),
    "evolve.reason": harder_by("reason"),
    "evolve.misdirect": misdirect,
    "evolve.complexity": demand_less,
    "self_instruct": further_tasks,
})  # fmt: skip

MISTAKES: Mapping[str, Callable[[Request], str | None]] = MappingProxyType({
    "answer": wrong_answer,
    **{intent: same_again for intent in HANDLERS if intent.startswith("evolve.")},
})  # fmt: skip


def _read(request: Request) -> world.Reading | None:
    """The task that an instruction is, or that an account of a function (``head``) begins with."""
    text = str(request.facts.get("instruction", ""))
    whole = world.read(text)
    if whole is not None or not request.facts.get("head"):
        return whole
    first = sentences(text)[:1]
    return world.read(first[0]) if first and first[0] != text.strip() else None


def _answer(request: Request, reading: world.Reading, task: world.Task, chosen: Random) -> str:
    """The program of ``task``, below the steps that lead to it where reasoning is asked for."""
    program = _program(task, _style(request, reading, chosen))
    return f"{_way(task, chosen)}\n\n{program}" if request.facts.get("reasoning") else program


def _way(task: world.Task, chosen: Random) -> str:
    """The steps of a task, in words of rng's choosing: all the reasoning that these rules do."""
    *steps, finish = [_pick(part.says, chosen) for part in task.parts]
    first = [f"First {steps[0]}.", *(f"Then {step}." for step in steps[1:])] if steps else []
    return " ".join([f"The input is `{task.family.argument}`.", *first, f"Last, {finish}."])


def _program(task: world.Task, style: str) -> str:
    return f"```python\n{world.solution(task, style)}```"


def _style(request: Request, reading: world.Reading, chosen: Random) -> str:
    wanted = "loop" if reading.one_pass else _MANNERS.get(str(request.facts.get("persona")))
    return wanted or _pick(world.STYLES, chosen)


def _near_miss(task: world.Task, chosen: Random) -> world.Task | None:
    options = [near for near in world.near_misses(task) if world.split_of(near) == "train"]
    return _pick(options, chosen) if options else None


def _worded(task: world.Task, one_pass: bool, chosen: Random) -> str:
    text = world.instruction(task, chosen)
    return world.demand_one_pass(text, chosen) if one_pass else text


def _pick(options: list[T] | tuple[T, ...], chosen: Random) -> T:
    return options[int(chosen.random() * len(options))]
