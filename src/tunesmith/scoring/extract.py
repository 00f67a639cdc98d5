"""From a model's reply to a program: which part of the text is the answer.

One set of replies scores 53 to 60% by the choice made here alone, so the choice is part of a score's
protocol, and every attempt states how its program was found. ``fence_first`` is ours: it finds the program as
every step does (``code.find_program``) and joins it to the prompt. The others are of published evaluators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..benchmarks.problem import Problem
from ..code.find_program import find_program
from ..errors import UserError, nearest
from ..replies.thoughts import split
from . import published_extractors
from .assemble import assembled


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program without its tests, and in a few words how it was found."""

    program: str
    how: str


Extraction = Callable[[str, Problem], Extracted]


def fence_first(reply: str, problem: Problem) -> Extracted:
    """The fenced block that defines the entry point, else the first in the language, else the bare code.

    A reply that ends inside its thoughts holds no program: a draft in them is no answer.
    """
    names = (problem.entry_point,) if problem.entry_point else ()
    found = find_program(split(reply).answer, problem.language, names, problem.prompt)
    if not found.code.strip():
        return Extracted("", "no code")
    program, joined = assembled(found.code, problem)
    return Extracted(program, f"{found.how}, {joined}" if joined else found.how)


def _published(function: Callable[[str, Problem], str], how: str) -> Extraction:
    def extract(reply: str, problem: Problem) -> Extracted:
        program = function(reply, problem)
        return Extracted(program, how if program.strip() else "no code")

    return extract


EXTRACTIONS: Mapping[str, Extraction] = MappingProxyType(
    {
        "fence_first": fence_first,
        "human_eval": _published(published_extractors.human_eval, "appended to the prompt"),
        "evalplus": _published(
            published_extractors.evalplus, "longest part that parses, reachable definitions"
        ),
        "wizardcoder": _published(
            published_extractors.wizardcoder, "first python fence, cut at its examples"
        ),
        "livecodebench": _published(published_extractors.livecodebench, "between the last two fences"),
        "lm_eval": _published(published_extractors.lm_eval, "prompt and reply up to a stop word"),
        "bigcode": _published(published_extractors.bigcode, "prompt and reply up to a stop word"),
        "program": _published(lambda reply, problem: reply, "unchanged"),
    }
)
"""Every way to find the program, by the name that ``extraction:`` takes."""


def extraction(name: str, where: str = "extraction") -> Extraction:
    """The extraction called ``name``.

    Raises:
        UserError: there is none of this name.
    """
    if name not in EXTRACTIONS:
        raise UserError(where, f"no extraction is called {name!r}", nearest(name, EXTRACTIONS))
    return EXTRACTIONS[name]
