"""Whether a piece of code defines a function, and where: by syntax tree in Python, by header elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass

from .braces import bare
from .markdown import parse

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
CODE_LINE = re.compile(r"^(?:from\s+\S+\s+import\b|import\s|def\s|class\s|async\s+def\s|@\w)", re.MULTILINE)
"""A line at the margin that begins a Python program, rather than prose."""
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CALLED = re.compile(r"[ \t]*\([^;{}]*\)[^;{}()=]*\{")
_NOT_A_TYPE = re.compile(r"(?:^|\b)(?:return|else|throw|new|case)\s*$|[^\w>*&\]\s]\s*$|^\s*$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a program should be: its language, the functions it defines, the code that it may continue."""

    language: str
    names: Collection[str] = ()
    before: str = ""

    def defined_by(self, code: str) -> int:
        """How many of the functions ``code`` defines."""
        return sum(defines(code, name, self.language) for name in self.names)

    def written_by(self, code: str) -> int:
        """How many of the functions ``code`` defines with a body."""
        defined = [name for name in self.names if defines(code, name, self.language)]
        return sum(not is_stub(code, name, self.language) for name in defined)


def defines(code: str, name: str, language: str) -> bool:
    """Whether ``code`` defines a function called ``name``."""
    return definition(code, name, language) is not None


def definition(code: str, name: str, language: str) -> int | None:
    """Offset of the line that defines function ``name``, or None; a header inside a comment counts last."""
    if not name:
        return None
    if language == "python":
        return _header(code, name, language)
    at = _header(bare(code), name, language)
    return _header(code, name, language) if at is None else at


def _header(code: str, name: str, language: str) -> int | None:
    if language in _HEADERS:
        header = re.search(_HEADERS[language].replace("{name}", re.escape(name)), code, re.MULTILINE)
        return header.start() if header else None
    # Languages that put the type first: a definition is a type, the name, parameters and an opening brace.
    for word in re.finditer(rf"\b{re.escape(name)}\b", code):
        start = code.rfind("\n", 0, word.start()) + 1
        typed = _NOT_A_TYPE.search(code[max(start, word.start() - 200) : word.start()]) is None
        if typed and _CALLED.match(code, word.end(), word.end() + 1000):
            return start
    return None


def is_stub(code: str, name: str, language: str) -> bool:
    """Whether ``code`` shows the header of ``name`` and no body: ``pass``, ``...``, a docstring."""
    if language != "python":
        _, opened, body = bare(code)[definition(code, name, language) :].partition("{")
        return bool(opened) and re.search(r"\w", body) is None
    completed = (parse(code.rstrip() + end) for end in ("", "\n    pass", ":\n    pass"))
    tree = next((tree for tree in completed if tree is not None), ast.Module([], []))
    functions = [node for node in tree.body if isinstance(node, NAMED) and node.name == name]
    return bool(functions) and _is_empty(functions[-1])


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, NAMED):
        return all(map(_is_empty, node.body))
    if isinstance(node, ast.Raise):
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(error, ast.Name) and error.id == "NotImplementedError"
    value = node.value if isinstance(node, ast.Expr) else node
    return isinstance(value, ast.Constant | ast.Pass | ast.Import | ast.ImportFrom)


def returns_at_margin(code: str) -> bool:
    """Whether Python ``code`` is a function's body without its indentation: it returns outside functions."""
    tree = parse(code)
    if tree is None:
        return re.search(r"^(?:return|yield)\b", code, re.MULTILINE) is not None
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, (*NAMED, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return False
