"""Code inside text: fenced blocks, what parses, what a program defines, a fingerprint.

Everything here is linear in the length of the text and runs nothing.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
import warnings
from dataclasses import dataclass

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
ALIASES = {
    "py": "python", "python3": "python", "js": "javascript", "node": "javascript", "nodejs": "javascript",
    "ts": "typescript", "c++": "cpp", "cxx": "cpp", "cc": "cpp", "golang": "go", "rs": "rust",
    "rb": "ruby", "sh": "bash",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``closed`` is False where the text ended inside it. ``start`` is its offset.

    ``code`` is what stands between the fences, unchanged; ``indent`` is what stands before the first one.
    """

    language: str
    code: str
    closed: bool
    start: int
    indent: str

    @property
    def dedented(self) -> str:
        """``code`` without the fence's own indentation; a line that has less of it loses what it has."""
        if not self.indent:
            return self.code
        return re.sub(rf"^(?:{self.indent}| {{,{_columns(self.indent)}}})", "", self.code, flags=re.MULTILINE)


def language_name(tag: str) -> str:
    """The one name this project uses for a language tag: ``py`` -> ``python``."""
    return ALIASES.get(tag.lower(), tag.lower())


def blocks(text: str) -> list[Block]:
    """The fenced code blocks of Markdown ``text``, in order.

    A block ends at a bare fence of its own kind, indented at most 3 columns more (CommonMark 0.31, 4.5).
    """
    found: list[Block] = []
    opened: re.Match[str] | None = None
    deepest = 0
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened, deepest = fence, _columns(fence[1]) + 3
        elif fence[2].startswith(opened[2]) and not fence[3] and _columns(fence[1]) <= deepest:
            found.append(_block(text, opened, fence.start(), closed=True))
            opened = None
    if opened is not None:
        found.append(_block(text, opened, len(text), closed=False))
    return found


def _columns(indent: str) -> int:
    return len(indent.expandtabs(4))


def _block(text: str, opened: re.Match[str], end: int, *, closed: bool) -> Block:
    code = text[opened.end() + 1 : end]
    return Block(language_name(opened[3]), code, closed, opened.start(), opened[1])


def code_of(text: str, language: str = "") -> str:
    """The program in a reply: its first fenced block (of ``language``, if there is one), else all of it."""
    block = program_block(text, language)
    return text if block is None else block.dedented


def program_block(text: str, language: str = "") -> Block | None:
    """The block that holds a reply's program: the first one of ``language``, else the first one."""
    found = blocks(text)
    wanted = language_name(language)
    return next((block for block in found if block.language == wanted), found[0] if found else None)


def parse(code: str) -> ast.Module | None:
    """The syntax tree of Python ``code``, or None where it does not parse. Never warns, never raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def unparsed(node: ast.AST) -> str | None:
    """The text of a syntax tree, or None where it is nested too deeply to be written. Never raises."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return None


def defined(code: str) -> list[str]:
    """Names of the functions and classes at the top level of Python ``code``, in order."""
    tree = parse(code)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds)] if tree else []


def fingerprint(code: str) -> str:
    """16 hex digits that ignore comments, docstrings and layout of Python code (whitespace elsewhere)."""
    return hashlib.blake2b(bare(code).encode(errors="replace"), digest_size=8).hexdigest()


def bare(code: str) -> str:
    """Python ``code`` without comments and docstrings, in standard layout; else its words, evenly spaced.

    Else: where it does not parse, or is nested too deeply to be written again.
    """
    tree = parse(code)
    if tree is None:
        return " ".join(code.split())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    text = unparsed(tree)
    return " ".join(code.split()) if text is None else text


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def comments(code: str) -> list[str]:
    """The comments of Python ``code``; those before the first error where it cannot be tokenised."""
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                found.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found
