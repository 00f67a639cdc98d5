"""The rule-based teacher's answers: one module per mechanism, named after it.

A request's intent begins with the name of its mechanism: ``evolve.constraints`` is answered by ``evolve.py``.
Such a module has ``reply(request)``, which returns the answer, or None where no rule applies, and may have
``mistake(request)``, the wrong answer of a careless teacher. There is no list of them: a new module is found
by its name. A step outside tunesmith puts its own function into ``Request.offline_answer`` instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from ...requests import Request

Rule = Callable[[Request], str | None]


def reply(request: Request) -> str | None:
    """The right answer, or None where no rule applies."""
    return _answered(request.offline_answer or _rule(request.intent, "reply"), request)


def mistake(request: Request) -> str | None:
    """The wrong answer of a careless teacher, or None where there is no rule for one."""
    return None if request.offline_answer else _answered(_rule(request.intent, "mistake"), request)


@cache
def _rule(intent: str, name: str) -> Rule | None:
    mechanism = intent.partition(".")[0]
    if not mechanism.isidentifier() or find_spec(f"{__name__}.{mechanism}") is None:
        return None
    return getattr(import_module(f"{__name__}.{mechanism}"), name, None)


def _answered(rule: Rule | None, request: Request) -> str | None:
    try:
        return rule(request) if rule else None
    except RecursionError:  # code nested more deeply than Python can walk is beyond these rules
        return None
