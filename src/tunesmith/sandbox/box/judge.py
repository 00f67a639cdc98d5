"""Takes programs from the caller, has each run by a fork server, and decides the verdict.

The judge never runs the program and never runs with it; it hears answers. Tests that are plain
enough it runs itself, others in a sandboxed process of their own.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from . import channel, codec, orders, reading, remote, suite, wire

HANG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
CAPTURE = 1 << 18
"""Bytes kept of each stream; the rest is read and forgotten, so that printing never blocks a program."""
THREAD_WORDS = (
    "hread", "concurrent", "multiprocess", "asyncio", "numpy", "pandas", "scipy", "sklearn", "torch",
    "joblib", "tqdm", "tensorflow", "numba", "matplotlib",
)  # fmt: skip
"""A program that says none of these may not start threads; to let it would cost every program more."""

_IDLE_BEYOND = 2.0
_BLIND_FACTOR = 6.0
_TESTS_LEAST = 5.0
_GRACE = 2.0


class Abandoned(channel.Ended):
    """The caller or the keeper is gone: nobody wants to know any more."""


class Trial:
    """One program under way: its process, its line, its streams and its limits."""

    def __init__(self, job: dict[str, Any], server: orders.Server, clock: Clock, masters: list[int]) -> None:
        self.limit = float(job["cpu_seconds"])
        self.over = ""
        self._server = server
        self._tests_server: orders.Server | None = None
        self._began = time.monotonic()
        self._look_at = self._began + self.limit + 0.005
        self._clock, self._own_began = clock, clock.busy()
        self.line, theirs = socket.socketpair()
        (out, out_write), (err, err_write) = os.pipe(), os.pipe()
        fds = [_stdin(job["stdin"]), out_write, err_write, theirs.fileno()]
        server.fork(fds, threads=_has_threads(job), cpu_seconds=self.limit, memory_bytes=job["memory_bytes"])
        theirs.close()
        for fd in fds[:3]:
            os.close(fd)
        self._outputs = {out: bytearray(), err: bytearray()}
        self._poll = select.poll()
        for fd in masters:
            self._poll.register(fd, HANG_UP)
        for fd in self._outputs:
            os.set_blocking(fd, False)
            self._poll.register(fd, select.POLLIN)
        self._watch(self.line)

    def _watch(self, line: socket.socket) -> None:
        self._line, self._fd, self._rest = line, line.fileno(), bytearray()
        self._poll.register(self._fd, select.POLLIN)

    def exchange(self, message: memoryview) -> bytearray:
        """Send a question and give the answer, reading what the program prints meanwhile."""
        if len(message) > 1 << 16:
            self._send_slowly(message)
        else:
            channel.write_all(self._fd, message)
        return self.receive()

    def test_apart(
        self, tests: str, entry_point: str, names: dict[str, Any], server: orders.Server
    ) -> bytearray:
        """Let a process of its own run the tests and ask the program; its verdict."""
        ours, theirs = socket.socketpair()
        nothing = _stdin("")
        fds = [nothing, nothing, nothing, theirs.fileno(), self.line.fileno()]
        server.fork(fds, threads=True, cpu_seconds=2 * self.limit + _TESTS_LEAST, memory_bytes=0)
        theirs.close()
        os.close(nothing)
        self._tests_server = server
        self._poll.unregister(self._fd)
        self._watch(ours)
        try:
            return self.exchange(codec.encode((tests, entry_point, names), remote.relay))
        finally:
            ours.close()

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

    def receive(self) -> bytearray:
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
                chunk = os.read(self._fd, 1 << 18)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise channel.Gone("closed")
            buffer += chunk
        self._rest = buffer[needed:]
        return buffer[head:needed]

    def _wait(self) -> None:
        """Until the line is ready; printed bytes are taken in passing. Raises OverLimit."""
        while True:
            nap = self._look_at - time.monotonic()
            if nap <= 0:
                nap = self._check()
                self._look_at = time.monotonic() + nap
            line_ready = False
            for fd, _ in self._poll.poll(nap * 1000 + 1):
                if fd == self._fd:
                    line_ready = True
                elif fd not in self._outputs:
                    raise Abandoned
                elif not self._take(fd):
                    self._poll.unregister(fd)
            if line_ready:
                return

    def _take(self, fd: int) -> bool:
        """Read what the program printed; False where there is nothing, and may be nothing more."""
        try:
            chunk = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        kept = self._outputs[fd]
        kept += chunk[: max(0, CAPTURE - len(kept))]
        return bool(chunk)

    def _check(self) -> float:
        """Seconds after which to look again. Raises OverLimit where a limit is passed."""
        program = self._server.probe()
        left = self._left("cpu time", self.limit - program.cpu)
        busy = program.cpu + max(0.0, program.queued) + self._clock.busy() - self._own_began
        if self._tests_server is not None:
            tests = self._tests_server.probe()
            left = min(left, self._left("cpu time of the tests", 2 * self.limit + _TESTS_LEAST - tests.cpu))
            busy += tests.cpu + max(0.0, tests.queued)
        allowed = (self.limit + _IDLE_BEYOND) * (_BLIND_FACTOR if program.queued < 0 else 1)
        return min(left, self._left("wall time", allowed - (time.monotonic() - self._began - busy)))

    def _left(self, limit: str, seconds: float) -> float:
        if seconds <= 0:
            self.over = limit
            raise channel.OverLimit
        return max(0.005, seconds)

    def close(self) -> orders.Report:
        """End the program; afterwards ``text`` has all it printed that is kept."""
        self.line.close()
        if self._tests_server is not None:
            self._tests_server.end()
        report = self._server.end()
        for fd in self._outputs:
            while self._take(fd):
                pass
            os.close(fd)
        return report

    def text(self) -> list[str]:
        """Standard output and standard error, as far as they are kept."""
        return [bytes(kept).decode("utf-8", "replace") for kept in self._outputs.values()]


class Judge:
    """Judges programs one after another.

    start: gives a new fork server of the kind named.  masters: descriptors whose hanging up ends all.
    """

    def __init__(self, start: Callable[[str], socket.socket], masters: list[int]) -> None:
        self._start, self._masters = start, masters
        self._servers: dict[str, orders.Server] = {}
        self._clock = Clock()

    def server(self, kind: str) -> orders.Server:
        """The fork server for ``program`` or ``tests``, started at its first use."""
        if kind not in self._servers:
            self._servers[kind] = orders.Server(self._start(kind))
        return self._servers[kind]

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one program."""
        read = reading.read(job["tests"], job["entry_point"])
        trial = Trial(job, self.server("program"), self._clock, self._masters)
        try:
            status, failure, why = self._try(job, read, trial)
        except channel.OverLimit:
            status, failure, why = "timeout", trial.over, ""
        report = trial.close()
        if failure == "closed":
            failure = _cause(report)
        stdout, stderr = trial.text()
        return {
            "ticket": job["ticket"], "status": status, "failure": failure, "stdout": stdout,
            "stderr": f"{stderr}{why}\n" if why else stderr, "seconds": report.cpu,
            "peak_bytes": report.peak_bytes, "judged": read.where if job["tests"] else "",
        }  # fmt: skip

    def _try(self, job: dict[str, Any], read: reading.Reading, trial: Trial) -> tuple[str, str, str]:
        """Status, failure and explanation. Raises OverLimit."""
        session = remote.Session(trial.exchange, trial.receive)
        try:
            imports = read.imports_for(job["code"])
            names = session.run(job["code"], imports, not job["tests"], list(read.names), list(read.calls))
        except channel.Gone:
            return "error", session.lost, ""
        except (Exception, SystemExit) as error:  # the door: what the program raised is its outcome
            return "error", _name(error), suite.trace(error)
        if not job["tests"]:
            return "passed", "", ""
        if read.code is None or type(names) is not dict:
            return "error", "bad tests" if read.code is None else "no sense", read.error
        return self._test(job, read, {n: v for n, v in names.items() if n in read.names}, session, trial)

    def _test(
        self,
        job: dict[str, Any],
        read: reading.Reading,
        names: dict[str, Any],
        session: remote.Session,
        trial: Trial,
    ) -> tuple[str, str, str]:
        try:
            failure, why = self._run_tests(job, read, names, session, trial)
        except channel.Gone:
            failure, why = session.lost, ""
        if trial.over:
            raise channel.OverLimit
        if session.lost:
            return "error", session.lost, ""
        return ("failed", failure, why) if failure else ("passed", "", "")

    def _run_tests(
        self,
        job: dict[str, Any],
        read: reading.Reading,
        names: dict[str, Any],
        session: remote.Session,
        trial: Trial,
    ) -> tuple[str, str]:
        if read.where == "plain":
            random.seed(0)
            scope = {"__builtins__": _PLAIN_SCOPE, "__name__": "__main__", **names}
            with _Alarm(2 * trial.limit + _TESTS_LEAST, trial):
                return suite.attempt(read.code, job["entry_point"], scope)
        try:
            if read.where == "beside":
                verdict = session.ask("judge", job["tests"], job["entry_point"])
            else:
                message = trial.test_apart(job["tests"], job["entry_point"], names, self.server("tests"))
                session.lost, *said = codec.decode(message, codec.BUILDERS)
                verdict = tuple(said)
        except Exception:  # the door: the other side may break in any way
            return "no verdict", ""
        if type(verdict) is not tuple or [type(part) for part in verdict] != [str, str]:
            return "no verdict", ""
        return verdict


class _Alarm:
    """Ends tests that spin: first by an exception, then, where that is swallowed, with this process."""

    def __init__(self, seconds: float, trial: Trial) -> None:
        self._seconds, self._trial = seconds, trial

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self._ring)
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds + _GRACE)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _ring(self, *_: object) -> NoReturn:
        self._trial.over = "cpu time of the tests"
        raise channel.OverLimit


def _type_of(value: object) -> type:
    """``type`` for plain tests, which may ask but not make."""
    return type(value)


def _importer(name: str, *rest: Any) -> Any:
    if name not in reading.PLAIN_MODULES:
        raise ImportError(name)
    return __import__(name, *rest)


_PLAIN_SCOPE = {
    **{name: getattr(builtins, name) for name in reading.PLAIN_BUILTINS},
    "type": _type_of,
    "print": lambda *_, **__: None,
    "__import__": _importer,
}


def _name(error: BaseException) -> str:
    return "SystemExit" if isinstance(error, SystemExit) else type(error).__name__


def _cause(report: orders.Report) -> str:
    """Why a program is silent for ever."""
    if report.code < 0 and report.code != -signal.SIGKILL:
        return f"killed by {signal.Signals(-report.code).name}"
    return "no verdict"


class Clock:
    """Time that this process was busy or would have been, had there been a free processor."""

    def __init__(self) -> None:
        try:
            self._queued = os.open("/proc/self/schedstat", os.O_RDONLY)
        except OSError:
            self._queued = -1

    def busy(self) -> float:
        """Seconds since the process began."""
        queued = int(os.pread(self._queued, 64, 0).split()[1]) / 1e9 if self._queued >= 0 else 0.0
        return time.process_time() + queued


def _has_threads(job: dict[str, Any]) -> bool:
    return any(word in job["code"] or word in job["tests"] for word in THREAD_WORDS)


def _stdin(text: str) -> int:
    """A descriptor that reads ``text``."""
    if not text:
        return os.open(os.devnull, os.O_RDWR)
    path = f"input-{os.getpid()}"
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
    read = os.open(path, os.O_RDONLY)
    os.unlink(path)
    return read


def serve(connection: socket.socket, keeper: int, start: Callable[[str], socket.socket]) -> None:
    """Judge programs from ``connection`` until the caller goes, or the keeper at descriptor ``keeper``."""
    judge = Judge(start, [connection.fileno(), keeper])
    judge.server("program")
    connection.sendall(wire.frame({"ready": True}))
    frames = wire.Frames()
    try:
        while (jobs := wire.receive(connection, frames)) is not None:
            for job in jobs:
                connection.sendall(wire.frame(judge.judge(job)))
    except (Abandoned, BrokenPipeError, ConnectionResetError):
        return
