"""Whether tests deal in live objects of the program, or only in values that it is given and gives back.

Values can be handed from one process to another; what a program's object *is* cannot: whether two names
mean the same one, what else changes with it, what its class can do. Only the tests' own text is looked
at, so that no program chooses where it is judged.
"""

from __future__ import annotations

import ast
import builtins
import collections
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from .inline import ORACLE

_OF_THE_PROCESS = frozenset((
    "globals", "locals", "vars", "eval", "exec", "compile", "__import__", "redirect_stdout",
    "redirect_stderr", "StringIO", "patch", "mock", "MagicMock", "monkeypatch", "capsys", "inspect",
    "importlib", "builtins", "gc", "tracemalloc", "open", "input", "signal",
))  # fmt: skip
_OF_OBJECTS = frozenset((
    "callable", "hasattr", "getattr", "setattr", "delattr", "issubclass", "dir", "id", "hash", "next", "iter",
    "super", "memoryview", "islice", "ExceptionGroup", "BaseExceptionGroup", "KeyboardInterrupt",
    "GeneratorExit",
))  # fmt: skip
_MODULES = frozenset((
    "pandas", "torch", "scipy", "sklearn", "matplotlib", "tensorflow", "seaborn", "xgboost", "io",
    "sys", "os", "inspect", "importlib", "gc", "unittest.mock", "subprocess", "multiprocessing",
    "threading", "asyncio",
))  # fmt: skip
_MODULES_OF_OBJECTS = frozenset(
    ("pathlib", "array", "types", "collections.abc", "abc", "weakref", "contextlib")
)
_VALUES = (
    str, bytes, bytearray, list, tuple, dict, set, frozenset, int, float, complex, range, slice,
    collections.Counter, collections.deque, collections.OrderedDict, collections.defaultdict,
)  # fmt: skip
_OF_VALUES = frozenset((
    *(name for kind in _VALUES for name in dir(kind) if name[0] != "_"),
    "year", "month", "day", "hour", "minute", "second", "microsecond", "date", "time", "strftime",
    "isoformat", "weekday", "timestamp", "days", "seconds", "microseconds", "total_seconds", "quantize",
    "normalize", "shape", "dtype", "ndim", "size", "T", "tolist", "all", "any", "sum", "mean", "astype",
    "flatten", "item",
))  # fmt: skip
"""Attributes of what crosses whole: dates, decimals and numpy's arrays among it."""
_CHANGING = frozenset((
    "append", "extend", "insert", "remove", "pop", "popitem", "popleft", "appendleft", "extendleft", "clear",
    "sort", "reverse", "rotate", "add", "discard", "update", "setdefault", "subtract",
    "difference_update", "intersection_update", "symmetric_difference_update",
))  # fmt: skip
_LAZY = frozenset(("map", "filter", "zip", "enumerate", "reversed"))
_OF_ERRORS = _OF_VALUES | {"args", "value", "exception", "match", "type", "errno"}
_RAISING = frozenset(("raises", "assertRaises", "assertRaisesRegex"))


def needs_live_objects(nodes: Iterable[ast.AST], unknown: set[str], entry_point: str) -> bool:
    """Whether tests reach for the program itself and not only for what it gives back.

    nodes: of the tests.  unknown: names that they neither define nor find among the builtins, so that the
    program has them.
    """
    kinds: dict[type, list[Any]] = defaultdict(list)
    for node in nodes:
        kinds[type(node)].append(node)
    if _reach_for_the_process(kinds):
        return True
    if any(node.module == ORACLE for node in kinds[ast.ImportFrom]):
        return False  # the rest of them is a reference, which has nothing to do with the program
    return _Tests(kinds, unknown, entry_point).need_live_objects()


def _reach_for_the_process(kinds: Mapping[type, list[Any]]) -> bool:
    """Whether it is about more than any object: names, output, modules, other processes."""
    imported = [alias.name for node in kinds[ast.Import] for alias in node.names]
    imported += [node.module or "" for node in kinds[ast.ImportFrom]]
    named = {node.id for node in kinds[ast.Name]}
    named |= {alias.name for node in kinds[ast.ImportFrom] for alias in node.names}
    return not _OF_THE_PROCESS.isdisjoint(named) or any(_is_among(_MODULES, name) for name in imported)


class _Tests:
    def __init__(self, kinds: Mapping[type, list[Any]], unknown: set[str], entry_point: str) -> None:
        self._kinds = kinds
        self._theirs = unknown | ({entry_point} - {""}) | set(_parameters_of_check(kinds[ast.FunctionDef]))
        self._functions = {node.name for node in kinds[ast.FunctionDef]}
        self._typing = set(_imported_from_typing(kinds[ast.ImportFrom]))
        self._imports = {a.asname or a.name for node in kinds[ast.ImportFrom] for a in node.names}
        self._passed = self._passed_names()
        self._given = self._names_of_results()

    def need_live_objects(self) -> bool:
        kinds = self._kinds
        return (
            bool(kinds[ast.TryStar])
            or not _OF_OBJECTS.isdisjoint(node.id for node in kinds[ast.Name])
            or any(_asks_for_identity(node) for node in kinds[ast.Compare])
            or self._handles_names()
            or any(map(self._goes_into_a_result, kinds[ast.Attribute]))
            or any(map(self._calls_with_more_than_values, kinds[ast.Call]))
            or any(
                map(
                    self._writes_to_what_is_kept,
                    (*kinds[ast.Assign], *kinds[ast.AugAssign], *kinds[ast.Delete]),
                )
            )
            or any(self._is_result(item.context_expr) for item in kinds[ast.withitem])
            or self._uses_classes_or_decorators()
            or self._imports_kinds_of_objects()
            or self._asks_of_errors()
        )

    def _uses_classes_or_decorators(self) -> bool:
        for node in self._kinds[ast.ClassDef]:
            if not any("TestCase" in ast.unparse(base) for base in node.bases):
                return True
        functions = (*self._kinds[ast.FunctionDef], *self._kinds[ast.AsyncFunctionDef])
        return any(self._is_theirs(decorator) for node in functions for decorator in node.decorator_list)

    def _imports_kinds_of_objects(self) -> bool:
        names = [alias.name for node in self._kinds[ast.Import] for alias in node.names]
        names += [node.module for node in self._kinds[ast.ImportFrom]]
        return any(_is_among(_MODULES_OF_OBJECTS, name) for name in names)

    def _goes_into_a_result(self, node: ast.Attribute) -> bool:
        """Whether it is an attribute that no value has, or seeds what the program draws from too."""
        return node.attr == "seed" or (node.attr not in _OF_VALUES and self._is_result(node.value))

    def _calls_with_more_than_values(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Name) and call.func.id == "isinstance" and len(call.args) == 2:
            return not self._is_type_of_values(call.args[1])
        if isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGING:
            return self._is_kept(call.func.value)
        if _last(call.func) == "defaultdict" and not all(
            isinstance(a, ast.Name | ast.Dict | ast.Constant) for a in call.args
        ):
            return True
        if not self._is_theirs(call.func):
            return False
        return any(self._is_more_than_a_value(part) for part in _arguments(call))

    def _is_more_than_a_value(self, argument: ast.expr) -> bool:
        if isinstance(argument, ast.Name):
            return argument.id in self._functions
        lazy = isinstance(argument, ast.Call) and _last(argument.func) in _LAZY
        return lazy or isinstance(argument, ast.Lambda | ast.GeneratorExp)

    def _is_type_of_values(self, kind: ast.expr) -> bool:
        """Whether ``kind``, the second argument of ``isinstance``, is about what crosses whole."""
        known = False
        match kind:
            case ast.Tuple():
                known = all(map(self._is_type_of_values, kind.elts))
            case ast.Name():
                known = kind.id not in self._theirs and kind.id not in self._typing
            case ast.Attribute(value=ast.Name(id=module)):
                known = module not in ("typing", "types", "abc") and module not in self._theirs
            case ast.BinOp(op=ast.BitOr()):
                known = self._is_type_of_values(kind.left) and self._is_type_of_values(kind.right)
            case ast.Constant():
                known = True
            case ast.Call():
                known = _last(kind.func) == "type"
        return known

    def _writes_to_what_is_kept(self, node: ast.Assign | ast.AugAssign | ast.Delete) -> bool:
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            return False
        return any(isinstance(t, ast.Subscript | ast.Attribute) and self._is_kept(t.value) for t in targets)

    def _handles_names(self) -> bool:
        """Whether a name of the program is more than called, passed on or caught, or a class that is called.

        A function may have a capital too (MBPP's ``Find_Max``): a call whose result is compared with a value,
        or asserted, makes no object that matters.
        """
        kinds = self._kinds
        harmless: set[int] = set()
        of_values: set[int] = set()
        for call in kinds[ast.Call]:
            harmless |= {id(call.func), *map(id, call.args)}
        harmless |= {id(keyword.value) for keyword in kinds[ast.keyword]}
        for handler in kinds[ast.ExceptHandler]:
            kind = handler.type
            harmless |= {id(each) for each in (kind.elts if isinstance(kind, ast.Tuple) else [kind])}
        for claim in kinds[ast.Assert]:
            of_values |= {id(part) for part in _parts(claim.test)}
            harmless |= {id(part) for part in (ast.walk(claim.msg) if claim.msg is not None else ())}
        used = [
            name for name in kinds[ast.Name] if name.id in self._theirs and isinstance(name.ctx, ast.Load)
        ]
        if any(id(name) not in harmless for name in used):
            return True
        made = [call for call in kinds[ast.Call] if self._makes_object(call.func)]
        if made:
            for compare in kinds[ast.Compare]:
                left, right = compare.left, compare.comparators[0]
                of_values |= {id(a) for a, b in ((left, right), (right, left)) if self._is_own(b)}
        return any(id(call) not in of_values for call in made)

    def _makes_object(self, function: ast.expr) -> bool:
        return isinstance(function, ast.Name) and function.id in self._theirs and function.id[:1].isupper()

    def _is_own(self, node: ast.expr) -> bool:
        """Whether it has nothing of the program in it."""
        return not _names(node) & (self._theirs | self._given)

    def _asks_of_errors(self) -> bool:
        """Whether the tests look into an exception, of which only class and arguments can be told."""
        raising = [call for call in self._kinds[ast.Call] if _last(call.func) in _RAISING]
        sought = [handler.type for handler in self._kinds[ast.ExceptHandler]]
        sought += [argument for call in raising for argument in call.args[:1]]
        if any(map(self._is_of_a_library, sought)):
            return True
        own: set[str] = set()
        bound: set[str] = set()
        for kind, name in _caught(self._kinds):
            bound.add(name)
            if _names(kind) & self._theirs:
                own.add(name)
        if any(node.id in own and isinstance(node.ctx, ast.Load) for node in self._kinds[ast.Name]):
            return True
        looks = self._kinds[ast.Attribute] if bound else ()
        return any(node.attr not in _OF_ERRORS and _root(node) in bound for node in looks)

    def _is_of_a_library(self, sought: ast.expr | None) -> bool:
        """Whether an exception is sought that is neither a builtin nor the program's own."""
        kinds = sought.elts if isinstance(sought, ast.Tuple) else [sought]
        return any(
            isinstance(kind, ast.Attribute) or (isinstance(kind, ast.Name) and kind.id in self._imports)
            for kind in kinds
        )

    def _names_of_results(self) -> set[str]:
        """Names that the tests give to what the program gave them."""
        names: set[str] = set()
        for node in (*self._kinds[ast.Assign], *self._kinds[ast.AnnAssign], *self._kinds[ast.NamedExpr]):
            if isinstance(node.value, ast.Call) and self._is_theirs(node.value.func):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(*map(_names, targets))
        return names

    def _is_theirs(self, node: ast.expr) -> bool:
        """Whether it is a name of the program, or begins with one."""
        return _root(node) in self._theirs

    def _is_result(self, node: ast.expr) -> bool:
        """Whether it is what the program gave, or part of it."""
        root = _whole(node)
        if isinstance(root, ast.Call):
            return self._is_theirs(root.func)
        return isinstance(root, ast.Name) and root.id in self._given

    def _is_kept(self, node: ast.expr) -> bool:
        """Whether the program may hold what this is or lies in: it gave it, or was given it before."""
        root = _whole(node)
        given_at = self._passed.get(root.id) if isinstance(root, ast.Name) else None
        return self._is_result(node) or (given_at is not None and given_at < node.lineno)

    def _passed_names(self) -> dict[str, int]:
        """Names of what is passed to the program, each with the first line where it is."""
        lines: dict[str, int] = {}
        for call in self._kinds[ast.Call]:
            if self._is_theirs(call.func):
                for name in set().union(*map(_names, _arguments(call))):
                    lines[name] = min(call.lineno, lines.get(name, call.lineno))
        return lines


def _caught(kinds: Mapping[type, list[Any]]) -> Iterator[tuple[ast.AST, str]]:
    """What is caught, by ``except`` and by ``raises``, and the name that it gets."""
    for handler in kinds[ast.ExceptHandler]:
        if handler.type is not None and handler.name:
            yield handler.type, handler.name
    for item in kinds[ast.withitem]:
        call, name = item.context_expr, item.optional_vars
        if isinstance(call, ast.Call) and isinstance(name, ast.Name) and _last(call.func) in _RAISING:
            yield call, name.id


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    """What is asserted, without ``and``, ``or`` and ``not``."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _parts(value)
    elif isinstance(test, ast.UnaryOp):
        yield from _parts(test.operand)
    else:
        yield test


def _asks_for_identity(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    for operator, pair in zip(node.ops, pairwise(sides), strict=True):
        if isinstance(operator, ast.Is | ast.IsNot) and not any(map(_has_no_twin, pair)):
            return True
    return False


def _has_no_twin(node: ast.expr) -> bool:
    """Whether equal to it means the same as it: None, True, a type."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "type"
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and hasattr(builtins, node.id))


def _arguments(call: ast.Call) -> list[ast.expr]:
    given = [argument.value if isinstance(argument, ast.Starred) else argument for argument in call.args]
    return [*given, *(keyword.value for keyword in call.keywords)]


def _parameters_of_check(functions: list[ast.FunctionDef]) -> Iterator[str]:
    for node in functions:
        if node.name == "check":
            yield from (argument.arg for argument in node.args.args[:1])


def _imported_from_typing(imports: list[ast.ImportFrom]) -> Iterator[str]:
    for node in imports:
        if node.module == "typing":
            yield from (alias.asname or alias.name for alias in node.names)


def _whole(node: ast.expr) -> ast.expr:
    """What ``node`` is an attribute or an item of."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_among(modules: frozenset[str], name: str | None) -> bool:
    return name is not None and (name in modules or name.partition(".")[0] in modules)
