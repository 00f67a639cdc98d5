"""The tests' end of the line: questions to the program, and its answers.

The tests run here and the program elsewhere, so nothing the program does can reach the verdict: it
can only answer.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from . import changes, codec
from .channel import Gone
from .codec import Message
from .handle import Handle, Unplain
from .raised import Exceptions


class _Asked(NamedTuple):
    """A call that the program was asked to make before the tests make it: a function's number, arguments."""

    number: int
    arguments: tuple[Any, ...]


class Session:
    """Asks a program questions. ``exchange`` sends a message and gives the reply, ``receive`` the next one.

    The calls that the tests are sure to make are asked along with the code. Their answers come one by
    one, and are read as the tests come to make the calls. ``lost``: why the program answers no more; it
    stays set even if the tests catch everything, so that they cannot pass.
    """

    def __init__(
        self,
        exchange: Callable[[memoryview], Message],
        receive: Callable[[], Message] | None = None,
        limit_answers: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._exchange, self._receive, self.limit_answers = exchange, receive, limit_answers
        self._ahead: deque[_Asked] = deque()
        self._handed = False
        self._unread: codec.Reader | None = None
        self._callbacks: list[Callable[..., Any]] = []
        self._exceptions = Exceptions()
        self.lost = ""
        own: codec.Builders = {"live": self._live, "error": self._error_type, "yours": self._own}
        self._builders = codec.BUILDERS | own

    def run(self, code: str, imports: str, main: bool, names: list[str], calls: list[Any]) -> dict[str, Any]:
        """Have ``code`` run, then what its tests import, then ``calls``; those of ``names`` it defines."""
        question = codec.encode_literals(("run", (code, imports, main, tuple(names), tuple(calls)), {}))
        found = self._defined(self._settle(lambda: self._fresh(self._exchange(question)), ()))
        for name, arguments in calls:
            live = found.get(name)
            self._ahead.append(_Asked(live._number if isinstance(live, Handle) else -1, arguments))
        return found

    def _defined(self, said: Any) -> dict[str, Any]:
        if type(said) is not tuple or [type(part) for part in said] != [dict, dict]:
            self.no_sense()
        handles, values = said
        try:
            return {**values, **{name: self._live(*handle) for name, handle in handles.items()}}
        except TypeError:
            self.no_sense()

    def no_sense(self) -> NoReturn:
        """End the conversation: this is not an answer. Raises Gone, which counts even if tests catch it."""
        self.lost = self.lost or "no sense"
        raise Gone(self.lost)

    def announce(self, live: Handle, calls: list[list[Any]]) -> None:
        """Have these calls answered ahead of being made."""
        self.ask("each", live, tuple(calls))
        self._ahead.extend(_Asked(live._number, tuple(arguments)) for arguments in calls)

    def call(self, live: Handle, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer to a call, which may have been asked before it was made."""
        if self._ahead and not named and self._ahead[0] == (live._number, arguments):
            return self._next(arguments)
        return self.ask("call", live, *arguments, **named)

    def ask(self, question: str, *arguments: Any, **named: Any) -> Any:
        """The program's answer; raises what the program raised."""
        while self._ahead:
            with contextlib.suppress(Exception, SystemExit):
                self._next(())
        if self.lost:
            raise Gone(self.lost)
        message = codec.encode((question, arguments, named), self._export)
        given = (*arguments, *named.values())
        return self._settle(lambda: self._fresh(self._exchange(message)), given)

    def _next(self, arguments: tuple[Any, ...]) -> Any:
        """The answer to the next call asked ahead. After a handle the program answers no more of them."""
        self._ahead.popleft()
        self._handed = False
        try:
            return self._settle(self._reply, arguments)
        finally:
            if self._handed:
                self._ahead.clear()

    def _fresh(self, message: Message) -> codec.Reader:
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
                    return self._with_changes(arguments, changed, value)
                if kind == "raised":
                    *said, changed = rest
                    self._with_changes(arguments, changed, None)
                    raise self._exceptions.raised(*said)
                if kind != "call":
                    raise Gone("no sense")
                message = self._serve(*rest)
                receive = functools.partial(lambda asked: self._fresh(self._exchange(asked)), message)
        except Gone as gone:
            self.lost = str(gone)
            raise

    def _with_changes(self, arguments: tuple[Any, ...], changed: Any, value: Any) -> Any:
        """An answer, after the arguments of its call were changed as the program's copies of them were."""
        if changed is None or not arguments:  # of an answer that is only flushed there are none to write to
            return value
        if type(changed) is not tuple:
            self.no_sense()
        try:
            return changes.repeat(changes.containers(arguments), changed, value)
        except (TypeError, AttributeError):
            raise Gone("no sense") from None

    def _decode(self, reader: codec.Reader) -> Any:
        try:
            reply = reader.take()
        except Exception as error:  # the door: a malformed stream may raise anything
            raise Gone(f"no sense: {type(error).__name__}") from None
        if type(reply) is not tuple or len(reply) not in (3, 5) or type(reply[0]) is not str:
            raise Gone("no sense")
        return reply

    def _serve(self, number: Any, arguments: Any) -> memoryview:
        """The program calls a function that the tests gave it."""
        if type(number) is not int or not 0 <= number < len(self._callbacks) or type(arguments) is not tuple:
            raise Gone("no sense")
        try:
            answer: tuple[Any, ...] = ("value", self._callbacks[number](*arguments))
        except Exception as error:  # the door: it goes back to the program, as it would in one process
            answer = ("raised", type(error).__name__, str(error))
        return codec.encode(answer, self._export)

    def _export(self, value: Any) -> codec.Reduced:
        if isinstance(value, Handle):
            return codec.build, ("mine", value._number)
        if hasattr(value, "_handle"):
            return codec.build, ("mine", value._handle[1])
        if callable(value) and not isinstance(value, type):
            name = getattr(value, "__name__", "")
            if getattr(builtins, name, None) is value:
                return codec.build, ("builtin", name)
            self._callbacks.append(value)
            return codec.build, ("yours", len(self._callbacks) - 1)
        raise Unplain(f"{type(value).__name__} cannot cross to the program")

    def builders(self) -> codec.Builders:
        """Makes handles of this session out of a message from another."""
        return self._builders

    def _live(self, number: int, name: str) -> Handle:
        if type(number) is not int or type(name) is not str:
            raise TypeError("not a handle")
        self._handed = True
        return Handle(self, number, name)

    def _error_type(self, number: int, names: tuple[str, ...]) -> type[BaseException]:
        self._handed = True
        return self._exceptions.handle(number, names)

    def _own(self, number: int) -> Callable[..., Any]:
        return self._callbacks[number]


def announce(candidate: Callable[..., Any], calls: list[list[Any]]) -> None:
    """Say which calls will be made next, in order; a program elsewhere answers them without being asked."""
    if isinstance(candidate, Handle):
        candidate._session.announce(candidate, calls)


def limit_answers(candidate: Callable[..., Any], seconds: float) -> None:
    """Limit the CPU seconds of a program elsewhere for each answer, where the session can."""
    if isinstance(candidate, Handle):
        candidate._session.limit_answers(seconds)
