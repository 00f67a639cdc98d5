"""Python functions on numbers, in JavaScript: only what is sure to behave alike.

The two languages agree on IEEE doubles, so the subset is arithmetic (without powers), comparisons,
conditions, loops over ``range`` and ``while``, calls of itself and of a few builtins. Parameters are
finite numbers; whole numbers stay below 2**53 (both stand in the task's wording). ``//`` and ``%``
round towards minus infinity in Python, so they become helper functions. Anything else is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from .describe import Function, parameters
from .javascript_expressions import CannotError, Expressions, bare

_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        arguments await break case catch class const continue debugger default delete do else enum eval
        export extends false finally for function if implements import in instanceof interface let new null
        package private protected public return static super switch this throw true try typeof undefined var
        void while with yield NaN Infinity Math Boolean Error floorMod floorDiv
        """,
    )
)
_MOD = """\
function floorMod(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}"""
_DIV = """\
function floorDiv(a, b) {
  const exact = (a - floorMod(a, b)) / b;
  const whole = Math.floor(exact);
  return exact - whole > 0.5 ? whole + 1 : whole;
}"""


def translated(function: Function) -> str | None:
    """A JavaScript program that defines the same function; None where it is not in the subset."""
    if isinstance(function, ast.AsyncFunctionDef) or function.decorator_list:
        return None
    try:
        return _Writer(function).program()
    except (CannotError, RecursionError):
        return None


class _Writer:
    """Writes one function. Types are ``num``, ``bool`` and, for results only, ``tuple``."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function, self.name = function, function.name
        self.maths = Expressions(function.name, parameters(function))
        self.returned: set[str] = set()

    def program(self) -> str:
        arguments = self.function.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
            raise CannotError
        used = {node.id for node in ast.walk(self.function) if isinstance(node, ast.Name)}
        names = used | set(self.maths.types) | {self.name}
        if any(name in _RESERVED or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) for name in names):
            raise CannotError
        head = self._parameters(arguments)
        body = self.function.body[1:] if ast.get_docstring(self.function) is not None else self.function.body
        written = self._block(body, "  ")
        if not body or not _ends(body) or not self.maths.operations:
            raise CannotError
        if self.maths.recursive and self.returned != {"num"}:
            raise CannotError
        local = sorted(set(self.maths.types) - set(parameters(self.function)))
        declared = [f"  let {', '.join(local)};"] if local else []
        helpers = [_MOD] * ("mod" in self.maths.helpers) + [_DIV] * ("div" in self.maths.helpers)
        return "\n".join([*helpers, f"function {self.name}({head}) {{", *declared, *written, "}"])

    def _parameters(self, arguments: ast.arguments) -> str:
        bare = len(arguments.args) - len(arguments.defaults)
        texts = [argument.arg for argument in arguments.args[:bare]]
        for argument, default in zip(arguments.args[bare:], arguments.defaults, strict=True):
            text, kind = self.maths.expression(default)
            if kind != "num" or not isinstance(default, ast.Constant | ast.UnaryOp):
                raise CannotError
            texts.append(f"{argument.arg} = {text}")
        return ", ".join(texts)

    def _block(self, body: Sequence[ast.stmt], indent: str) -> list[str]:
        return [line for statement in body for line in self._statement(statement, indent)]

    def _statement(self, node: ast.stmt, indent: str) -> list[str]:
        """One statement, by the method named after its node."""
        write = getattr(self, f"_{type(node).__name__.lower()}", None)
        if write is None or (getattr(node, "orelse", None) and not isinstance(node, ast.If)):
            raise CannotError
        lines: list[str] = write(node, indent)
        return lines

    def _return(self, node: ast.Return, indent: str) -> list[str]:
        if isinstance(node.value, ast.Tuple) and node.value.elts:
            self.returned.add("tuple")
            return [f"{indent}return [{', '.join(self.maths.number(part) for part in node.value.elts)}];"]
        if node.value is None:
            raise CannotError
        text, kind = self.maths.expression(node.value)
        self.returned.add(kind)
        return [f"{indent}return {bare(text)};"]

    def _assign(self, node: ast.Assign, indent: str) -> list[str]:
        if len(node.targets) != 1:
            raise CannotError
        return [indent + self._assignment(node.targets[0], node.value)]

    def _augassign(self, node: ast.AugAssign, indent: str) -> list[str]:
        if not isinstance(node.target, ast.Name):
            raise CannotError
        text, kind = self.maths.expression(ast.BinOp(ast.Name(node.target.id), node.op, node.value))
        return [f"{indent}{self._bind(node.target.id, kind)} = {bare(text)};"]

    def _while(self, node: ast.While, indent: str) -> list[str]:
        test = bare(self.maths.expression(node.test)[0])
        return [f"{indent}while ({test}) {{", *self._block(node.body, indent + "  "), f"{indent}}}"]

    def _raise(self, node: ast.Raise, indent: str) -> list[str]:
        match node.exc:
            case ast.Call(args=[ast.Constant(value=str() as said)]) if said.isascii() and said.isprintable():
                return [f"{indent}throw new Error({ast.unparse(ast.Constant(said))});"]
        raise CannotError

    def _pass(self, _node: ast.Pass, _indent: str) -> list[str]:
        return []

    def _break(self, _node: ast.Break, indent: str) -> list[str]:
        return [f"{indent}break;"]

    def _continue(self, _node: ast.Continue, indent: str) -> list[str]:
        return [f"{indent}continue;"]

    def _assignment(self, target: ast.expr, value: ast.expr) -> str:
        if isinstance(target, ast.Name):
            text, kind = self.maths.expression(value)
            return f"{self._bind(target.id, kind)} = {bare(text)};"
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            texts = [self.maths.number(part) for part in value.elts]
            names = [part.id for part in target.elts if isinstance(part, ast.Name)]
            if len(names) == len(texts):
                return f"[{', '.join(self._bind(name, 'num') for name in names)}] = [{', '.join(texts)}];"
        raise CannotError

    def _bind(self, name: str, kind: str) -> str:
        """A name that is given a value; it keeps one type for good."""
        if kind == "tuple" or self.maths.types.setdefault(name, kind) != kind or name == self.name:
            raise CannotError
        return name

    def _if(self, node: ast.If, indent: str) -> list[str]:
        test = bare(self.maths.expression(node.test)[0])
        lines = [f"{indent}if ({test}) {{", *self._block(node.body, indent + "  ")]
        if node.orelse:
            lines += [f"{indent}}} else {{", *self._block(node.orelse, indent + "  ")]
        return [*lines, f"{indent}}}"]

    def _for(self, node: ast.For, indent: str) -> list[str]:
        turn = node.iter
        if not isinstance(turn, ast.Call) or ast.unparse(turn.func) != "range" or turn.keywords:
            raise CannotError
        if not isinstance(node.target, ast.Name) or not 1 <= len(turn.args) <= 3:
            raise CannotError
        name = node.target.id
        bounds = [self.maths.number(argument) for argument in turn.args]
        start, stop = ("0", bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = 1
        if len(bounds) == 3:
            step = ast.literal_eval(turn.args[2]) if re.fullmatch(r"-?\d+", ast.unparse(turn.args[2])) else 0
        now, end = f"{name}_now", f"{name}_end"
        if step == 0 or {now, end} & set(self.maths.types):
            raise CannotError
        self._bind(name, "num")
        head = f"let {now} = {start}, {end} = {stop}; {now} {'<' if step > 0 else '>'} {end}; {now} += {step}"
        inner = indent + "  "
        return [
            f"{indent}for ({head}) {{",
            f"{inner}{name} = {now};",
            *self._block(node.body, inner),
            f"{indent}}}",
        ]


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Whether a block surely returns or raises."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)
