"""Answers of the program on their way to the tests."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from ..messages import codec
from ..messages.channel import write_all
from ..processes import orders
from ..testing import suite

Earlier = tuple[tuple[int, int], ...] | None
"""In place of which arguments of a call stand the answers to which calls before it."""
MISSING = object()
"""In place of an answer: the call raised."""
_BUFFER, _PATIENCE = 1 << 14, 0.001
_now = time.monotonic


class Answers:
    """Answers on their way: sent together, but none waits long for the next.

    Where the next call does not end, the judge has this process nudged, and they are sent then. Made,
    like what it writes with, before the fork that needs it. ``line``: the descriptor they are sent to.
    """

    def __init__(self, export: codec.Export) -> None:
        self.line = -1
        self._writer: codec.Writer | None = codec.Writer(export)
        self._since = 0.0
        self._images: list[bytes] = []
        self._size = 0

    def listen(self) -> None:
        """Send what waits when nudged."""
        signal.signal(orders.NUDGE_SIGNAL, lambda *_: self.send())

    def add(self, reply: tuple[Any, ...]) -> None:
        """Take one more, and send all where there are many or the first has waited."""
        flush()
        writer, self._writer = self._writer, None  # so that a nudge meanwhile sends nothing
        assert writer is not None
        try:
            size = writer.add(reply)
        except (RecursionError, MemoryError, TypeError, ValueError) as error:
            size = writer.add(("raised", *describe(error), None))
        self._writer = writer
        self._wait(size)

    def confirm(self, image: bytes) -> None:
        """Take one more answer by its image; of several together the digest is sent."""
        flush()
        self._images.append(image)
        self._size += len(image)
        self._wait(self._size)

    def _wait(self, size: int) -> None:
        now = _now()
        self._since = self._since or now
        if size > _BUFFER or now - self._since > _PATIENCE:
            self.send()

    def send(self) -> None:
        """Send what there is. A nudge may ask for it at any point, within a print or this very method."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if self._images:
            images, self._images, self._size = self._images, [], 0
            writer.add(("value", (len(images), codec.digest_of(images)), None))
        self._since = 0.0
        with writer.message() as message:
            if len(message) > codec.HEAD.size:
                write_all(self.line, message)
        writer.clear()
        self._writer = writer


def are_there(earlier: Earlier, given: list[Any]) -> bool:
    """Whether the earlier answers that a call needs are there, and such as cannot change."""
    return not earlier or all(type(given[number]) in codec.SCALARS for _, number in earlier)


def filled_in(
    arguments: Sequence[Any], earlier: Sequence[tuple[int, int]], given: list[Any]
) -> tuple[Any, ...]:
    """The arguments of a call with the earlier answers in their places."""
    filled = list(arguments)
    for place, number in earlier:
        filled[place] = given[number]
    return tuple(filled)


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
