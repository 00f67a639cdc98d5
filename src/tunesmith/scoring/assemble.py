"""Putting a program together: the prompt's beginning, and the code that a model wrote.

A model answers a function's header with the function's body or with the whole function. Either way the
imports and helpers of the prompt above the header belong to the program.
"""

from __future__ import annotations

import ast
import re
import textwrap

from ..benchmarks.problem import Problem
from ..code.braces import bare, braces, defines_main, without_main
from ..code.definitions import NAMED, defines, definition, returns_at_margin
from ..code.markdown import parse
from ..code.names import FUTURE, needed
from .rust_imports import without_repeated_imports

_CLASS = re.compile(r"^[ \t]*(?:public\s+)?(?:final\s+)?class\s", re.MULTILINE)


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
    if defines(code, problem.entry_point, "python") or not _is_body(code, problem):
        head = preamble(problem)
        future = "".join(FUTURE.findall(code))
        return future + head + FUTURE.sub("", code) if head.strip() else code, "below the prompt's preamble"
    joint = "" if problem.prompt.endswith("\n") else "\n"
    body = code.lstrip("\n")
    if body[:1] not in (" ", "\t"):
        body = textwrap.indent(body, "    ")
    return problem.prompt + joint + body, "as the function's body"


def _is_body(code: str, problem: Problem) -> bool:
    """Whether code that does not define the function can be its body.

    A class, a record or a call at the margin is none: as a body it would run and count as a wrong answer,
    where the reply never held the function.
    """
    tree = parse(code)
    if code.lstrip("\n")[:1] in (" ", "\t") or tree is None or returns_at_margin(code):
        return True
    header = parse(problem.prompt) or parse(problem.prompt + "\n    pass\n")
    functions = header.body if header else []
    arguments = {
        one.arg
        for node in functions
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == problem.entry_point
        for one in ast.walk(node.args)
        if isinstance(one, ast.arg)
    }
    at_margin = ast.Module([node for node in tree.body if not isinstance(node, NAMED)], [])
    return not problem.entry_point or header is None or bool(needed(at_margin) & arguments)


def preamble(problem: Problem) -> str:
    """The part of the prompt above the entry point: imports and helpers."""
    return problem.prompt[: definition(problem.prompt, problem.entry_point, problem.language)]


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
