"""``review``: scores, advice and a better program for an answer.

Facts: ``instruction``, ``answer``, ``language``.
"""

from __future__ import annotations

import ast

import orjson

from ...code.find_program import code_of
from ...code.markdown import comments, parse
from ...replies import fenced
from ...requests import Request
from .. import world
from .judge import right, shown
from .python import rework


def reply(request: Request) -> str | None:
    """JSON: correctness where it is known, clarity by the code's smells, the right program."""
    return _review(request, honest=True)


def mistake(request: Request) -> str | None:
    """A review whose correctness is the opposite of the truth."""
    return _review(request, honest=False)


def _review(request: Request, *, honest: bool) -> str | None:
    instruction, answer, language = shown(request)
    known = right(instruction, answer, language)
    if known is None:
        return None
    code = code_of(answer, "python")
    advice = smells(code)
    better = code if known else _known_answer(instruction)
    if better is None:
        return None
    if not known:
        advice.insert(0, "correct the program: it does not do what is asked")
    clarity = max(1, 9 - 2 * len(advice) + bool(comments(code)))
    return orjson.dumps({
        "correctness": 9 if known == honest else 2,
        "clarity": clarity if parse(code) else 1,
        "suggestions": "; ".join(advice) or "none",
        "refined": fenced(better, "python"),
    }).decode()  # fmt: skip


def _known_answer(instruction: str) -> str | None:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        return world.solution(reading.task, "loop" if reading.one_pass else world.STYLES[0])
    return rework.solved(task) if task else None


_SHADOWED = {
    "list", "dict", "set", "str", "sum", "max", "min", "input", "type", "id", "len", "sorted", "filter",
}  # fmt: skip


def smells(code: str) -> list[str]:
    """Advice on Python code that parses: habits known to mislead or to hide mistakes."""
    tree = parse(code)
    advice = []
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            advice.append("name the exceptions that `except` catches")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            advice += _function_smells(node)
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) and side.value is None for side in sides):
                advice.append("compare with None by `is`")
        elif isinstance(node, ast.Assign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in _SHADOWED for target in targets):
                advice.append("do not give a variable the name of a builtin")
    return list(dict.fromkeys(advice))


def _function_smells(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    advice = []
    if any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in function.args.defaults):
        advice.append("do not use a mutable default argument")
    if (function.end_lineno or 0) - function.lineno > 40:
        advice.append(f"split `{function.name}`, which is long")
    if ast.get_docstring(function) is None:
        advice.append(f"say in a docstring what `{function.name}` does")
    return advice
