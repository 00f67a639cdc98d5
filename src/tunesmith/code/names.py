"""Which names Python code needs and binds, and programs put together from parts by their names."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from .markdown import parse

FUTURE = re.compile(r"^from __future__ import[ \t]*(?:\([^()]*\))?[^\n]*\n?", re.MULTILINE)
"""Imports from ``__future__``, which Python accepts only at the top of a program."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PARTS = (*_DEFINITIONS, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Try)
_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


@lru_cache(maxsize=1024)
def names_needed(code: str) -> frozenset[str]:
    """Names that ``code`` reads and does not bind itself, without builtins; none where it does not parse."""
    tree = parse(code)
    return needed(tree) if tree else frozenset()


def needed(tree: ast.AST) -> frozenset[str]:
    """Names that the tree reads and binds nowhere, without builtins."""
    nodes = list(ast.walk(tree))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return frozenset(read - {name for node in nodes for name in _bound_by(node)} - _KNOWN)


def _bound_by(node: ast.AST) -> Sequence[str]:
    """The names that one node binds, wherever it is."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, _DEFINITIONS):
        return (node.name,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return (node.name,) if node.name else ()
    return ()


def bound_at_top(tree: ast.Module) -> dict[str, ast.stmt]:
    """The names that top-level statements bind, each with its last statement."""
    bound: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, _PARTS):
            inner = [node] if isinstance(node, _DEFINITIONS) else ast.walk(node)
            bound |= {name: node for one in inner for name in _bound_by(one)}
    return bound


def completed(code: str, others: Sequence[str], names: Collection[str], before: str) -> str:
    """``code`` below what it lacks: the statements of ``others`` that bind names it reads or should define.

    others: further parts of the reply, the most trusted first.
    before: code above the program, whose names exist.
    """
    tree = parse(code)
    if tree is None:
        return code
    above = parse(before) or parse(before + "\n    pass\n")
    existing = set(bound_at_top(tree)) | (set(bound_at_top(above)) if above else set())
    missing = [name for name in dict.fromkeys((*sorted(needed(tree)), *names)) if name not in existing]
    sources = [(part, part_tree) for part in others if (part_tree := parse(part)) is not None]
    tables = [bound_at_top(part_tree) for _, part_tree in sources]
    taken: dict[int, dict[int, ast.stmt]] = {}
    while missing:
        name = missing.pop()
        existing.add(name)
        place = next((at for at, table in enumerate(tables) if _offers(table, name)), None)
        if place is not None:
            node = tables[place][name]
            taken.setdefault(place, {})[node.lineno] = node
            missing += [one for one in sorted(needed(node)) if one not in existing]
    if not taken:
        return code
    parts = [
        _source(sources[place][0], node)
        for place in sorted(taken, reverse=True)
        for _, node in sorted(taken[place].items())
    ]
    future = "".join(FUTURE.findall(code))
    return future + "\n\n".join([*parts, FUTURE.sub("", code) if future else code])


def _offers(table: dict[str, ast.stmt], name: str) -> bool:
    """Whether a part binds the name by more than a stub."""
    node = table.get(name)
    if isinstance(node, ast.FunctionDef):
        return not all(isinstance(one, ast.Pass) or _is_constant(one) for one in node.body)
    return node is not None


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _source(code: str, node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", ())
    start = min([node.lineno, *(one.lineno for one in decorators)])
    return "\n".join(code.split("\n")[start - 1 : node.end_lineno])


def joined(code: str, later: Sequence[str]) -> str:
    """``code`` and those later parts that build on it: they use its functions and define only new ones."""
    tree = parse(code)
    bound = set(bound_at_top(tree)) if tree else set()
    own = {node.name for node in tree.body if isinstance(node, _DEFINITIONS)} if tree else set()
    for part in later:
        part_tree = parse(part) if own else None
        if part_tree is None or not all(isinstance(node, _PARTS) for node in part_tree.body):
            continue
        fresh = {node.name for node in part_tree.body if isinstance(node, _DEFINITIONS)}
        is_test = any(name.startswith(("test", "main")) for name in fresh)
        if fresh and not is_test and not fresh & bound and needed(part_tree) & own:
            code = f"{code.rstrip()}\n\n\n{part}"
            bound |= set(bound_at_top(part_tree))
            own |= fresh
    return code
