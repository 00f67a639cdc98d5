"""Frames between the caller and a worker: four bytes of length, then JSON.

Both ends are ours; nothing a program writes is ever read as a frame. JSON keeps lone surrogates,
which generated code does contain.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<I")
_encode = json.JSONEncoder(separators=(",", ":")).encode


def frame(value: Any) -> bytes:
    """``value`` as one frame."""
    body = _encode(value).encode()
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Reassembles frames from the chunks of a stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[Any]:
        """The frames that ``chunk`` completes, in order."""
        self._buffer += chunk
        found: list[Any] = []
        start = 0
        while len(self._buffer) - start >= 4:
            end = start + 4 + _LENGTH.unpack_from(self._buffer, start)[0]
            if len(self._buffer) < end:
                break
            found.append(json.loads(self._buffer[start + 4 : end]))
            start = end
        del self._buffer[:start]
        return found


def receive(connection: socket.socket, frames: Frames) -> list[Any] | None:
    """Block for at least one frame; None at the end of the stream."""
    while True:
        chunk = connection.recv(1 << 16)
        if not chunk:
            return None
        if found := frames.feed(chunk):
            return found
