"""Python expressions over numbers and truth values, in JavaScript: the inside of ``starter_javascript``."""

from __future__ import annotations

import ast
from collections.abc import Sequence

_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!=="}
_BUILTINS = {"abs": "Math.abs", "max": "Math.max", "min": "Math.min", "int": "Math.trunc", "bool": "Boolean"}


class CannotError(Exception):
    """Some part of the function is outside the subset."""


class Expressions:
    """Writes the expressions of one function. Types are ``num`` and ``bool``.

    name, parameters: of the function, which may call itself.  types: of each variable, as they come to be
    known.  helpers: functions that the text needs (``mod``, ``div``).  operations: how many were written.
    """

    def __init__(self, name: str, parameters: Sequence[str]) -> None:
        self.name, self.arity = name, len(parameters)
        self.types: dict[str, str] = dict.fromkeys(parameters, "num")
        self.helpers: set[str] = set()
        self.operations = 0
        self.recursive = False

    def number(self, node: ast.expr) -> str:
        """An expression that is a number."""
        text, kind = self.expression(node)
        if kind != "num":
            raise CannotError
        return text

    def expression(self, node: ast.expr) -> tuple[str, str]:
        """One expression and its type, by the method named after its node."""
        write = getattr(self, f"_{type(node).__name__.lower()}", None)
        if write is None:
            raise CannotError
        text, kind = write(node)
        return text, kind

    def _constant(self, node: ast.Constant) -> tuple[str, str]:
        match node.value:
            case bool() as value:
                return str(value).lower(), "bool"
            case int() as value if abs(value) < 2**53:
                return str(value), "num"
            case float() as value if value - value == 0:
                return repr(value), "num"
        raise CannotError

    def _name(self, node: ast.Name) -> tuple[str, str]:
        if node.id not in self.types:
            raise CannotError
        return node.id, self.types[node.id]

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, str]:
        if isinstance(node.op, ast.USub):
            return f"(-{self.number(node.operand)})", "num"
        if isinstance(node.op, ast.Not):
            return f"!({self.expression(node.operand)[0]})", "bool"
        raise CannotError

    def _ifexp(self, node: ast.IfExp) -> tuple[str, str]:
        (left, kind), (right, other) = self.expression(node.body), self.expression(node.orelse)
        if kind != other:
            raise CannotError
        return f"({self.expression(node.test)[0]} ? {left} : {right})", kind

    def _binop(self, node: ast.BinOp) -> tuple[str, str]:
        left, right = self.number(node.left), self.number(node.right)
        self.operations += 1
        match node.op:
            case ast.Add() | ast.Sub() | ast.Mult() | ast.Div():
                sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
                return f"({left} {sign} {right})", "num"
            case ast.Mod():
                self.helpers.add("mod")
                return f"floorMod({left}, {right})", "num"
            case ast.FloorDiv():
                self.helpers |= {"mod", "div"}
                return f"floorDiv({left}, {right})", "num"
        raise CannotError

    def _boolop(self, node: ast.BoolOp) -> tuple[str, str]:
        parts = [self.expression(value) for value in node.values]
        if len({kind for _, kind in parts}) != 1:
            raise CannotError
        sign = " && " if isinstance(node.op, ast.And) else " || "
        return f"({sign.join(text for text, _ in parts)})", parts[0][1]

    def _compare(self, node: ast.Compare) -> tuple[str, str]:
        sides = [node.left, *node.comparators]
        if any(not isinstance(side, ast.Name | ast.Constant) for side in sides[1:-1]):
            raise CannotError
        parts = [self.expression(side) for side in sides]
        if len({kind for _, kind in parts}) != 1 or any(type(op) not in _COMPARE for op in node.ops):
            raise CannotError
        self.operations += 1
        texts = [text for text, _ in parts]
        links = zip(texts, node.ops, texts[1:], strict=False)
        return f"({' && '.join(f'{a} {_COMPARE[type(op)]} {b}' for a, op, b in links)})", "bool"

    def _call(self, node: ast.Call) -> tuple[str, str]:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise CannotError
        name, arguments = node.func.id, node.args
        texts = ", ".join(self.number(argument) for argument in arguments)
        if name == self.name and len(arguments) == self.arity:
            self.recursive = True
            return f"{name}({texts})", "num"
        wanted = 2 if name in ("max", "min") else 1
        if name not in _BUILTINS or (len(arguments) < wanted if wanted == 2 else len(arguments) != 1):
            raise CannotError
        return f"{_BUILTINS[name]}({texts})", "bool" if name == "bool" else "num"


def bare(text: str) -> str:
    """An expression without brackets around the whole of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and index < len(text) - 1:
            return text
    return text[1:-1]
