"""Sends the program's answers to the tests, several in one message."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

from ..messages import codec
from ..messages.channel import write_all
from ..processes import protocol
from ..testing import suite

_BUFFER, _PATIENCE = 1 << 14, 0.001
"""Bytes, and seconds since the first answer in the buffer, after which it is sent."""
_now = time.monotonic


class AnswerWriter:
    """Buffers answers, since one system call for each would cost more than most answers.

    Where the next call does not end, the judge sends FLUSH_SIGNAL, and its handler sends what is there.
    It may arrive at any bytecode, even within ``add``; so a method takes the codec's writer out of
    ``self._writer`` before it works on it, and a handler that finds none does nothing. Made before the fork:
    a child pays for every page that it touches first. ``line``: the descriptor that answers are sent to.
    """

    def __init__(self, export: codec.Export) -> None:
        self.line = -1
        self._writer: codec.Writer | None = codec.Writer(export)
        self._since = 0.0

    def listen(self) -> None:
        """Send the buffer when the judge asks for it by a signal."""
        signal.signal(protocol.FLUSH_SIGNAL, lambda *_: self.send())

    def add(self, reply: tuple[Any, ...]) -> None:
        """Buffer one more answer; send all where they are many or the first has waited for long."""
        flush()
        writer, self._writer = self._writer, None
        if writer is None:  # the program calls this from a thread or a handler of its own
            return
        try:
            size = writer.add(reply, with_sets=type(reply[1]) not in codec.SCALARS)
        except (RecursionError, MemoryError, TypeError, ValueError) as error:
            size = writer.add(("raised", *describe(error), None))
        finally:
            self._writer = writer
        now = _now()
        self._since = self._since or now
        if size > _BUFFER or now - self._since > _PATIENCE:
            self.send()

    def send(self) -> None:
        """Send what is buffered. Raises Gone where the other end has closed."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._since = 0.0
        try:
            with writer.message() as message:
                if len(message) > codec.HEAD.size:
                    write_all(self.line, message)
        finally:
            writer.clear()
            self._writer = writer


def describe(error: BaseException) -> tuple[tuple[str, ...], tuple[Any, ...], str]:
    """An exception as the names of its classes, plain arguments, and where it was raised."""
    names = tuple(kind.__name__ for kind in type(error).__mro__)
    try:
        plain = error.args if all(type(a) in codec.SCALARS for a in error.args) else (str(error),)
    except Exception:  # an exception's own str() may raise anything
        plain = ()
    return names, plain, suite.trace(error)


def flush() -> None:
    """Have what was printed so far leave this process, before it is killed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
