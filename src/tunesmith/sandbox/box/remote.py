"""The program as its tests see it: handles whose every use is a question asked over the line.

The tests run here and the program elsewhere, so nothing the program does can reach the verdict: it
can only answer. A handle never lets the program decide a comparison with plain data: an object
that calls itself equal to everything is equal to nothing here.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import operator
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from . import codec
from .channel import Gone

_CHUNK = 256
_MUTABLE = (list, dict, set, bytearray, deque)


class Unplain(TypeError):
    """The tests pass the program something that cannot cross: they need to run beside it."""


class ProgramExit(SystemExit):
    """The program asked to exit while it was tested."""


class Session:
    """Asks a program questions. ``exchange`` sends a message and gives the reply, ``receive`` the next one.

    The calls that the tests are sure to make are asked along with the code. Their answers come one by
    one, and are read as the tests come to make the calls.
    """

    def __init__(
        self, exchange: Callable[[memoryview], bytearray], receive: Callable[[], bytearray] | None = None
    ) -> None:
        self._exchange, self._receive = exchange, receive
        self._ahead: deque[tuple[int, tuple[Any, ...]]] = deque()
        self._handed = False
        self._unread: codec.Reader | None = None
        self._lent: list[Callable[..., Any]] = []
        self._errors: dict[tuple[str, ...], type[BaseException]] = {}
        self.lost = ""
        own: codec.Builders = {"live": self._live, "error": self._error_type, "yours": self._own}
        self._builders = codec.BUILDERS | own

    def run(self, code: str, imports: str, main: bool, names: list[str], calls: list[Any]) -> dict[str, Any]:
        """Have ``code`` run, then what its tests import, then ``calls``; those of ``names`` it defines."""
        found = self.ask("run", code, imports, main, names, calls)
        if type(found) is not dict:
            raise Gone("no sense")
        for name, arguments in calls:
            live = found.get(name)
            self._ahead.append((live._number if isinstance(live, Live) else -1, arguments))
        return found

    def announce(self, live: Live, calls: list[list[Any]]) -> None:
        """Have these calls answered ahead of being made."""
        self.ask("each", live, calls)
        self._ahead.extend((live._number, tuple(arguments)) for arguments in calls)

    def call(self, live: Live, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer to a call, which may have been asked before it was made."""
        if self._ahead and not named and self._ahead[0] == (live._number, arguments):
            return self._next()
        return self.ask("call", live, *arguments, **named)

    def ask(self, question: str, *arguments: Any, **named: Any) -> Any:
        """The program's answer; raises what the program raised."""
        while self._ahead:
            with contextlib.suppress(Exception, SystemExit):
                self._next()
        if self.lost:
            raise Gone(self.lost)
        message = codec.encode((question, arguments, named), self._export)
        return self._settle(lambda: self._fresh(self._exchange(message)), arguments)

    def _next(self) -> Any:
        """The answer to the next call asked ahead. After a handle the program stops to answer ahead."""
        self._ahead.popleft()
        self._handed = False
        try:
            return self._settle(self._reply, ())
        finally:
            if self._handed:
                self._ahead.clear()

    def _fresh(self, message: bytearray) -> codec.Reader:
        self._unread = codec.Reader(message, self._builders)
        return self._unread

    def _reply(self) -> codec.Reader:
        """Where the next of the answers given ahead is; several may come in one message."""
        assert self._receive is not None
        if self._unread is not None and self._unread.more():
            return self._unread
        return self._fresh(self._receive())

    def _settle(self, receive: Callable[[], codec.Reader], arguments: tuple[Any, ...]) -> Any:
        try:
            while True:
                kind, *rest = self._decode(receive())
                if kind == "value":
                    value, changed = rest
                    _write_back(arguments, changed)
                    return value
                if kind == "raised":
                    raise self._error(*rest)
                if kind != "call":
                    raise Gone("no sense")
                message = self._serve(*rest)
                receive = functools.partial(lambda asked: self._fresh(self._exchange(asked)), message)
        except Gone as gone:
            self.lost = str(gone)
            raise

    def _decode(self, reader: codec.Reader) -> Any:
        try:
            reply = reader.take()
        except Exception as error:  # the door: a malformed stream may raise anything
            raise Gone(f"no sense: {type(error).__name__}") from None
        if type(reply) is not tuple or len(reply) not in (3, 4) or type(reply[0]) is not str:
            raise Gone("no sense")
        return reply

    def _serve(self, number: Any, arguments: Any) -> memoryview:
        """The program calls a function that the tests gave it."""
        if type(number) is not int or not 0 <= number < len(self._lent) or type(arguments) is not tuple:
            raise Gone("no sense")
        try:
            answer: tuple[Any, ...] = ("value", self._lent[number](*arguments))
        except Exception as error:  # the door: it goes back to the program, as it would in one process
            answer = ("raised", type(error).__name__, str(error))
        return codec.encode(answer, self._export)

    def _export(self, value: Any) -> codec.Reduced:
        if isinstance(value, Live):
            return codec.build, ("mine", value._number)
        if hasattr(value, "_handle"):
            return codec.build, ("mine", value._handle[1])
        if callable(value) and not isinstance(value, type):
            name = getattr(value, "__name__", "")
            if getattr(builtins, name, None) is value:
                return codec.build, ("builtin", name)
            self._lent.append(value)
            return codec.build, ("yours", len(self._lent) - 1)
        raise Unplain(f"{type(value).__name__} cannot cross to the program")

    def builders(self) -> codec.Builders:
        """Makes handles of this session out of a message from another."""
        return self._builders

    def _live(self, number: int, name: str) -> Live:
        if type(number) is not int or type(name) is not str:
            raise TypeError("not a handle")
        self._handed = True
        return Live(self, number, name)

    def _own(self, number: int) -> Callable[..., Any]:
        return self._lent[number]

    def _error_type(self, number: int, names: tuple[str, ...]) -> type[BaseException]:
        """The class, here, of an exception that the program defines."""
        self._handed = True
        kind = self._known_error(names)
        if names in self._errors:
            kind._handle = ("error", number, names)  # type: ignore[attr-defined]
        return kind

    def _known_error(self, names: tuple[str, ...]) -> type[BaseException]:
        if type(names) is not tuple or not names or any(type(name) is not str for name in names):
            raise TypeError("not an exception")
        bases = [getattr(builtins, name, None) for name in names]
        base = next((b for b in bases if isinstance(b, type) and issubclass(b, BaseException)), Exception)
        if base.__name__ == names[0]:
            return base
        if names not in self._errors:
            parent = self._known_error(names[1:]) if len(names) > 1 else base
            self._errors[names] = type(names[0], (parent,), {})
        return self._errors[names]

    def _error(self, names: Any, arguments: Any, trace: Any) -> BaseException:
        """The exception that the program raised, as a class of ours."""
        if type(arguments) is not tuple or type(trace) is not str:
            return Gone("no sense")
        try:
            kind = self._known_error(names)
        except TypeError:
            return Gone("no sense")
        if issubclass(kind, SystemExit):
            kind = ProgramExit
        elif not issubclass(kind, Exception):
            kind = type(names[0], (Exception,), {})
        try:
            error = kind(*arguments)
        except Exception:  # the door: some classes want arguments of their own kind
            error = Exception(*arguments)
        error.__cause__ = None
        error.add_note(trace)
        return error


def announce(candidate: Callable[..., Any], calls: list[list[Any]]) -> None:
    """Say which calls will be made next, in order; a program elsewhere answers them without being asked."""
    if isinstance(candidate, Live):
        candidate._session.announce(candidate, calls)


def digested(candidate: Callable[..., Any], arguments: list[Any]) -> tuple[bytes | None, Callable[[], Any]]:
    """The digest of the answer to a call, and how to get the answer itself."""
    if isinstance(candidate, Live):
        session = candidate._session
        return session.ask("digest", candidate, arguments), lambda: session.ask("last")
    answer = candidate(*arguments)
    return codec.digest(answer), lambda: answer


def _write_back(arguments: tuple[Any, ...], changed: Any) -> None:
    """Do to the tests' own containers what the program did to its copies of them."""
    if changed is None:
        return
    if type(changed) is not tuple or len(changed) != len(arguments):
        raise Gone("no sense")
    for ours, theirs in zip(arguments, changed, strict=True):
        if type(ours) is not type(theirs) or not isinstance(ours, _MUTABLE):
            continue
        if isinstance(ours, (list, bytearray)):
            ours[:] = theirs
        else:
            ours.clear()
            ours.extend(theirs) if isinstance(ours, deque) else ours.update(theirs)


class Live:
    """Something in the program that is not plain data: a function, a class, an object."""

    __slots__ = ("_name", "_number", "_session")

    def __init__(self, session: Session, number: int, name: str) -> None:
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
        if not isinstance(items, Live):
            raise TypeError(f"{self._name} gives no iterator")
        size = 1
        while True:
            chunk = self._session.ask("take", items, size)
            if type(chunk) is not list or len(chunk) > size:
                raise Gone("no sense")
            yield from chunk
            if len(chunk) < size:
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
        return isinstance(other, Live) and self._session.ask("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Live, self._number))

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Live) and self._session.ask("isinstance", value, self) is True

    def __copy__(self) -> Any:
        return self._session.ask("copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return self._session.ask("deepcopy", self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def _only(kind: type | tuple[type, ...], question: str) -> Callable[[Live], Any]:
    """A conversion that must give ``kind``."""

    def method(self: Live) -> Any:
        value = self._session.ask(question, self)
        if not isinstance(value, kind):
            raise TypeError(f"{question} of {self._name} gave {type(value).__name__}")
        return value

    return method


def _between(question: str) -> Callable[[Live, object], Any]:
    """An operation on two objects of the program; one with plain data would show it what to claim."""

    def method(self: Live, other: object) -> Any:
        if not isinstance(other, Live):
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
        setattr(Live, f"__{question}__", _only(kind, question))
    for question in ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"):
        setattr(Live, f"__{question}__", _between(question))
    for question in ("and", "or", "xor", "pow"):
        setattr(Live, f"__{question}__", _between(question))
    for question in ("neg", "pos", "abs", "invert"):
        setattr(Live, f"__{question}__", lambda self, question=question: self._session.ask(question, self))


_fill_operators()


def relay(value: Any) -> codec.Reduced:
    """Export for a message that carries handles to another session with the same program."""
    if isinstance(value, Live):
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
