"""Answers of the program on their way to the tests."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

from . import channel, codec, suite

_BUFFER, _PATIENCE, _LONGEST_WAIT = 1 << 14, 0.001, 0.02


class Answers:
    """Answers on their way: sent together, but none waits long for the next.

    A timer sends them where the next call does not end; it is not used where the program has an alarm
    of its own.
    """

    def __init__(self, line: int, export: codec.Export) -> None:
        self._line, self._export = line, export
        self._writer: codec.Writer | None = None
        self._since = 0.0
        self._timed = signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
        if self._timed:
            signal.signal(signal.SIGALRM, self.send)

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
        if not self._since:
            self._since = now
            if self._timed:
                signal.setitimer(signal.ITIMER_REAL, _LONGEST_WAIT)
        if size > _BUFFER or now - self._since > _PATIENCE:
            self.send()

    def end(self) -> None:
        """Send the last ones, and leave no timer."""
        if self._timed and signal.getsignal(signal.SIGALRM) == self.send:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.send()

    def send(self, *_: object) -> None:
        """Send what there is."""
        writer, self._writer, self._since = self._writer, None, 0.0
        if writer is not None:
            channel.write_all(self._line, writer.message())


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
