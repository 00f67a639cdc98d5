"""The judge of other languages: has each program built and run, and reads its completion token.

It never runs the program and never runs with it; all it reads of it is a few bytes and an exit code.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..messages import channel, frames
from ..processes import budget, protocol, streams, trial
from . import FAILED, BuildError, Launch, explain, maker, servers
from .child import Child
from .compiler_server import CompilerServer

BUILD_SECONDS = 10.0
"""CPU time of each process of a compiler."""
BUILD_BYTES = 2 << 30
_KEPT_BYTES, _KEPT_FILES = 64 << 20, 100
LONGEST_FAILURE = 200
"""Characters of a failure's name, which may come from what the program printed."""

Stage = tuple[dict[str, Any], list[str]]
"""Files to write (text, or bytes as ``{"hex": digits}``), then a command to run."""


class BuildTools:
    """What a language's ``make`` may use: its settings, its compilers, and what was built before."""

    def __init__(
        self, settings: dict[str, Any], start: Callable[[str], socket.socket], masters: list[int]
    ) -> None:
        self.settings, self.masters = settings, masters
        self._start = start
        self._servers: dict[str, protocol.ForkServer] = {}
        self._compiler: CompilerServer | None = None
        self._kept: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0

    def server(self, kind: str) -> protocol.ForkServer:
        """The fork server for ``build`` or ``run``, started at its first use."""
        if kind not in self._servers:
            self._servers[kind] = protocol.ForkServer(self._start(kind))
        return self._servers[kind]

    def compiler(self, order: dict[str, Any]) -> CompilerServer:
        """The language's compiler that stays warm, started by ``order`` at its first use."""
        if self._compiler is None:
            self._compiler = CompilerServer(order, self._start("run"), self.masters)
        return self._compiler

    def kept(self, *sources: str, make: Callable[[bytes], int]) -> tuple[int, bytes]:
        """The descriptor and completion token of what ``make(token)`` builds from ``sources``, built once."""
        key = hashlib.sha256(json.dumps(sources).encode()).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        token = secrets.token_bytes(16)
        fd = make(token)
        self._kept[key] = fd, token
        self._bytes += os.fstat(fd).st_size
        while len(self._kept) > 1 and (self._bytes > _KEPT_BYTES or len(self._kept) > _KEPT_FILES):
            old, _ = self._kept.popitem(last=False)[1]
            self._bytes -= os.fstat(old).st_size
            os.close(old)
        return fd, token

    def build(self, stages: list[Stage], product: str, environment: dict[str, str] | None = None) -> int:
        """Run ``stages`` in an empty folder; the descriptor of the file ``product`` that they make.

        Raises BuildError with the compiler's message, or where it takes too long or cannot be started.
        """
        order = {
            "stages": stages, "product": product, "environment": environment or {},
            "memory_bytes": BUILD_BYTES,
        }  # fmt: skip
        limits = budget.WallBound(BUILD_SECONDS)
        child = Child(self.server("build"), order, self.masters, limits)
        try:
            said, fds = child.read_all()
        except channel.OverLimit:
            said, fds = b"", []
        child.close()
        message = "".join(child.text())
        if limits.over:
            raise BuildError("timeout", limits.over, message)
        reply = json.loads(said) if said else {"code": -1, "seconds": 0.0}
        if fds:
            return fds[0]
        if reply["seconds"] > BUILD_SECONDS:
            raise BuildError("timeout", "cpu time of the compiler", message)
        if reply.get("broken"):
            raise BuildError("refused", f"the compiler does not run ({reply['broken']})", message)
        raise BuildError("error", "CompileError", message)


class ToolchainJudge:
    """Judges programs of one language one after another."""

    def __init__(self, language: str, tools: BuildTools) -> None:
        self._tools = tools
        self._make = maker(language)
        self._clock = budget.Clock()

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one program."""
        outcome = {
            "ticket": job["ticket"], "stdout": "", "stderr": "", "seconds": 0.0, "peak_bytes": 0,
            "judged": "same_process" if job["tests"] else "",
        }  # fmt: skip
        try:
            launch = self._make(job, self._tools)
        except BuildError as error:
            message = error.message[: streams.CAPTURE]
            return outcome | {"status": error.status, "failure": error.failure, "stderr": message}
        return outcome | self._run(job, launch)

    def _run(self, job: dict[str, Any], launch: Launch) -> dict[str, Any]:
        by_path = isinstance(launch.program, str)
        order = {
            "program": launch.program if by_path else "", "arguments": launch.arguments,
            "environment": launch.environment, "files": launch.files,
            "data_bytes": job["memory_bytes"] if launch.of_data else 0,
        }  # fmt: skip
        server = self._tools.server("run")
        limits = budget.Budget(float(job["cpu_seconds"]), server, self._clock)
        child = Child(
            server, order, self._tools.masters, limits, stdin=job["stdin"], feed=launch.feed,
            memory_bytes=0 if launch.of_data else job["memory_bytes"],
            descriptors=() if isinstance(launch.program, str) else (launch.program,),
        )  # fmt: skip
        said = b""
        try:
            said, fds = child.read_all()
            for fd in fds:
                os.close(fd)
        except channel.OverLimit:
            pass
        report = child.close()
        stdout, stderr = child.text()
        status, failure = _verdict(job, launch, said, limits.over, report.code, stderr)
        return {
            "status": status, "failure": failure[:LONGEST_FAILURE], "stdout": stdout,
            "stderr": stderr, "seconds": report.cpu, "peak_bytes": report.peak_bytes,
        }  # fmt: skip


def _verdict(
    job: dict[str, Any], launch: Launch, said: bytes, over: str, code: int, stderr: str
) -> tuple[str, str]:
    """Status and failure. A pass is exit code 0 and, where there are tests, exactly the completion token."""
    if over or code == -signal.SIGXCPU:
        return "timeout", over or "cpu time"
    if code == 0:
        passed = not job["tests"] or said == launch.token
        return ("passed", "") if passed else ("error", "no verdict")
    if said == FAILED:
        return "failed", "AssertionError"
    return (launch.explain or explain)(code, stderr)


def serve(
    connection: socket.socket,
    supervisor: int,
    start: Callable[[str], socket.socket],
    language: str,
    settings: dict[str, Any],
) -> None:
    """Judge programs from ``connection`` until the caller ends, or the supervisor at that descriptor."""
    tools = BuildTools(settings, start, [connection.fileno(), supervisor])
    judge = ToolchainJudge(language, tools)
    for kind in servers(language):  # now: a server that cannot start is not a program's failure
        tools.server(kind)
    connection.sendall(frames.frame({"ready": True}))
    buffer = frames.Frames()
    try:
        while (jobs := frames.receive(connection, buffer)) is not None:
            for job in jobs:
                connection.sendall(frames.frame(judge.judge(job)))
    except (trial.Abandoned, BrokenPipeError, ConnectionResetError):
        return
