"""One end of the line between the tests and the program: whole messages over a socket pair."""

from __future__ import annotations

from os import read, write

from .codec import HEAD, LARGEST, Message

_HEAD_BYTES, _AT_ONCE = HEAD.size, 1 << 20


class Ended(BaseException):
    """The conversation is over, whatever the tests make of it; so it is not an ``Exception``."""


class Gone(Ended):
    """The other end has closed, or speaks no sense."""


class OverLimit(Ended):
    """The program, or its tests, ran over a limit."""


def read_exactly(fd: int, size: int) -> Message:
    """``size`` bytes from ``fd``. Raises Gone where the other end closes first."""
    found = _chunk(fd, size)
    if len(found) == size:
        return found
    buffer = bytearray(found)
    while len(buffer) < size:
        buffer += _chunk(fd, size - len(buffer))
    return buffer


def _chunk(fd: int, most: int) -> bytes:
    if not most:
        return b""
    try:
        chunk = read(fd, most if most < _AT_ONCE else _AT_ONCE)
    except ConnectionResetError:
        chunk = b""
    if not chunk:
        raise Gone("closed")
    return chunk


def write_all(fd: int, message: memoryview) -> None:
    """Write a whole message. Raises Gone where nobody reads any more."""
    try:
        while message:
            message = message[write(fd, message) :]
    except (BrokenPipeError, ConnectionResetError):
        raise Gone("closed") from None


def read_message(fd: int) -> Message:
    """The next message, waiting for it. Raises Gone at the end, and on a message of absurd length."""
    (size,) = HEAD.unpack(read_exactly(fd, _HEAD_BYTES))
    if size > LARGEST:
        raise Gone("message too long")
    return read_exactly(fd, size)
