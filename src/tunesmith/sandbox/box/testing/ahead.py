"""The calls that inline tests are sure to make, found without running them.

A row of ``assert f(1) == 2`` makes its calls in a known order, with known arguments, whatever the answers
are, up to the first that fails. Asked all at once they cost one round trip, not one each.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
from collections.abc import Collection, Iterator
from typing import Any

Call = tuple[str, tuple[Any, ...]]
"""The name of a function of the program, and its arguments: literals, which nothing else can change."""

MOST = 500
_OPAQUE = (
    ast.BoolOp, ast.IfExp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
    ast.NamedExpr, ast.Starred, ast.JoinedStr, ast.Subscript,
)  # fmt: skip
_SETTLED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Pass)


class Unsure(Exception):
    """From here on the order or the arguments depend on the answers, or cannot be read."""


def calls(tree: ast.Module, names: Collection[str], entry_point: str) -> list[Call]:
    """The calls that tests make for certain, in order, at most MOST."""
    certain: list[Call] = []
    with contextlib.suppress(Unsure):
        certain.extend(itertools.islice(_of_body(*_body(tree, names, entry_point)), MOST))
    return certain


def _body(
    tree: ast.Module, names: Collection[str], entry_point: str
) -> tuple[list[ast.stmt], dict[str, str]]:
    """The statements that make the calls, and what functions of the program are called there."""
    called = {name: name for name in names}
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if not (entry_point and checks):
        return tree.body, called
    arguments = checks[-1].args
    if len(checks) > 1 or len(arguments.args) != 1 or arguments.vararg or arguments.kwonlyargs:
        raise Unsure
    if any(_mentions(node, called) for node in tree.body if not isinstance(node, _SETTLED)):
        raise Unsure
    return checks[0].body, {**called, arguments.args[0].arg: entry_point}


def _mentions(node: ast.AST, called: Collection[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in called for part in ast.walk(node))


def _of_body(body: list[ast.stmt], called: dict[str, str]) -> Iterator[Call]:
    for statement in body:
        if isinstance(statement, ast.Assert):
            yield from _of(statement.test, called)
        elif isinstance(statement, ast.Expr):
            yield from _of(statement.value, called)
        elif isinstance(statement, ast.Assign) and not _mentions(statement, called):
            continue
        elif not isinstance(statement, _SETTLED):
            raise Unsure


def _of(node: ast.AST, called: dict[str, str]) -> Iterator[Call]:
    """Calls within an expression, in the order Python makes them."""
    if not _mentions(node, called):
        return
    if isinstance(node, _OPAQUE) or (isinstance(node, ast.Compare) and len(node.ops) > 1):
        raise Unsure
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
        if node.keywords or any(isinstance(part, ast.Set | ast.Call) for part in _inside(node.args)):
            raise Unsure  # a set's order depends on how it was built, so it is built by the tests themselves
        try:
            yield called[node.func.id], tuple(ast.literal_eval(argument) for argument in node.args)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise Unsure from None
        return
    if isinstance(node, ast.Name):
        raise Unsure  # the function itself is handed on
    for part in ast.iter_child_nodes(node):
        yield from _of(part, called)


def _inside(arguments: list[ast.expr]) -> Iterator[ast.AST]:
    for argument in arguments:
        yield from ast.walk(argument)
