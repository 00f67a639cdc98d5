"""What a program prints, up to a limit."""

from __future__ import annotations

import os
import select

CAPTURE = 1 << 18
"""Bytes kept of each stream; the rest is read and thrown away, so that printing never blocks a program."""


class Streams:
    """Standard output and standard error of one program, read as they come. ``write``: the program's ends."""

    def __init__(self, poll: select.poll) -> None:
        (out, out_write), (err, err_write) = os.pipe(), os.pipe()
        self.write = [out_write, err_write]
        self._kept = {out: bytearray(), err: bytearray()}
        self._poll = poll
        for fd in self._kept:
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)

    def __contains__(self, fd: int) -> bool:
        return fd in self._kept

    def take(self, fd: int) -> None:
        """Read what was printed there; a stream at its end, or empty, is not looked at again."""
        if not self._read(fd):
            self._poll.unregister(fd)

    def _read(self, fd: int) -> bool:
        try:
            chunk = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        kept = self._kept[fd]
        kept += chunk[: max(0, CAPTURE - len(kept))]
        return bool(chunk)

    def close(self) -> None:
        """Read the rest and close both."""
        for fd in self._kept:
            while self._read(fd):
                pass
            os.close(fd)

    def text(self) -> list[str]:
        """What is kept of both."""
        return [bytes(kept).decode("utf-8", "replace") for kept in self._kept.values()]
