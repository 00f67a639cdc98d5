"""Small realistic bugs, put into Python source and taken out again.

Each edit touches a few characters of the text, so comments and layout stay. An edit is named by
its kind and line, and only where that name is unique on the line, so "line 4 has the wrong
comparison" is enough to undo it. Whether an edit changes what the program does is left to execution to
say; here it only is another program.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from ....code.markdown import parse

T = TypeVar("T")
Kind = Literal["comparison", "operator", "connective", "number", "condition", "return", "truth"]

HINTS: dict[Kind, str] = {
    "comparison": "line {line} uses the wrong comparison",
    "operator": "line {line} uses the wrong arithmetic operator",
    "connective": "line {line} joins its conditions the wrong way",
    "number": "a number on line {line} is one too large",
    "condition": "the condition on line {line} is inverted",
    "return": "line {line} works out a value but does not return it",
    "truth": "line {line} returns the wrong truth value",
}
"""What an edit of each kind is called in an instruction; ``undo`` reads these back."""

_SWAP: dict[str, str] = {}
for _a, _b in (
    ("<", "<="), (">", ">="), ("==", "!="), ("is", "is not"), ("in", "not in"), ("and", "or"),
    ("+", "-"), ("*", "/"), ("//", "%"), ("True", "False"),
):  # fmt: skip
    _SWAP[_a], _SWAP[_b] = _b, _a
_COMPARE = re.compile(r"<=|>=|==|!=|<|>|\bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b")
_ARITHMETIC = re.compile(r"//|[-+*/%]")
_SIMPLE = (ast.Name, ast.Call, ast.Attribute, ast.Subscript)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``code[start:end]`` with ``new``. ``line`` counts from 1."""

    kind: Kind
    line: int
    start: int
    end: int
    new: str

    def apply(self, code: str) -> str:
        return code[: self.start] + self.new + code[self.end :]

    @property
    def hint(self) -> str:
        return HINTS[self.kind].format(line=self.line)


class _Text:
    """Offsets into source text from the (line, UTF-8 column) pairs that ``ast`` gives."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.lines = code.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        within = len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))
        return self.starts[line - 1] + within

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.at(node.lineno, node.col_offset), self.at(end_line, end_column)

    def line_of(self, offset: int) -> int:
        return self.code.count("\n", 0, offset) + 1

    def between(
        self, left: ast.expr, right: ast.expr, pattern: re.Pattern[str], kind: Kind
    ) -> Iterator[Edit]:
        """Swap the one operator between two expressions."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.code[start:end]
        found = list(pattern.finditer(gap))
        if len(found) == 1 and "#" not in gap:
            swapped = _SWAP[" ".join(found[0][0].split())]
            begin = start + found[0].start()
            yield Edit(kind, self.line_of(begin), begin, start + found[0].end(), swapped)


def edits(code: str, *, back: bool = False) -> list[Edit]:
    """Every edit that can be named on ``code``; with ``back``, the ones that undo such an edit.

    The two differ only for numbers (one more, one less) and returns (dropped, put back).
    """
    tree = parse(code)
    if tree is None or "\f" in code or "\r" in code or "\t" in code.replace("\n\t", ""):
        return []
    text = _Text(code)
    found = [
        edit
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in function.body
        for node in ast.walk(statement)
        for edit in _of(node, text, back)
    ]
    found = list(dict.fromkeys(found))
    named = Counter((edit.kind, edit.line) for edit in found)
    return [edit for edit in found if named[edit.kind, edit.line] == 1]


def _of(node: ast.AST, text: _Text, back: bool) -> Iterator[Edit]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from text.between(node.left, node.comparators[0], _COMPARE, "comparison")
    elif isinstance(node, ast.BinOp) and not (_is_text(node.left) or _is_text(node.right)):
        yield from text.between(node.left, node.right, _ARITHMETIC, "operator")
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        yield from text.between(node.values[0], node.values[1], re.compile(r"\band\b|\bor\b"), "connective")
    elif isinstance(node, ast.Constant):
        yield from _number(node, text, back)
    elif isinstance(node, ast.If):
        yield from _condition(node.test, text)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from _return(node, node.value, text, back)
    elif back and isinstance(node, ast.Expr) and not isinstance(node.value, ast.Yield | ast.Await):
        start, _ = text.span(node)
        yield Edit("return", node.lineno, start, start, "return ")


def _number(node: ast.Constant, text: _Text, back: bool) -> Iterator[Edit]:
    if type(node.value) is not int:
        return
    start, end = text.span(node)
    if text.code[start:end] == str(node.value):
        yield Edit("number", node.lineno, start, end, str(node.value + (-1 if back else 1)))


def _condition(test: ast.expr, text: _Text) -> Iterator[Edit]:
    start, _ = text.span(test)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, _SIMPLE):
        inner, _ = text.span(test.operand)
        if not text.code[start:inner].removeprefix("not").strip():
            yield Edit("condition", test.lineno, start, inner, "")
    elif isinstance(test, _SIMPLE):
        yield Edit("condition", test.lineno, start, start, "not ")


def _return(node: ast.Return, value: ast.expr, text: _Text, back: bool) -> Iterator[Edit]:
    start, _ = text.span(node)
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        begin, end = text.span(value)
        yield Edit("truth", node.lineno, begin, end, _SWAP[str(value.value)])
    elif not back and isinstance(
        value, ast.BinOp | ast.Call | ast.Compare | ast.BoolOp | ast.IfExp | ast.Name
    ):
        gap = re.match(r"return +", text.code[start:])
        if gap:
            yield Edit("return", node.lineno, start, start + gap.end(), "")


def _is_text(node: ast.expr) -> bool:
    """Text, bytes and displays: another operator on them would not be a realistic bug."""
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.Set) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def injected(code: str, chosen: Random) -> tuple[str, Edit] | None:
    """``code`` with one bug that can be undone by its hint, and the edit; None where there is none.

    Kinds have equal chances, so that rare kinds occur too.
    """
    found = edits(code)
    before = _dump(code)
    while found:
        kind = _pick(sorted({edit.kind for edit in found}), chosen)
        edit = _pick([edit for edit in found if edit.kind == kind], chosen)
        found.remove(edit)
        faulty = edit.apply(code)
        if _dump(faulty) not in (None, before) and undo(faulty, edit.kind, edit.line) == code:
            return faulty, edit
    return None


def _pick(options: Sequence[T], chosen: Random) -> T:
    return options[int(chosen.random() * len(options))]


def undo(faulty: str, kind: str, line: int) -> str | None:
    """``faulty`` without the one bug of ``kind`` on ``line``; None where that does not name one bug."""
    found = [edit for edit in edits(faulty, back=True) if (edit.kind, edit.line) == (kind, line)]
    return found[0].apply(faulty) if len(found) == 1 else None


def _dump(code: str) -> str | None:
    tree = parse(code)
    return ast.dump(tree) if tree else None
