"""One program that is being judged: its process, its line, its streams."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import Any

from ..messages import channel, codec, handle
from ..messages.codec import Message
from . import protocol
from .budget import Budget, Clock
from .streams import Streams

HANG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
_SILENCE = 0.25
"""Seconds after which a silent program is asked for the answers it has buffered."""
THREAD_WORDS = (
    "hread", "concurrent", "multiprocess", "asyncio", "numpy", "pandas", "scipy", "sklearn", "torch",
    "joblib", "tqdm", "tensorflow", "numba", "matplotlib",
)  # fmt: skip
"""A program without any of these words may not start threads: the filter that allows threads and no
processes takes longer to install than a limit on both."""


class Abandoned(channel.Ended):
    """The caller or the supervisor is gone, so this worker ends."""


class Trial:
    """One program that is being judged: its process, its line, its streams and its limits."""

    def __init__(
        self, job: dict[str, Any], server: protocol.ForkServer, clock: Clock, masters: list[int]
    ) -> None:
        self.budget = Budget(float(job["cpu_seconds"]), server, clock)
        self._server = server
        self.line, theirs = socket.socketpair()
        self._poll = select.poll()
        self._streams = Streams(self._poll)
        fds = [stdin(job["stdin"]), *self._streams.write, theirs.fileno()]
        server.fork(
            fds, threads=_has_threads(job), cpu_seconds=self.budget.limit, memory_bytes=job["memory_bytes"]
        )
        theirs.close()
        for fd in fds[:3]:
            os.close(fd)
        for fd in masters:
            self._poll.register(fd, HANG_UP)
        self._watch(self.line)

    def _watch(self, line: socket.socket) -> None:
        self._line, self._fd, self._rest = line, line.fileno(), bytearray()
        self._poll.register(self._fd, select.POLLIN)
        self.budget.line_ready = lambda: bool(select.select([self._fd], [], [], 0)[0])

    def exchange(self, message: memoryview) -> Message:
        """Send a question and give the answer, reading what the program prints meanwhile. Raises OverLimit.

        It never blocks in sending: a program that writes and does not read would hold this process for
        ever, which then uses no CPU time that a limit could count.
        """
        if self.budget.over:  # tests that caught what this raised before and go on asking
            raise channel.OverLimit
        try:
            sent = self._line.send(message, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            raise channel.Gone("closed") from None
        if sent < len(message):
            self._send_slowly(message[sent:])
        return self.receive()

    def test_separately(
        self, tests: str, entry_point: str, names: dict[str, Any], server: protocol.ForkServer
    ) -> Message:
        """Have a process of their own run the tests and ask the program; its verdict, undecoded."""
        ours, theirs = socket.socketpair()
        nothing = stdin("")
        fds = [nothing, nothing, nothing, theirs.fileno(), self.line.fileno()]
        server.fork(fds, threads=True, cpu_seconds=self.budget.of_tests, memory_bytes=0)
        theirs.close()
        os.close(nothing)
        self.budget.tests_server = server
        self._poll.unregister(self._fd)
        self._watch(ours)
        try:
            return self.exchange(codec.encode((tests, entry_point, names), handle.relay))
        finally:
            ours.close()

    def end_tests(self) -> protocol.ChildReport:
        """How the process of the tests, which gave no verdict, ended. Raises OverLimit if it ran too long."""
        server, self.budget.tests_server = self.budget.tests_server, None
        assert server is not None
        report = server.end()
        if report.cpu >= self.budget.of_tests:
            self.budget.tests_are_over()
        return report

    def _send_slowly(self, message: memoryview) -> None:
        self._line.setblocking(False)
        self._poll.modify(self._fd, select.POLLIN | select.POLLOUT)
        try:
            while message:
                self._wait()
                with contextlib.suppress(BlockingIOError):
                    message = message[self._line.send(message) :]
        except (BrokenPipeError, ConnectionResetError):
            raise channel.Gone("closed") from None
        finally:
            self._line.setblocking(True)
            self._poll.modify(self._fd, select.POLLIN)

    def receive(self) -> Message:
        """The next message, reading what the program prints meanwhile."""
        head = codec.HEAD.size
        buffer = self._rest
        needed = 0
        while True:
            if not needed and len(buffer) >= head:
                needed = head + codec.HEAD.unpack_from(buffer)[0]
                if needed > codec.LARGEST:
                    raise channel.Gone("message too long")
            if needed and len(buffer) >= needed:
                break
            self._wait()
            try:
                chunk = os.read(self._fd, 1 << 16)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise channel.Gone("closed")
            buffer += chunk
        self._rest = buffer[needed:]
        self.budget.answered()
        return buffer[head:needed]

    def _wait(self) -> None:
        """Until the line is ready; printed bytes are read meanwhile. Raises OverLimit.

        After a while the program is asked for the answers it has buffered: one may be wrong already.
        """
        flush_at = time.monotonic() + _SILENCE
        while True:
            try:
                nap = self.budget.nap()
            except channel.OverLimit:
                nap = self.budget.grace()
                self._server.flush()
            if flush_at and (left := flush_at - time.monotonic()) <= 0:
                flush_at = 0.0
                self._server.flush()
            elif flush_at:
                nap = min(nap, left)
            line_ready = False
            for fd, _ in self._poll.poll(nap * 1000 + 1):
                if fd == self._fd:
                    line_ready = True
                elif fd not in self._streams:
                    raise Abandoned
                else:
                    self._streams.take(fd)
            if line_ready:
                return

    def close(self) -> protocol.ChildReport:
        """End the program; afterwards ``text`` has all it printed that is kept."""
        if self.budget.tests_server is not None:
            self.budget.tests_server.end()
        report = self._server.end()  # before the line is closed, which would wake the program for nothing
        self.line.close()
        self._streams.close()
        return report

    def text(self) -> list[str]:
        """Standard output and standard error, as far as they are kept."""
        return self._streams.text()


def _has_threads(job: dict[str, Any]) -> bool:
    return any(word in job["code"] or word in job["tests"] for word in THREAD_WORDS)


def stdin(text: str) -> int:
    """A descriptor that reads ``text``."""
    if not text:
        return os.open(os.devnull, os.O_RDWR)
    path = f"input-{os.getpid()}"
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
    read = os.open(path, os.O_RDONLY)
    os.unlink(path)
    return read
