"""``write_tests``: asserts for a task. Facts: ``instruction``, ``code``.

Starter tasks get asserts that catch every program with one part changed. Other tasks get what their
requirements and examples state; what a program happens to do is never taken for what it should do.
"""

from __future__ import annotations

import ast
import re

from ...code.find_program import code_of
from ...code.markdown import parse
from ...replies import fenced
from ...requests import Request
from .. import world
from .python import describe, rework

_EXAMPLE = re.compile(r"`(\w+\([^`\n]*\))` gives `([^`\n]+)`")


def reply(request: Request) -> str | None:
    """Asserts in a block, or None where nothing fixes a result."""
    instruction = str(request.facts.get("instruction", ""))
    reading = world.read(instruction)
    if reading:
        return f"```python\n{world.tests(reading.task)}```"
    task = rework.read_back(instruction)
    code = task.code if task else code_of(str(request.facts.get("code") or ""), "python")
    tree = parse(code)
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None) if tree else None
    asserts = [
        f"assert {call} == {value}"
        for call, value in _EXAMPLE.findall(instruction)
        if parse(f"{call} == {value}")
    ]
    if task:
        asserts += rework.tests(task, function)
    if function:
        shown = describe.examples(ast.get_docstring(function) or "")
        called = f"{function.name}("
        asserts += [f"assert {call} == {value}" for call, value in shown if call.startswith(called)]
    return fenced("\n".join(asserts), "python") if asserts else None
