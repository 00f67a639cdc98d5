"""Decides, before tests run, what they need of the program and where they may run.

``inline``: nothing but assertions over calls, in a language so small that the judge runs it in its own
process. ``separate_process``: any tests that deal in values; they run in a sandboxed process of their own,
away from the program. ``same_process``: tests that need the program's live objects and must share its
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
from types import CodeType, ModuleType

from . import ahead, inline
from .ahead import Call
from .live_objects import needs_live_objects

Where = typing.Literal["inline", "separate_process", "same_process"]

_INLINE_NODES = (
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
_INLINE_ATTRIBUTES = frozenset(
    {
        name
        for owner in (*_OWNERS, collections.Counter, collections.deque)
        for name in dir(owner)
        if name[0] != "_" and not isinstance(getattr(owner, name), ModuleType)
    }
    | {"Counter", "deque", "defaultdict", "OrderedDict", "product", "permutations", "combinations", "chain"}
    | {"ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation"}
) - {"format", "format_map", "mro", "SystemRandom", "seed", "setstate", "dispatch_table"}
"""Attributes and imported names that inline tests may use. No modules; nothing that evaluates text, makes
classes, or changes what the next program of this judge would meet."""
_INLINE_TYPING = frozenset((
    "Any", "Callable", "Collection", "Counter", "DefaultDict", "Deque", "Dict", "FrozenSet", "Generator",
    "Iterable", "Iterator", "List", "Mapping", "MutableMapping", "MutableSequence", "MutableSet", "Optional",
    "OrderedDict", "Sequence", "Set", "Sized", "Tuple", "Type", "Union",
))  # fmt: skip
"""Names of ``typing`` that only annotate: ``get_type_hints`` evaluates text, ``NamedTuple`` makes classes."""


@dataclass(frozen=True, slots=True)
class TestPlan:
    """How tests will be run.

    names: what the tests take from the program.  imports: by name, what they import at their top; a
    program that came before them in one file would see it.  calls: the first calls that inline tests are
    sure to make.  error: why there is no code.
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
def classify(tests: str, entry_point: str, *, trusted: bool = True) -> TestPlan:
    """Plan for ``tests``; the last few hundred are remembered, since benchmarks run the same ones again.

    trusted: false where a judge died while it ran these tests, so that no judge runs them again.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(tests, "<tests>")
            code = compile(tree, "<tests>", "exec", dont_inherit=True)
            free = set(_free(symtable.symtable(tests, "<tests>", "exec")))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return TestPlan("separate_process", (), None, error=f"{type(error).__name__} in the tests: {error}")
    shadowed = {entry_point} & free
    unknown = {name for name in free if not hasattr(builtins, name)}
    if not unknown and not entry_point:
        shadowed = _called(tree) & free  # ``assert sum(1, 2) == 3``: nothing else can be under test
    nodes = list(ast.walk(tree))
    where: Where = "separate_process"
    if needs_live_objects(nodes, unknown, entry_point):
        where = "same_process"
    elif trusted and all(map(_is_inline, nodes)) and free - unknown <= inline.BUILTINS:
        where = "inline"
    wanted = unknown | shadowed | ({entry_point} - {""})
    calls = ahead.calls(tree, wanted, entry_point) if where == "inline" else []
    return TestPlan(where, tuple(sorted(wanted)), code, tuple(_imports(tree)), tuple(calls))


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


def _is_inline(node: ast.AST) -> bool:
    """Whether a node is of the inline language. What binds or reads a dunder name is not: it might be
    ``__builtins__``, which the interpreter itself looks up."""
    if not isinstance(node, _INLINE_NODES) or any(map(_is_dunder, _bound_names(node))):
        return False
    if isinstance(node, ast.Attribute):
        return node.attr in _INLINE_ATTRIBUTES and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Import):
        return all(alias.name in inline.MODULES - {inline.ORACLE} for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        allowed = _IMPORTED_FROM.get(node.module or "", _INLINE_ATTRIBUTES)
        names = all(alias.name in allowed for alias in node.names)
        return names and node.module in inline.MODULES and not node.level
    return True


_IMPORTED_FROM: dict[str, Collection[str]] = {
    "typing": _INLINE_TYPING,
    inline.ORACLE: ("compare", "equal"),
}


def _bound_names(node: ast.AST) -> Iterator[str]:
    """Every identifier that a node reads or binds, however it is spelled in the syntax tree."""
    for field in ("id", "name", "asname", "arg"):
        name = getattr(node, field, None)
        if isinstance(name, str) and not (isinstance(node, ast.alias) and field == "name" and node.asname):
            yield name


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name != "__name__"
