"""Putting a program together: the prompt's beginning, and the code that a model wrote.

A model answers a function's header with the function's body or with the whole function. Either way the
imports and helpers that stand in the prompt above the header belong to the program.
"""

from __future__ import annotations

import ast
import re
import textwrap

from ..benchmarks.braces import bare, braces, defines_main, without_main
from ..benchmarks.problem import Problem
from ..code.markdown import parse
from .rust_imports import without_repeated_imports

_FUTURE = re.compile(r"^from __future__ import[ \t]*(?:\([^()]*\))?[^\n]*\n?", re.MULTILINE)
_HEADERS = {
    "python": r"^(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b|^{name}[ \t]*(?::[^=\n]+)?=(?!=)",
    "javascript": r"^[ \t]*(?:export\s+)?(?:async\s+)?"
    r"function\*?\s+{name}\b|^(?:export\s+)?(?:const|let|var)\s+{name}\s*[:=]"
    r"|^[ \t]+(?:const|let|var)\s+{name}\s*(?::[^;]*?)?=\s*(?:async\b\s*)?"
    r"(?:function\b|\w+\s*=>|\((?:[^()]|\([^()]*\))*\)\s*(?::[^={;]+)?=>)",
    "go": r"^func\s+(?:\([^)\n]*\)\s*)?{name}\s*[\[(]",
    "rust": r"^[ \t]*(?:pub\s+)?fn\s+{name}\b",
}
_HEADERS["typescript"] = _HEADERS["javascript"]
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CALLED = re.compile(r"[ \t]*\([^;{}]*\)[^;{}()=]*\{")
_CLASS = re.compile(r"^[ \t]*(?:public\s+)?(?:final\s+)?class\s", re.MULTILINE)
_NOT_A_TYPE = re.compile(r"(?:^|\b)(?:return|else|throw|new|case)\s*$|[^\w>*&\]\s]\s*$|^\s*$")


def defines(code: str, name: str, language: str) -> bool:
    """Whether ``code`` defines a function called ``name``."""
    return _definition(code, name, language) is not None


def is_stub(code: str, name: str, language: str) -> bool:
    """Whether ``code`` shows the header of ``name`` and no body: ``pass``, ``...``, a docstring."""
    if language != "python":
        _, opened, body = bare(code)[_definition(code, name, language) :].partition("{")
        return bool(opened) and re.search(r"\w", body) is None
    shown = (parse(code.rstrip() + end) for end in ("", "\n    pass", ":\n    pass"))
    tree = next((tree for tree in shown if tree is not None), ast.Module([], []))
    found = [node for node in tree.body if isinstance(node, _NAMED) and node.name == name]
    return bool(found) and _is_empty(found[-1])


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, _NAMED):
        return all(map(_is_empty, node.body))
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    said = node.value if isinstance(node, ast.Expr) else node
    return isinstance(said, ast.Constant | ast.Pass | ast.Import | ast.ImportFrom)


def _definition(code: str, name: str, language: str) -> int | None:
    """Offset of the line that defines function ``name``; one that only a comment shows is none."""
    if not name:
        return None
    if language == "python":
        return _header(code, name, language)
    found = _header(bare(code), name, language)
    return _header(code, name, language) if found is None else found


def _header(code: str, name: str, language: str) -> int | None:
    if language in _HEADERS:
        found = re.search(_HEADERS[language].replace("{name}", re.escape(name)), code, re.MULTILINE)
        return found.start() if found else None
    for word in re.finditer(rf"\b{re.escape(name)}\b", code):
        start = code.rfind("\n", 0, word.start()) + 1
        typed = _NOT_A_TYPE.search(code[max(start, word.start() - 200) : word.start()]) is None
        if typed and _CALLED.match(code, word.end(), word.end() + 1000):
            return start
    return None


def assembled(code: str, problem: Problem) -> tuple[str, str]:
    """(program, what was joined to ``code``) for a problem whose tests come after the program."""
    if problem.as_text:
        return code[: min((at for stop in problem.stop if (at := code.find(stop)) >= 0), default=None)], ""
    if not problem.prompt:
        return code, ""
    if problem.language == "python":
        return _python(code, problem)
    return _with_braces(code, problem)


def _python(code: str, problem: Problem) -> tuple[str, str]:
    if defines(code, problem.entry_point, "python"):
        head = preamble(problem)
        future = "".join(_FUTURE.findall(code))
        return future + head + _FUTURE.sub("", code) if head.strip() else code, "below the prompt's preamble"
    joint = "" if problem.prompt.endswith("\n") else "\n"
    body = code.lstrip("\n")
    if _returns_at_margin(body):
        body = textwrap.indent(body, "    ")
    return problem.prompt + joint + body, "as the function's body"


def _returns_at_margin(code: str) -> bool:
    """Whether ``code`` is a function's body without the indentation: it returns outside every function."""
    tree = parse(code)
    if tree is None:
        return re.search(r"^(?:return|yield)\b", code, re.MULTILINE) is not None
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, (*_NAMED, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return False


def preamble(problem: Problem) -> str:
    """What stands in the prompt above the entry point: imports and helpers."""
    return problem.prompt[: _definition(problem.prompt, problem.entry_point, problem.language)]


def _with_braces(code: str, problem: Problem) -> tuple[str, str]:
    language = problem.language
    if defines_main(problem.tests, language):
        code = without_main(code, language)
    if defines(code, problem.entry_point, language):
        program, how = _own_head(code, problem) + code, "below the prompt's preamble"
    else:
        program, how = problem.prompt + code, "as the function's body"
    return closed_for(program, problem.tests), how


_IMPORTS = re.compile(r"^[ \t]*(?:#|import\b|using\b|use\b|package\b|from\b)")


def _own_head(code: str, problem: Problem) -> str:
    """The preamble; only its imports where the reply repeats a helper or brings its own class."""
    head = preamble(problem)
    if problem.language == "rust":
        head = without_repeated_imports(head, code)
    lines = head.split("\n")
    headers = {line.strip() for line in lines if line.rstrip().endswith("{")}
    brings_class = problem.language == "java" and _CLASS.search(code)
    if brings_class or any(line.strip() in headers for line in code.splitlines()):
        without_comments = bare(head).split("\n")
        pairs = zip(lines, without_comments, strict=True)
        return "".join(f"{line}\n" for line, seen in pairs if _IMPORTS.match(seen))
    return head if head.endswith("\n") or not head else head + "\n"


def closed_for(program: str, tests: str) -> str:
    """``program`` without the closing braces that ``tests`` bring themselves.

    Tests of MultiPL-E begin by closing the function under test, and its class where there is one.
    """
    wanted = -sum(change for _, change in braces(tests))
    if wanted <= 0 or not tests.lstrip().startswith("}"):
        return program
    depth = sum(change for _, change in braces(program))
    while depth < wanted and "}" in program:
        program = program[: program.rindex("}")]
        depth += 1
    return program
