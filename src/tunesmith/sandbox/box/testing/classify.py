"""Reads tests before they run: what they need of the program, and where they may run.

``plain``: nothing but assertions over calls, in a language so small that the judge runs it in its own
process. ``apart``: any tests that deal in values; they run in a sandboxed process of their own, away
from the program. ``beside``: tests that need the program's live objects, which must share its
process; a program that sets out to can then forge a pass, and the outcome says so.
"""

from __future__ import annotations

import ast
import builtins
import collections
import copy
import math
import random
import symtable
import typing
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

from . import ahead_dynamic, ahead_static, plain
from .ahead_static import Call
from .live_objects import needs_live_objects

Where = typing.Literal["plain", "apart", "beside"]

_PLAIN_NODES = (
    ast.Module, ast.FunctionDef, ast.Lambda, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign,
    ast.Delete, ast.For, ast.While, ast.If, ast.Raise, ast.Try, ast.Assert, ast.Import, ast.ImportFrom,
    ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
    ast.Compare, ast.Call, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute,
    ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.comprehension,
    ast.ExceptHandler, ast.arguments, ast.arg, ast.keyword, ast.alias, ast.expr_context, ast.boolop,
    ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_OWNERS = (str, list, dict, set, tuple, int, float, bytes, complex, math, random, copy, random.Random)
_PLAIN_ATTRIBUTES = frozenset(
    {
        name
        for owner in (*_OWNERS, collections.Counter, collections.deque)
        for name in dir(owner)
        if name[0] != "_"
    }
    | {"Counter", "deque", "defaultdict", "OrderedDict", "product", "permutations", "combinations", "chain"}
    | {"ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation"}
) - {"format", "format_map", "mro", "SystemRandom", "seed", "setstate", "dispatch_table"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    names: what the tests take from the program.  imports: by name, what they import at their top; a
    program that came before them in one file would see it.  calls: what plain tests are sure to ask
    first, so that it can be asked all at once.  error: why there is no code.
    """

    where: Where
    names: tuple[str, ...]
    code: CodeType | None
    imports: tuple[tuple[str, str], ...] = ()
    calls: tuple[Call, ...] = ()
    error: str = ""

    def imports_for(self, program: str) -> str:
        """The imports whose names occur in ``program``."""
        return "\n".join(source for name, source in self.imports if name in program)


@lru_cache(maxsize=512)
def read(tests: str, entry_point: str, *, trusted: bool = True) -> Reading:
    """Read ``tests``, remembering the last few hundred: benchmarks run the same ones again and again.

    Those that are not trusted, since a judge may have died of them, are not run in a judge again.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(tests, "<tests>")
            code = compile(tree, "<tests>", "exec", dont_inherit=True)
            free = set(_free(symtable.symtable(tests, "<tests>", "exec")))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Reading("apart", (), None, error=f"{type(error).__name__} in the tests: {error}")
    shadowed = {entry_point} & free
    unknown = {name for name in free if not hasattr(builtins, name)}
    if not unknown and not entry_point:
        shadowed = _called(tree) & free  # ``assert sum(1, 2) == 3``: nothing else can be under test
    nodes = list(ast.walk(tree))
    if needs_live_objects(nodes, unknown, entry_point):
        where: Where = "beside"
    else:
        simple = trusted and all(map(_is_plain, nodes)) and free - unknown <= plain.BUILTINS
        where = "plain" if simple else "apart"
    wanted = unknown | shadowed | ({entry_point} - {""})
    calls = _calls(tests, tree, wanted, entry_point) if where == "plain" else []
    return Reading(where, tuple(sorted(wanted)), code, tuple(_imports(tree)), tuple(calls))


def _calls(tests: str, tree: ast.Module, wanted: set[str], entry_point: str) -> list[Call]:
    """What plain tests are sure to ask. Where to read them does not tell all, they are run on stand-ins.

    The oracle announces its calls itself.
    """
    read, all_told = ahead_static.read(tree, wanted, entry_point)
    if all_told or plain.ORACLE in tests:
        return read
    heard = ahead_dynamic.calls(tests, wanted, entry_point)
    return heard if len(heard) > len(read) else read


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = (alias.asname or alias.name).partition(".")[0]
                only = type(node)(**{**vars(node), "names": [alias]})
                yield name, ast.unparse(only)


def _free(table: symtable.SymbolTable) -> Iterator[str]:
    """Global names that are read anywhere in the tests and assigned nowhere at their top."""
    own = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    for name in _read(table):
        if name not in own:
            yield name


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or top):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _read(child)


def _called(tree: ast.Module) -> set[str]:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _is_plain(node: ast.AST) -> bool:
    if not isinstance(node, _PLAIN_NODES):
        return False
    if isinstance(node, ast.Attribute):
        return node.attr in _PLAIN_ATTRIBUTES and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Import):
        return all(alias.name in plain.MODULES and alias.name != plain.ORACLE for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        good = node.module in plain.MODULES and not node.level
        allowed: Collection[str] = _PLAIN_ATTRIBUTES
        if node.module in ("typing", plain.ORACLE):
            allowed = typing.__all__ if node.module == "typing" else ("compare",)
        return good and all(alias.name in allowed for alias in node.names)
    if isinstance(node, ast.Name | ast.FunctionDef | ast.arg | ast.ExceptHandler):
        name = getattr(node, "id", None) or getattr(node, "name", None) or getattr(node, "arg", None) or ""
        return not name.startswith("__") or name == "__name__"
    return True
