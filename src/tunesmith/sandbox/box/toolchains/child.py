"""One running child, seen by the judge: its line, what it prints, and its limits."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from typing import Any

from ..messages import codec
from ..processes import budget, protocol, streams, trial


class Child:
    """A child of a fork server that was sent ``order``, within ``limits``."""

    def __init__(
        self,
        server: protocol.ForkServer,
        order: dict[str, Any],
        masters: list[int],
        limits: budget.WallBound,
        *,
        memory_bytes: int = 0,
        descriptors: tuple[int, ...] = (),
        stdin: str = "",
        feed: bytes = b"",
    ) -> None:
        self._server, self._limits = server, limits
        self.line, theirs = socket.socketpair()
        self._poll = select.poll()
        self._streams = streams.Streams(self._poll)
        standard = [trial.stdin(stdin), *self._streams.write]
        fds = [*standard, theirs.fileno(), *descriptors]
        server.fork(fds, threads=True, cpu_seconds=limits.limit, memory_bytes=memory_bytes)
        theirs.close()
        for fd in standard:
            os.close(fd)
        for fd in masters:
            self._poll.register(fd, trial.HANG_UP)
        self._poll.register(self.line.fileno(), select.POLLIN)
        body = json.dumps(order).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.line.sendall(codec.HEAD.pack(len(body)) + body + feed)

    def read_all(self, most: int = 4096) -> tuple[bytes, list[int]]:
        """All that the child writes to its line until that closes, and a descriptor that it sends.

        Only the first ``most`` bytes are kept. Raises OverLimit, Abandoned.
        """
        said, sent = bytearray(), list[int]()
        while True:
            self._wait()
            try:
                chunk, fds, _, _ = socket.recv_fds(self.line, 1 << 16, 1)
            except ConnectionResetError:
                chunk, fds = b"", []
            sent += fds
            for fd in sent[1:]:
                os.close(fd)
            del sent[1:]
            if not chunk:
                return bytes(said), sent
            said += chunk[: most - len(said)]

    def _wait(self) -> None:
        """Wait until the line is ready; printed bytes are read meanwhile. Raises OverLimit, Abandoned."""
        while True:
            line_ready = False
            for fd, _ in self._poll.poll(self._limits.nap() * 1000 + 1):
                if fd == self.line.fileno():
                    line_ready = True
                elif fd not in self._streams:
                    raise trial.Abandoned
                else:
                    self._streams.take(fd)
            if line_ready:
                return

    def close(self) -> protocol.ChildReport:
        """End the child and all below it; afterwards ``text`` has all it printed that is kept."""
        self.line.close()
        report = self._server.end()
        self._streams.close()
        return report

    def text(self) -> list[str]:
        """Standard output and standard error, up to a limit."""
        return self._streams.text()
