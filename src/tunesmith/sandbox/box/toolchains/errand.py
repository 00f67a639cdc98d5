"""One child under way, seen by the judge: its line, what it prints, and its limits."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from typing import Any

from .. import budget, channel, codec, orders, streams, trial

_IDLE_BEYOND = 2.0
_BLIND_FACTOR = 6.0


class Errand:
    """A child of a fork server that has been given ``order``.

    clock: given for a program. A compiler's time is that of processes below the child, so there only a
    distant wall bound is watched, and the kernel's limit on the CPU time of each process does the rest.
    """

    def __init__(
        self,
        server: orders.Server,
        order: dict[str, Any],
        masters: list[int],
        *,
        cpu_seconds: float,
        memory_bytes: int = 0,
        descriptors: tuple[int, ...] = (),
        stdin: str = "",
        feed: bytes = b"",
        clock: budget.Clock | None = None,
    ) -> None:
        self.limit, self.over = cpu_seconds, ""
        self._server, self._clock = server, clock
        self._began = time.monotonic()
        self._look_at = self._began + cpu_seconds + 0.005
        self._own_began = clock.busy() if clock else 0.0
        self._used = self._waited = 0.0  # before what is now asked of the child
        self.line, theirs = socket.socketpair()
        self._poll = select.poll()
        self._streams = streams.Streams(self._poll)
        standard = [trial.stdin(stdin), *self._streams.write]
        fds = [*standard, theirs.fileno(), *descriptors]
        server.fork(fds, threads=True, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)
        theirs.close()
        for fd in standard:
            os.close(fd)
        for fd in masters:
            self._poll.register(fd, trial.HANG_UP)
        self._poll.register(self.line.fileno(), select.POLLIN)
        body = json.dumps(order).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.line.sendall(codec.HEAD.pack(len(body)) + body + feed)

    def heard(self, most: int = 4096) -> tuple[bytes, list[int]]:
        """All that the child says on its line until that closes, and descriptors that it sends.

        Of a talkative child only the first ``most`` bytes are kept. Raises OverLimit, Abandoned.
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
        """Until the line is ready; printed bytes are taken in passing. Raises OverLimit, Abandoned."""
        while True:
            nap = self._look_at - time.monotonic()
            if nap <= 0:
                nap = self._check()
                self._look_at = time.monotonic() + nap
            line_ready = False
            for fd, _ in self._poll.poll(nap * 1000 + 1):
                if fd == self.line.fileno():
                    line_ready = True
                elif fd not in self._streams:
                    raise trial.Abandoned
                else:
                    self._streams.take(fd)
            if line_ready:
                return

    def _check(self) -> float:
        """Seconds after which to look again. Raises OverLimit where a limit is passed."""
        elapsed = time.monotonic() - self._began
        if self._clock is None:
            return self._left(
                "wall time of the compiler", (self.limit + _IDLE_BEYOND) * _BLIND_FACTOR - elapsed
            )
        report = self._server.probe()
        cpu = report.cpu - self._used
        left = self._left("cpu time", self.limit - cpu)
        busy = cpu + max(0.0, report.queued) - self._waited + self._clock.busy() - self._own_began
        allowed = (self.limit + _IDLE_BEYOND) * (_BLIND_FACTOR if report.queued < 0 else 1)
        return min(left, self._left("wall time", allowed - (elapsed - busy)))

    def _left(self, limit: str, seconds: float) -> float:
        if seconds <= 0:
            self.over = limit
            raise channel.OverLimit
        return max(0.005, seconds)

    def close(self) -> orders.Report:
        """End the child and all below it; afterwards ``text`` has all it printed that is kept."""
        self.line.close()
        report = self._server.end()
        self._streams.close()
        return report

    def text(self) -> list[str]:
        """Standard output and standard error, as far as they are kept."""
        return self._streams.text()
