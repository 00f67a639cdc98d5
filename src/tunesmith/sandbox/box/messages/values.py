"""Plain data: which values are copied between the tests and the program, and as what parts.

Numbers, text, bytes, the built-in containers and the common value types of the standard library and numpy.
The builders put a value together again from parts that may be hostile: each checks the types of its parts.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Builders = dict[str, Callable[..., Any]]

SCALARS = frozenset((int, float, str, bool, bytes, complex, type(None)))
_NO_VALUES = ("type", "super", "property", "classmethod", "staticmethod", "__loader__")
_TYPES = {n: kind for n, kind in vars(builtins).items() if isinstance(kind, type) and n not in _NO_VALUES}
_NUMPY_KINDS = "biufcSUmM"
_MOST_BITS = 1 << 17
"""Of the parts of a Fraction, whose greatest common divisor takes quadratic time; digits of a Decimal."""
_LONGEST_KIND = 32
_MOST_FIELDS, _LONGEST_NAME = 256, 200
"""Of a named tuple, for which the standard library compiles code."""


def _simple(kind: str, parts: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: (kind, *parts(value))


def _factory(value: defaultdict[Any, Any]) -> tuple[Any, ...]:
    name = getattr(value.default_factory, "__name__", "")
    return (name if _TYPES.get(name) is value.default_factory else "", dict(value))


_PARTS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    complex: _simple("complex", lambda v: (v.real, v.imag)),
    range: _simple("range", lambda v: (v.start, v.stop, v.step)),
    slice: _simple("slice", lambda v: (v.start, v.stop, v.step)),
    Counter: _simple("Counter", lambda v: (dict(v),)),
    OrderedDict: _simple("OrderedDict", lambda v: (dict(v),)),
    defaultdict: _simple("defaultdict", _factory),
    deque: _simple("deque", lambda v: (list(v), v.maxlen)),
    type({}.keys()): _simple("keys", lambda v: (list(v),)),
    type({}.values()): _simple("values", lambda v: (list(v),)),
    type({}.items()): _simple("items", lambda v: (list(v),)),
    type(Ellipsis): _simple("Ellipsis", lambda _: ()),
    type(NotImplemented): _simple("NotImplemented", lambda _: ()),
}


_LIBRARY_PARTS: dict[tuple[str, str], Callable[[Any], tuple[Any, ...]]] = {
    ("fractions", "Fraction"): lambda v: (v.numerator, v.denominator),
    ("decimal", "Decimal"): lambda v: (str(v),),
    ("datetime", "date"): lambda v: (v.year, v.month, v.day),
    ("datetime", "datetime"): lambda v: (v.isoformat(),),
    ("datetime", "time"): lambda v: (v.isoformat(),),
    ("datetime", "timedelta"): lambda v: (v.days, v.seconds, v.microseconds),
}
"""By module and name, so that they are imported only where they occur."""


def _is(kind: type, *values: Any) -> None:
    if any(type(value) is not kind for value in values):
        raise TypeError(f"not {kind.__name__}")


def _checked(kind: type, make: Callable[..., Any]) -> Callable[..., Any]:
    """A builder whose parts must all be exactly of ``kind``."""

    def builder(*parts: Any) -> Any:
        _is(kind, *parts)
        return make(*parts)

    return builder


def _make_bounds(make: type) -> Callable[..., Any]:
    def builder(*parts: Any) -> Any:
        _is(int, *(part for part in parts if part is not None))
        return make(*parts)

    return builder


def _make_defaultdict(name: str, items: dict[Any, Any]) -> Any:
    _is(str, name)
    _is(dict, items)
    known = name in ("int", "list", "dict", "set", "str", "float", "bool", "tuple")
    return defaultdict(_TYPES[name] if known else None, items)


def _make_deque(items: list[Any], longest: int | None) -> Any:
    _is(list, items)
    _is(int, *(() if longest is None else (longest,)))
    return deque(items, longest)


def _library(module: str, name: str, kind: type) -> Callable[..., Any]:
    """A builder for a type of the standard library whose parts are all of ``kind``."""

    def builder(*parts: Any) -> Any:
        _is(kind, *parts)
        if any((part.bit_length() if kind is int else len(part)) > _MOST_BITS for part in parts):
            raise ValueError(f"a part of this {name} is too long")
        maker = getattr(importlib.import_module(module), name)
        return maker.fromisoformat(*parts) if kind is str and module == "datetime" else maker(*parts)

    return builder


@lru_cache(maxsize=64)
def _tuple_type(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields)


def _make_namedtuple(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    _is(str, name, *fields)
    _is(tuple, fields, values)
    if len(fields) > _MOST_FIELDS or any(len(text) > _LONGEST_NAME for text in (name, *fields)):
        raise ValueError("a named tuple of too many or too long names")
    return _tuple_type(name, fields)._make(values)


def _make_type(name: str) -> type:
    _is(str, name)
    return _TYPES[name]


def _make_array(kind: str, shape: tuple[int, ...], data: bytes) -> Any:
    _is(str, kind)
    _is(tuple, shape)
    _is(int, *shape)
    _is(bytes, data)
    if len(kind) > _LONGEST_KIND:
        raise ValueError("not an array of numbers")
    import numpy

    dtype = numpy.dtype(kind)
    if dtype.kind not in _NUMPY_KINDS or dtype.hasobject:
        raise TypeError("not an array of numbers")
    return numpy.frombuffer(data, dtype).reshape(shape).copy()


BUILDERS: Builders = {
    "complex": _checked(float, complex),
    "range": _checked(int, range),
    "slice": _make_bounds(slice),
    "Counter": _checked(dict, Counter),
    "OrderedDict": _checked(dict, OrderedDict),
    "defaultdict": _make_defaultdict,
    "deque": _make_deque,
    "Fraction": _library("fractions", "Fraction", int),
    "Decimal": _library("decimal", "Decimal", str),
    "date": _library("datetime", "date", int),
    "datetime": _library("datetime", "datetime", str),
    "time": _library("datetime", "time", str),
    "timedelta": _library("datetime", "timedelta", int),
    "keys": _checked(list, lambda items: dict.fromkeys(items).keys()),
    "values": _checked(list, lambda items: dict(enumerate(items)).values()),
    "items": _checked(list, lambda items: dict(items).items()),
    "Ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "namedtuple": _make_namedtuple,
    "type": _make_type,
    "array": _make_array,
    "scalar": lambda kind, data: _make_array(kind, (1,), data)[0],
    "same": lambda value: value,
}
INERT = frozenset(BUILDERS) - {"type"}
"""What gives values that cannot be called."""


def parts_of(value: Any) -> tuple[Any, ...] | None:
    """``value`` as the name and parts of a builder, or None where it is not plain data."""
    kind = type(value)
    known = _PARTS.get(kind)
    if known is not None:
        return known(value)
    library = _LIBRARY_PARTS.get((kind.__module__, kind.__name__))
    if library is not None and getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind:
        return (kind.__name__, *library(value))
    if isinstance(value, type):
        return ("type", value.__name__) if _TYPES.get(value.__name__) is value else None
    if kind.__module__ == "numpy" and hasattr(value, "dtype"):
        return _numpy_parts(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return ("namedtuple", kind.__name__, tuple(kind._fields), tuple(value))
    return _base_parts(value)


def _numpy_parts(value: Any) -> tuple[Any, ...] | None:
    if value.dtype.kind not in _NUMPY_KINDS:
        return None
    if getattr(value, "ndim", 0):
        return ("array", value.dtype.str, tuple(value.shape), value.tobytes())
    return ("scalar", value.dtype.str, value.tobytes())


def _base_parts(value: Any) -> tuple[Any, ...] | None:
    """An instance of a subclass that compares as its built-in base does crosses as that base."""
    bases: tuple[Any, ...] = (int, float, str, bytes, list, dict, tuple, set, frozenset)
    for base in bases:
        if isinstance(value, base):
            return ("same", base(value)) if type(value).__eq__ is base.__eq__ else None
    return None
