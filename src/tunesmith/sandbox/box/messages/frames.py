"""Frames between the caller and a worker: four bytes of length, then JSON.

JSON keeps lone surrogates, which generated code does contain. A judge is ours, but it handles what
programs send; so the caller checks every frame as if a program had written it (``Worker.answers``).
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

LARGEST_OUTCOME = 16 << 20
"""Bytes of the longest frame that a worker may send: two streams of 256 KiB, escaped, and room to spare."""
_LENGTH = struct.Struct("<I")
_encode = json.JSONEncoder(separators=(",", ":")).encode


def frame(value: Any) -> bytes:
    """``value`` as one frame."""
    body = _encode(value).encode()
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Reassembles frames from the chunks of a stream. largest: bytes of the longest frame, or None."""

    def __init__(self, largest: int | None = None) -> None:
        self._buffer = bytearray()
        self._largest = largest

    def feed(self, chunk: bytes) -> list[Any]:
        """The frames that ``chunk`` completes, in order. Raises ValueError on one that is too long, or is not
        valid JSON, and RecursionError on one nested too deep."""
        self._buffer += chunk
        complete: list[Any] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            size = _LENGTH.unpack_from(self._buffer, start)[0]
            if self._largest is not None and size > self._largest:
                raise ValueError(f"a frame of {size} bytes")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            complete.append(json.loads(self._buffer[start + _LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return complete


def receive(connection: socket.socket, frames: Frames) -> list[Any] | None:
    """Block for at least one frame; None at the end of the stream."""
    while True:
        chunk = connection.recv(1 << 16)
        if not chunk:
            return None
        if complete := frames.feed(chunk):
            return complete
