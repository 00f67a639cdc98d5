"""``fits``: whether an answer fits its task. Facts: ``instruction``, ``answer``, ``language``."""

from __future__ import annotations

import ast

from ...code.find_program import code_of
from ...replies import words
from ...requests import Request
from .judge import right, shown
from .python import describe


def reply(request: Request) -> str | None:
    """``YES`` or ``NO``, where the right program is known; else by the purpose in the code's docstring."""
    instruction, answer, language = shown(request)
    known = right(instruction, answer, language)
    source = describe.one_function(code_of(answer, "python")) if known is None else None
    purpose = describe.purpose(ast.get_docstring(source.function) or "") if source else ""
    if purpose:
        known = set(words(purpose)) <= set(words(instruction))
    return None if known is None else "YES" if known else "NO"
