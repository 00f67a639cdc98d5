"""``evolve.HEURISTIC``: a harder task. Facts: ``instruction``, ``answer``, ``language``.

The heuristic is ``constraints``, ``replace``, ``reason``, ``misdirect`` or ``complexity``. A starter task
stays in the starter world; any other solved Python task gets a requirement of ``python/rework.py``.
"""

from __future__ import annotations

from random import Random

from ...code.find_program import code_of
from ...code.markdown import language_name
from ...requests import Request
from .. import world
from .answer import near_miss
from .python import rework
from .rng import pick, rng


def reply(request: Request) -> str | None:
    """The instruction of a harder task, or None where no rule makes one."""
    heuristic = request.intent.partition(".")[2]
    instruction = str(request.facts.get("instruction", ""))
    reading, chosen = world.read(instruction), rng(request)
    if heuristic not in rework.HEURISTICS:
        return None
    if reading is not None:
        return _harder(reading, heuristic, chosen)
    if language_name(str(request.facts.get("language") or "python")) != "python":
        return None
    answer = code_of(str(request.facts.get("answer") or ""), "python")
    return rework.evolved(instruction, answer, heuristic, chosen)


def mistake(request: Request) -> str | None:
    """A starter task as it was: an evolution that failed."""
    instruction = str(request.facts.get("instruction", ""))
    return instruction if world.read(instruction) else None


def _harder(reading: world.Reading, heuristic: str, chosen: Random) -> str | None:
    """A starter task made harder; a demand for one pass stays."""
    if heuristic == "misdirect":
        return _misdirected(reading, chosen)
    if heuristic == "complexity":
        able = reading.task.finish.folds and not reading.one_pass and not reading.misleading
        return _worded(reading.task, True, chosen) if able else None
    options = [t for t in world.harder(reading.task, heuristic) if t.finish.folds or not reading.one_pass]
    return _worded(pick(options, chosen), reading.one_pass, chosen) if options else None


def _misdirected(reading: world.Reading, chosen: Random) -> str | None:
    """The same task, shown with a program that does nearly, but not quite, what is asked."""
    attempt = near_miss(reading.task, chosen)
    if attempt is None or reading.misleading:
        return None
    wrong = world.solution(attempt, pick(world.STYLES, chosen))
    return world.mislead(_worded(reading.task, reading.one_pass, chosen), wrong, chosen)


def _worded(task: world.Task, one_pass: bool, chosen: Random) -> str:
    text = world.instruction(task, chosen)
    return world.demand_one_pass(text, chosen) if one_pass else text
