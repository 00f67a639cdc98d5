"""Answers of the program on their way to the tests."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any, ClassVar

from . import channel, codec, orders, suite

_BUFFER, _PATIENCE = 1 << 14, 0.001


class Answers:
    """Answers on their way: sent together, but none waits long for the next.

    Where the next call does not end, the judge has this process nudged, and they are sent then.
    """

    current: ClassVar[Answers | None] = None

    def __init__(self, line: int, export: codec.Export) -> None:
        self._line, self._export = line, export
        self._writer: codec.Writer | None = None
        self._since = 0.0
        Answers.current = self

    def add(self, reply: tuple[Any, ...]) -> None:
        """Take one more, and send all where there are many or the first has waited."""
        flush()
        writer, self._writer = self._writer or codec.Writer(self._export), None
        try:
            size = writer.add(reply)
        except (RecursionError, MemoryError, TypeError, ValueError) as error:
            size = writer.add(("raised", *describe(error)))
        self._writer = writer
        now = time.monotonic()
        self._since = self._since or now
        if size > _BUFFER or now - self._since > _PATIENCE:
            self.send()

    def send(self) -> None:
        """Send what there is."""
        writer, self._writer, self._since = self._writer, None, 0.0
        if writer is not None:
            channel.write_all(self._line, writer.message())


def listen() -> None:
    """Send waiting answers when nudged."""
    signal.signal(orders.NUDGE_SIGNAL, _nudged)


def _nudged(*_: object) -> None:
    if Answers.current is not None:
        Answers.current.send()


def describe(error: BaseException) -> tuple[tuple[str, ...], tuple[Any, ...], str]:
    """An exception as the names of its classes, plain arguments, and where it was raised."""
    names = tuple(kind.__name__ for kind in type(error).__mro__)
    try:
        plain = error.args if all(type(a) in codec.SCALARS for a in error.args) else (str(error),)
    except Exception:  # the door: an exception may break its own str()
        plain = ()
    return names, plain, suite.trace(error)


def flush() -> None:
    """Have what was printed so far leave this process."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
