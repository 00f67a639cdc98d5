"""The extractions of published evaluators, in code of our own, to score replies as they did.

Each takes a reply and its problem and gives the program. Each states what it loses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from ..benchmarks.problem import Problem
from ..code.chunks import parsing_head, top_level
from ..code.markdown import parse

_LM_EVAL = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
_BIGCODE = (*_LM_EVAL, "\n@", "\nassert", "\n```")
_PYTHON_FENCE = re.compile(r"^```python[^\n]*\n", re.MULTILINE | re.IGNORECASE)


def human_eval(reply: str, problem: Problem) -> str:
    """OpenAI's human-eval: the completion follows the prompt, as it came."""
    return problem.prompt + reply


def lm_eval(reply: str, problem: Problem) -> str:
    """lm-evaluation-harness: cut at its stop words. Whole functions of chat models are lost this way."""
    return problem.prompt + _cut(reply, _LM_EVAL)


def bigcode(reply: str, problem: Problem) -> str:
    """The bigcode harness: as lm-eval, with decorators, asserts and fences among the stop words."""
    return problem.prompt + _cut(reply, _BIGCODE)


def wizardcoder(reply: str, problem: Problem) -> str:
    """WizardCoder: the first Python fence up to a main guard or example usage; tabs are four blanks."""
    text = reply.replace("\r", "").replace("\t", "    ")
    fence = _PYTHON_FENCE.search(text)
    code = text[fence.end() :] if fence else text
    code = _cut(code, ("\n```",) if fence else ())
    code = _cut(code, ("\nif __name__ ==", "\n# Example usage", "\n# Test examples"))
    return problem.prompt + "\n" + code


def livecodebench(reply: str, problem: Problem) -> str:
    """LiveCodeBench: the text between the last two lines that hold a fence; nothing where there is one."""
    lines = reply.split("\n")
    fences = [place for place, line in enumerate(lines) if "```" in line]
    if len(fences) < 2:
        return ""
    return "\n".join(lines[fences[-2] + 1 : fences[-1]])


def evalplus(reply: str, problem: Problem) -> str:
    """evalplus: the longest run of lines that parses, then imports and what the entry point reaches.

    Theirs tries every pair of lines; here a run grows statement by statement, so the work is linear in the
    usual case. As theirs does, it keeps the first of several definitions of one name, and drops decorated
    definitions and functions without a ``return``.
    """
    tree, code = _longest_module(reply if "def " in reply else problem.prompt + reply)
    if tree is None:
        return ""
    if problem.entry_point:
        kept = _reachable(tree, problem.entry_point)
        return "\n\n".join(ast.unparse(node) for node in kept) or code
    return code


def _cut(text: str, words: Iterable[str]) -> str:
    return text[: min((place for word in words if (place := text.find(word)) >= 0), default=len(text))]


def _longest_module(text: str) -> tuple[ast.Module | None, str]:
    """The longest run of whole top-level statements in ``text`` that parses, counted in lines of code."""
    best: tuple[int, ast.Module | None, str] = (0, None, "")
    for run in _runs(text.expandtabs(4).splitlines()):
        code = "\n".join(run)
        tree = parse(code)
        size = sum(1 for line in run if line.strip())
        if tree is not None and size > best[0]:
            best = (size, tree, code)
    return best[1], best[2]


def _runs(lines: list[str]) -> Iterable[list[str]]:
    """Runs of adjacent chunks that parse one by one; a chunk is a line at the margin and those under it."""
    run: list[str] = []
    for chunk in top_level(lines):
        whole = parsing_head(chunk)
        if len(whole) == len(chunk):
            run += chunk
            continue
        yield run + whole
        run = []
    yield run


def _reachable(tree: ast.Module, entry_point: str) -> list[ast.stmt]:
    """Imports, and the first definitions of the names that ``entry_point`` reaches."""
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    ]
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        for name in _defines(node):
            defined.setdefault(name, node)
    reached, waiting = {entry_point}, [entry_point] if entry_point in defined else []
    while waiting:
        for inner in ast.walk(defined[waiting.pop()]):
            name = _identifier(inner)
            if name in defined and name not in reached:
                reached.add(name)
                waiting.append(name)
    return [*imports, *(node for name, node in defined.items() if name in reached)]


def _identifier(node: ast.AST) -> str:
    """The name in a node: attributes, arguments and keywords count for evalplus as well."""
    for field in ("id", "attr", "arg"):
        if isinstance(name := getattr(node, field, None), str):
            return name
    return ""


def _defines(node: ast.stmt) -> list[str]:
    """The name that a statement defines for evalplus, if any."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        returns = isinstance(node, ast.ClassDef) or any(isinstance(one, ast.Return) for one in ast.walk(node))
        return [node.name] if returns and not node.decorator_list else []
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return [target.id] if isinstance(target, ast.Name) else []
    return []
