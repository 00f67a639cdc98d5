"""What inline tests may use: a language so small that the judge runs them in its own process.

Nothing here may let tests make classes of their own or reach an attribute by a name in text. A class with
a ``__reduce_ex__`` of its own, for one, would let ``copy.copy`` set any attribute of any module, and so
change the verdict of every later program.
"""

from __future__ import annotations

import builtins
from collections import Counter, OrderedDict, defaultdict, deque
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


def scope(names: dict[str, Any]) -> dict[str, Any]:
    """The globals of inline tests, with what they take from the program. Their own builtins each time: a
    function of these could hold the dictionary."""
    return {"__builtins__": dict(_OFFERED), "__name__": "__main__", **names}


class _OtherType:
    """In place of a type that is not one of values: it has a name and equals itself, and makes nothing."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.__name__ = kind.__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OtherType) and self._kind is other._kind

    def __hash__(self) -> int:
        return hash(self._kind)


def _type_of(value: object) -> Any:
    """``type`` for inline tests, which may ask and not make: ``type(int)`` would be a maker of classes."""
    kind = type(value)
    if kind in _VALUES or (kind.__module__ == "builtins" and issubclass(kind, BaseException)):
        return kind
    return _OtherType(kind)


def _importer(name: str, *rest: Any) -> Any:
    if name not in MODULES:
        raise ImportError(name)
    return __import__(name, *rest)


_VALUES = frozenset((
    int, float, bool, str, bytes, complex, list, tuple, dict, set, frozenset, range, slice, type(None),
    Counter, OrderedDict, defaultdict, deque,
))  # fmt: skip
_OFFERED = {
    **{name: getattr(builtins, name) for name in BUILTINS},
    "type": _type_of,
    "print": lambda *_, **__: None,
    "__import__": _importer,
}
