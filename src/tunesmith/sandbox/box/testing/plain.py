"""What plain tests may use: a language so small that the judge runs them in its own process."""

from __future__ import annotations

import builtins
from typing import Any

BUILTINS = frozenset((
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod",
    "enumerate", "filter", "float", "frozenset", "hex", "int", "isinstance", "iter", "len", "list",
    "map", "max", "min", "next", "oct", "ord", "pow", "print", "range", "repr", "reversed", "round",
    "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip", "True", "False", "None",
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "Exception", "IndexError",
    "KeyError", "LookupError", "NameError", "NotImplementedError", "OverflowError", "RecursionError",
    "RuntimeError", "StopIteration", "TypeError", "ValueError", "ZeroDivisionError", "SystemExit",
))  # fmt: skip
ORACLE = "box.testing.oracle"
MODULES = frozenset(
    ("math", "cmath", "copy", "random", "itertools", "collections", "string", "typing", ORACLE)
)


def scope(names: dict[str, Any], **instead: Any) -> dict[str, Any]:
    """The globals of plain tests, with what they take from the program, and ``instead`` of some builtins."""
    offered = {**_OFFERED, **instead} if instead else _OFFERED
    return {"__builtins__": offered, "__name__": "__main__", **names}


def _type_of(value: object) -> type:
    """``type`` for plain tests, which may ask but not make."""
    return type(value)


def _importer(name: str, *rest: Any) -> Any:
    if name not in MODULES:
        raise ImportError(name)
    return __import__(name, *rest)


_OFFERED = {
    **{name: getattr(builtins, name) for name in BUILTINS},
    "type": _type_of,
    "print": lambda *_, **__: None,
    "__import__": _importer,
}
