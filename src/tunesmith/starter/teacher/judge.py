"""``judge``: whether an answer solves its task. Facts: ``instruction``, ``answer``, ``language``.

Nothing is run. The right programs of starter tasks and of tasks evolved by ``python/rework.py`` are known,
and so are their near misses; code that does not parse is wrong. Everything else is left open.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ...code.find_program import code_of
from ...code.markdown import fingerprint, language_name, parse
from ...requests import Request
from .. import world
from .python import rework

_WORDS = {True: "passed", False: "not passed"}


def reply(request: Request) -> str | None:
    """``passed`` or ``not passed``; None where no rule can tell."""
    known = right(*shown(request))
    return None if known is None else _WORDS[known]


def mistake(request: Request) -> str | None:
    """The opposite verdict."""
    known = right(*shown(request))
    return None if known is None else _WORDS[not known]


def shown(request: Request) -> tuple[str, str, str]:
    """Instruction, answer and language of a request about an answered row."""
    facts = request.facts
    return str(facts.get("instruction", "")), str(facts.get("answer", "")), str(facts.get("language", ""))


def right(instruction: str, answer: str, language: str = "python") -> bool | None:
    """Whether an answer solves an instruction; None where no rule can tell."""
    if language_name(language) not in ("", "python"):
        return None
    code = code_of(answer, "python")
    if parse(code) is None or not code.strip():
        return False if language_name(language) == "python" else None
    shape = fingerprint(code)
    if shape in _right_shapes(instruction):
        return True
    return False if shape in _wrong_shapes(instruction) else None


@lru_cache(maxsize=4096)
def _right_shapes(instruction: str) -> set[str]:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        styles = ("loop",) if reading.one_pass else world.STYLES
        return {fingerprint(world.solution(reading.task, style)) for style in styles}
    program = rework.solved(task) if task else None
    return {fingerprint(program)} if program else set()


@lru_cache(maxsize=4096)
def _wrong_shapes(instruction: str) -> set[str]:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        near = world.near_misses(reading.task)
        return {fingerprint(world.solution(other, style)) for other in near for style in world.STYLES}
    if task is None:
        return set()
    skipped = (replace(task, requirements=task.requirements[:n]) for n in range(len(task.requirements)))
    programs = [rework.solved(less) if less.requirements else less.code for less in skipped]
    return {fingerprint(program) for program in programs if program}
