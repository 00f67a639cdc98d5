"""``leak``: whether a task rewords a benchmark problem. Facts: ``problem``, ``instruction``."""

from __future__ import annotations

from ...replies import words
from ...requests import Request
from .. import world

_SAME, _OTHER = 0.9, 0.4
"""Shares of common words above which two tasks count as one, and below which as two."""


def reply(request: Request) -> str | None:
    """``YES`` or ``NO``: starter tasks by their results, other texts by their words; None in between."""
    problem, instruction = (str(request.facts.get(key, "")) for key in ("problem", "instruction"))
    one, other = world.read(problem), world.read(instruction)
    if one and other:
        return "YES" if one.task.results() == other.task.results() else "NO"
    first, second = set(words(problem)), set(words(instruction))
    alike = len(first & second) / len(first | second) if first | second else 0.0
    return "YES" if alike > _SAME else "NO" if alike < _OTHER else None
