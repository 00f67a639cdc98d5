"""The tests' end of the line: questions to the program, and its answers.

The tests run here and the program elsewhere, so nothing the program does can reach the verdict: it
can only answer.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import marshal
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from ..program import answers
from ..program.raised import Exceptions
from . import changes, codec
from .channel import Gone
from .codec import Message
from .live import Live, Unplain

_WORTH = 50
"""The fewest calls whose answers are confirmed; where they are not, the program has been run for nothing."""


class Unsure(Exception):
    """Whether the answers are right has to be seen one by one, with the program started anew."""


class _Stopped(Exception):
    """The program does not answer ahead any further."""


class _Asked(NamedTuple):
    """A call asked ahead: of the function with this number, and as in ``questions.Call``."""

    number: int
    arguments: tuple[Any, ...]
    earlier: answers.Earlier

    def fits(self, number: int, arguments: tuple[Any, ...], given: list[Any]) -> bool:
        """Whether this is the call that is made now, ``given`` being the answers so far."""
        if number != self.number:
            return False
        if self.earlier is None:
            return arguments == self.arguments
        try:
            expected = answers.filled_in(self.arguments, self.earlier, given)
            if marshal.dumps(arguments, 2) != marshal.dumps(expected, 2):
                return False
            return len(changes.containers(arguments)) == len(changes.containers(expected))
        except ValueError:
            return False


class Session:
    """Asks a program questions. ``exchange`` sends a message and gives the reply, ``receive`` the next one.

    The calls that the tests are sure to make are asked along with the code. Their answers come one by
    one, and are read as the tests come to make the calls.

    confirms: it may ask whether many answers are the expected ones; ``unsure`` says that they may not be.
    """

    def __init__(
        self,
        exchange: Callable[[memoryview], Message],
        receive: Callable[[], Message] | None = None,
        *,
        confirms: bool = False,
    ) -> None:
        self._exchange, self._receive = exchange, receive
        self.confirms, self.unsure = confirms, False
        self._ahead: deque[_Asked] = deque()
        self._given: list[Any] = []
        self._handed = self._changed = False
        self._unread: codec.Reader | None = None
        self._lent: list[Callable[..., Any]] = []
        self._exceptions = Exceptions()
        self.lost = ""
        own: codec.Builders = {"live": self._live, "error": self._error_type, "yours": self._own}
        self._builders = codec.BUILDERS | own

    def run(self, code: str, imports: str, main: bool, names: list[str], calls: list[Any]) -> dict[str, Any]:
        """Have ``code`` run, then what its tests import, then ``calls``; those of ``names`` it defines."""
        question = codec.encode_literals(("run", (code, imports, main, tuple(names), tuple(calls)), {}))
        found = self._defined(self._settle(lambda: self._fresh(self._exchange(question)), ()))
        for name, arguments, earlier in calls:
            live = found.get(name)
            self._ahead.append(_Asked(live._number if isinstance(live, Live) else -1, arguments, earlier))
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
        """End the conversation: this cannot be an answer. Raises Gone, which tests may swallow to no end."""
        self.lost = self.lost or "no sense"
        raise Gone(self.lost)

    def announce(self, live: Live, calls: list[list[Any]]) -> None:
        """Have these calls answered ahead of being made."""
        self.ask("each", live, tuple(calls))
        self._ahead.extend(_Asked(live._number, tuple(arguments), None) for arguments in calls)

    def confirm(self, live: Live, calls: list[list[Any]], images: list[bytes]) -> None:
        """Have ``calls`` made, whose answers have these images. Raises Unsure where one may have another.

        A thousand answers are so confirmed by a few words, which cannot be said without knowing them.
        """
        self.ask("confirm", live, tuple(calls))
        done = 0
        while done < len(images):
            said: Any = None
            with contextlib.suppress(Exception, SystemExit):
                said = self._settle(self._reply, (), ahead=True)
            if type(said) is not tuple or [type(part) for part in said] != [int, int]:
                break
            some = images[done : done + said[0]]
            if not 0 < said[0] == len(some) or said[1] != codec.digest_of(some):
                break
            done += len(some)
        if done < len(images):
            self.unsure = True
            raise Unsure("an answer that is not the one expected, or none")

    def call(self, live: Live, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer to a call, which may have been asked before it was made."""
        if self._ahead and not named and self._ahead[0].fits(live._number, arguments, self._given):
            try:
                return self._next(arguments)
            except _Stopped:  # not suppress(): this is asked a thousand times a program
                pass
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
        """The answer to the next call asked ahead. Raises _Stopped where there is none.

        After a handle, or where a call has changed what the tests can see, the program answers no more.
        """
        self._ahead.popleft()
        self._handed = self._changed = False
        self._given.append(answers.MISSING)
        try:
            value = self._given[-1] = self._settle(self._reply, arguments, ahead=True)
            return value
        except _Stopped:
            self._ahead.clear()
            raise
        finally:
            if self._handed or self._changed:
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

    def _settle(
        self, receive: Callable[[], codec.Reader], arguments: tuple[Any, ...], *, ahead: bool = False
    ) -> Any:
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
                if kind == "stopped" and ahead:
                    raise _Stopped
                if kind != "call":
                    raise Gone("no sense")
                message = self._serve(*rest)
                receive = functools.partial(lambda asked: self._fresh(self._exchange(asked)), message)
        except Gone as gone:
            self.lost = str(gone)
            raise

    def _with_changes(self, arguments: tuple[Any, ...], changed: Any, value: Any) -> Any:
        """An answer, after the arguments of its call were changed as the program's copies of them were."""
        self._changed = changed is not None
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

    def _error_type(self, number: int, names: tuple[str, ...]) -> type[BaseException]:
        self._handed = True
        return self._exceptions.handle(number, names)

    def _own(self, number: int) -> Callable[..., Any]:
        return self._lent[number]


def announce(candidate: Callable[..., Any], calls: list[list[Any]]) -> None:
    """Say which calls will be made next, in order; a program elsewhere answers them without being asked."""
    if isinstance(candidate, Live):
        candidate._session.announce(candidate, calls)


def confirmed(candidate: Callable[..., Any], calls: list[list[Any]], expected: list[Any]) -> bool:
    """True: the answers to ``calls`` are just these. False: they are not worth it, and nothing was asked.

    Raises Unsure where an answer may be another.
    """
    if not isinstance(candidate, Live) or not candidate._session.confirms:
        return False
    images = [image for value in expected if (image := codec.image(value)) is not None]
    if len(calls) < _WORTH or len(images) != len(calls):
        return False
    candidate._session.confirm(candidate, calls, images)
    return True


def digested(candidate: Callable[..., Any], arguments: list[Any]) -> tuple[int | None, Callable[[], Any]]:
    """The digest of the answer to a call, and how to get the answer itself."""
    if isinstance(candidate, Live):
        session = candidate._session
        return session.ask("digest", candidate, arguments), lambda: session.ask("last")
    answer = candidate(*arguments)
    return codec.digest(answer), lambda: answer
