"""The functions of a source file, with what their authors wrote about them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

from ..code.markdown import parse
from ._tree_functions import Function, Language, tree_functions

SUFFIXES: dict[str, tuple[Language, str]] = {
    ".py": ("python", "python"),
    ".js": ("javascript", "javascript"), ".mjs": ("javascript", "javascript"),
    ".cjs": ("javascript", "javascript"), ".jsx": ("javascript", "javascript"),
    ".ts": ("typescript", "typescript"), ".mts": ("typescript", "typescript"), ".tsx": ("typescript", "tsx"),
    ".java": ("java", "java"),
    ".go": ("go", "go"),
    ".c": ("c", "c"), ".h": ("c", "c"),
    ".cpp": ("cpp", "cpp"), ".cc": ("cpp", "cpp"), ".cxx": ("cpp", "cpp"), ".hpp": ("cpp", "cpp"),
    ".cs": ("csharp", "csharp"),
    ".rs": ("rust", "rust"),
    ".php": ("php", "php"),
    ".rb": ("ruby", "ruby"),
}  # fmt: skip
"""End of a file's name -> its language, and the grammar to read it with."""
_CPP = re.compile(r"^\s*(?:class|namespace|template|using)\b", re.MULTILINE)
"""What stands in C++ headers and in no C header."""


def languages_of(suffix: str) -> tuple[Language, ...]:
    """The languages that a file with this ending may be in; empty where it is no source file."""
    if suffix == ".h":
        return "c", "cpp"
    return (SUFFIXES[suffix][0],) if suffix in SUFFIXES else ()


def language_of(text: str, suffix: str) -> tuple[Language, str]:
    """The language of a file, and the grammar to read it with: a header may be C++."""
    if suffix == ".h" and _CPP.search(text):
        return "cpp", "cpp"
    return SUFFIXES[suffix]


def functions(text: str, suffix: str) -> Iterator[Function] | None:
    """The functions of a file in order, or None where it does not parse."""
    language, grammar = language_of(text, suffix)
    return python_functions(text) if language == "python" else tree_functions(text, language, grammar)


def python_functions(text: str) -> Iterator[Function] | None:
    """Functions at the top of a Python module and methods of its classes; nested ones stay inside."""
    tree = parse(text)
    return None if tree is None else _python(tree.body, text.split("\n"), "")


def _python(body: list[ast.stmt], lines: list[str], owner: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            code = textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))
            yield Function(node.name, code, ast.get_docstring(node) or "", first, owner)
        elif isinstance(node, ast.ClassDef):
            yield from _python(node.body, lines, f"{owner}.{node.name}".lstrip("."))
