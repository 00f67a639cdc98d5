"""Finds what plain tests ask by running them once on stand-ins for the program's functions and answers.

Nothing can be made of a stand-in, except an argument: whatever else is tried ends the run. What was asked
up to there will be asked, in this order and of these arguments, as long as every assertion holds. That
tells also what tests ask in loops, which reading cannot (HumanEval/32, 38, 50 and 53), and costs more.
"""

from __future__ import annotations

import ast
import contextlib
import marshal
import random
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from ..processes.alarm import Alarm
from . import ahead_static, plain, suite
from .ahead_static import Call, Unsure

_SECONDS = 0.2
_LARGEST = 1 << 16
"""Bytes of all arguments together."""
_UNHEARD = (ast.Try, ast.Is, ast.IsNot)
"""What could hide that a stand-in was looked at, or look at it without its knowledge."""
_WITHOUT_EFFECT = frozenset((
    "abs", "all", "any", "bool", "dict", "float", "frozenset", "int", "isinstance", "len", "list", "max",
    "min", "repr", "round", "set", "sorted", "str", "sum", "tuple", "type",
))  # fmt: skip


def calls(tests: str, names: Collection[str], entry_point: str) -> list[Call]:
    """The calls that ``tests`` make for certain, in order, at most some hundreds."""
    tree = ast.parse(tests, "<tests>")
    nodes = list(ast.walk(tree))
    if any(isinstance(node, _UNHEARD) for node in nodes):
        return []
    heard = _Heard()
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    checks = [node.args.args for node in functions if node.name == "check"]
    asking = {*names, *(parameters[0].arg for parameters in checks if parameters)}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    without_effect = _WITHOUT_EFFECT - stored - {node.name for node in functions}
    tree = ast.fix_missing_locations(_Assertions(asking, without_effect).visit(tree))
    program = {name: _Function(heard, name) for name in names}
    scope = plain.scope(program, type=_known(type), isinstance=_known(isinstance))
    code = compile(tree, "<tests>", "exec", dont_inherit=True)
    random.seed(0)
    with contextlib.suppress(Unsure), Alarm(_SECONDS, _refuse):
        suite.attempt(code, entry_point, scope)
    return heard.calls


def _refuse(*_: object) -> NoReturn:
    raise Unsure


def _known(of: Any) -> Any:
    """A builtin that tells something of any object, but not of a stand-in."""

    def told(value: Any, *rest: Any) -> Any:
        return _refuse() if isinstance(value, _StandIn) else of(value, *rest)

    return told


class _StandIn:
    """An answer that is not known: the one to the call with this number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __deepcopy__(self, _: object) -> _StandIn:
        return self  # as of everything that may stand in its place: see ``answers.are_there``

    __bool__ = __str__ = __repr__ = __format__ = __hash__ = __reduce_ex__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse


class _Function(_StandIn):
    """A function of the program. A call of it is heard, and gives another stand-in."""

    __slots__ = ("_heard", "_name")

    def __init__(self, heard: _Heard, name: str) -> None:
        super().__init__(-1)
        self._heard, self._name = heard, name

    def __call__(self, *arguments: Any) -> _StandIn:
        return self._heard.call(self._name, arguments)


class _Heard:
    """The calls so far."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._room = _LARGEST

    def call(self, name: str, arguments: tuple[Any, ...]) -> _StandIn:
        """Note a call as it is made, since its arguments may change later."""
        earlier = [(n, a.number) for n, a in enumerate(arguments) if type(a) is _StandIn]
        known = marshal.dumps(tuple(None if type(a) is _StandIn else a for a in arguments), 2)
        self._room -= len(known)
        if self._room < 0 or len(self.calls) == ahead_static.MOST:
            raise Unsure
        self.calls.append((name, marshal.loads(known), tuple(earlier)))
        return _StandIn(len(self.calls) - 1)


class _Assertions(ast.NodeTransformer):
    """Leaves of an assertion the calls of the program in it, where nothing else in it has an effect."""

    def __init__(self, asking: Collection[str], without_effect: Collection[str]) -> None:
        self._asking, self._without_effect = asking, without_effect

    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        try:
            return ast.Expr(ast.Tuple(list(self._calls(node.test)), ast.Load()))
        except Unsure:
            return ast.Expr(node.test)

    def _calls(self, node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ahead_static.OPAQUE) or (isinstance(node, ast.Compare) and len(node.ops) > 1):
            raise Unsure
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in self._asking:
                yield node
                return
            if not self._is_without_effect(node.func):
                raise Unsure
        for part in ast.iter_child_nodes(node):
            yield from self._calls(part)

    def _is_without_effect(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.value.id in ("math", "copy")
        return isinstance(function, ast.Name) and function.id in self._without_effect
