"""A handle on something in the program that is not plain data, and what tests can do with it.

Every use is a question asked over the line. A handle never lets the program decide a comparison with
plain data: an object that calls itself equal to everything is equal to nothing here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

from . import codec


class Asker(Protocol):
    """What a handle needs of the conversation with its program (``remote.Session``)."""

    limit_answers: Callable[[float], None]

    def ask(self, question: str, *arguments: Any, **named: Any) -> Any: ...

    def call(self, live: Handle, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any: ...

    def announce(self, live: Handle, calls: list[list[Any]]) -> None: ...

    def no_sense(self) -> NoReturn: ...


_CHUNK = 256


class Unplain(TypeError):
    """The tests pass the program something that cannot be sent: they would have to share its process."""


class Handle:
    """Something in the program that is not plain data: a function, a class, an object."""

    __slots__ = ("_name", "_number", "_session")

    def __init__(self, session: Asker, number: int, name: str) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_name", name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._session.call(self, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__doc__"):
            raise AttributeError(name)
        return self._session.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._session.ask("setattr", self, name, value)

    def __iter__(self) -> Iterator[Any]:
        items = self._session.ask("iter", self)
        if not isinstance(items, Handle):
            raise TypeError(f"{self._name} gives no iterator")
        size = 1
        while True:
            said = self._session.ask("take", items, size)
            if type(said) is not tuple or [type(part) for part in said] != [list, bool]:
                self._session.no_sense()
            chunk, more = said
            if len(chunk) > size:
                self._session.no_sense()
            yield from chunk
            if not more:
                return
            size = min(4 * size, _CHUNK)

    def __next__(self) -> Any:
        return self._session.ask("next", self)

    def __contains__(self, value: Any) -> bool:
        return any(value is item or value == item for item in self)

    def __getitem__(self, key: Any) -> Any:
        return self._session.ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._session.ask("setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        self._session.ask("delitem", self, key)

    def __enter__(self) -> Any:
        return self._session.ask("enter", self)

    def __exit__(self, *error: object) -> None:
        self._session.ask("exit", self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self._session.ask("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Handle, self._number))

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Handle) and self._session.ask("isinstance", value, self) is True

    def __copy__(self) -> Any:
        return self._session.ask("copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return self._session.ask("deepcopy", self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def _only(kind: type | tuple[type, ...], question: str) -> Callable[[Handle], Any]:
    """A conversion that must give ``kind``."""

    def method(self: Handle) -> Any:
        value = self._session.ask(question, self)
        if not isinstance(value, kind):
            raise TypeError(f"{question} of {self._name} gave {type(value).__name__}")
        return value

    return method


def _between(question: str) -> Callable[[Handle, object], Any]:
    """An operation on two objects of the program; one with plain data would show it what to claim."""

    def method(self: Handle, other: object) -> Any:
        if not isinstance(other, Handle):
            return NotImplemented
        return self._session.ask(question, self, other)

    return method


def _fill_operators() -> None:
    for question, kind in {
        "len": int,
        "str": str,
        "repr": str,
        "bool": bool,
        "int": int,
        "float": float,
    }.items():
        setattr(Handle, f"__{question}__", _only(kind, question))
    for question in ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"):
        setattr(Handle, f"__{question}__", _between(question))
    for question in ("and", "or", "xor", "pow"):
        setattr(Handle, f"__{question}__", _between(question))
    for question in ("neg", "pos", "abs", "invert"):
        setattr(Handle, f"__{question}__", lambda self, question=question: self._session.ask(question, self))


_fill_operators()


def relay(value: Any) -> codec.Reduced:
    """Export for a message that carries handles to another session with the same program."""
    if isinstance(value, Handle):
        return codec.build, ("live", value._number, value._name)
    if hasattr(value, "_handle"):
        return codec.build, value._handle
    raise Unplain(f"{type(value).__name__} cannot be passed on")


OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name if hasattr(operator, name) else f"{name}_")
    for name in (
        *("eq", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"),
        *("and", "or", "xor", "pow", "neg", "pos", "abs", "invert", "getitem", "setitem", "delitem"),
    )
}
"""What the program's end does for a question about operators."""
