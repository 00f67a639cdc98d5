"""``inverse``: the instruction that a program answers.

Facts: ``code``, ``language``, ``docstring``, ``opening``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from ...code.markdown import fingerprint, language_name
from ...requests import Request
from .. import world
from .python import describe
from .rng import rng


def reply(request: Request) -> str | None:
    """The task of a starter program, or an instruction from a real function's docstring and syntax tree."""
    code = str(request.facts.get("code", ""))
    if language_name(str(request.facts.get("language", ""))) not in ("", "python"):
        return None
    task = _programs().get(fingerprint(code))
    if task is not None:
        return world.instruction(task, rng(request))
    source = describe.one_function(code)
    docstring = str(request.facts.get("docstring") or "")
    purpose = describe.purpose(docstring or ast.get_docstring(source.function) or "") if source else ""
    if source is None or not purpose:
        return None
    opening = str(request.facts.get("opening") or "Write")
    account = describe.account(source)
    return f"{opening} a Python {source.kind} `{source.signature}`: {purpose} {account}"


@cache
def _programs() -> Mapping[str, world.Task]:
    """Every program of the starter world's training tasks, by fingerprint, and its task."""
    return {
        fingerprint(world.solution(task, style)): task
        for task in world.tasks("train")
        for style in world.STYLES
    }
