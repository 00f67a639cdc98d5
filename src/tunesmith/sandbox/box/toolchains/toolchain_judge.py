"""The judge of the languages that are built: has each program built, run, and listens for its last word.

It never runs the program and never runs with it; all it takes from it is a few bytes and an exit code.
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
from ..processes import budget, orders, streams, trial
from . import FAILED, Fault, Launch, maker, servers, stated
from .child import Errand
from .compiler_server import Standing

BUILD_SECONDS = 10.0
"""CPU time of each process of a compiler."""
BUILD_BYTES = 2 << 30
_KEPT_BYTES, _KEPT_FILES = 64 << 20, 100

Stage = tuple[dict[str, Any], list[str]]
"""Files to write (text, or bytes as ``{"hex": digits}``), then a command to run."""


class Shop:
    """What a language's ``make`` may use: its settings, compilers, and what was built before."""

    def __init__(
        self, settings: dict[str, Any], start: Callable[[str], socket.socket], masters: list[int]
    ) -> None:
        self.settings, self.masters = settings, masters
        self._start = start
        self._servers: dict[str, orders.Server] = {}
        self._compiler: Standing | None = None
        self._kept: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0

    def server(self, kind: str) -> orders.Server:
        """The fork server for ``build`` or ``run``, started at its first use."""
        if kind not in self._servers:
            self._servers[kind] = orders.Server(self._start(kind))
        return self._servers[kind]

    def compiler(self, order: dict[str, Any]) -> Standing:
        """The language's compiler that stays warm, started by ``order`` at its first use."""
        if self._compiler is None:
            self._compiler = Standing(order, self._start("run"), self.masters)
        return self._compiler

    def kept(self, *sources: str, make: Callable[[bytes], int]) -> tuple[int, bytes]:
        """The descriptor and last word of what ``make(word)`` builds from ``sources``, built once."""
        key = hashlib.sha256(json.dumps(sources).encode()).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        word = secrets.token_bytes(16)
        fd = make(word)
        self._kept[key] = fd, word
        self._bytes += os.fstat(fd).st_size
        while len(self._kept) > 1 and (self._bytes > _KEPT_BYTES or len(self._kept) > _KEPT_FILES):
            old, _ = self._kept.popitem(last=False)[1]
            self._bytes -= os.fstat(old).st_size
            os.close(old)
        return fd, word

    def build(self, stages: list[Stage], product: str, environment: dict[str, str] | None = None) -> int:
        """Run ``stages`` in an empty folder; the descriptor of the file ``product`` that they make.

        Raises Fault with the compiler's message, or where it takes too long or cannot be started.
        """
        order = {
            "stages": stages, "product": product, "environment": environment or {},
            "memory_bytes": BUILD_BYTES,
        }  # fmt: skip
        limits = budget.WallBound(BUILD_SECONDS)
        errand = Errand(self.server("build"), order, self.masters, limits)
        try:
            said, fds = errand.heard()
        except channel.OverLimit:
            said, fds = b"", []
        errand.close()
        message = "".join(errand.text())
        if limits.over:
            raise Fault("timeout", limits.over, message)
        reply = json.loads(said) if said else {"code": -1, "seconds": 0.0}
        if fds:
            return fds[0]
        if reply["seconds"] > BUILD_SECONDS:
            raise Fault("timeout", "cpu time of the compiler", message)
        if reply.get("broken"):
            raise Fault("refused", f"the compiler does not run ({reply['broken']})", message)
        raise Fault("error", "CompileError", message)


class Workshop:
    """Judges programs of one language one after another."""

    def __init__(self, language: str, shop: Shop) -> None:
        self._shop = shop
        self._make = maker(language)
        self._clock = budget.Clock()

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one program."""
        outcome = {
            "ticket": job["ticket"], "stdout": "", "stderr": "", "seconds": 0.0, "peak_bytes": 0,
            "judged": "beside" if job["tests"] else "",
        }  # fmt: skip
        try:
            launch = self._make(job, self._shop)
        except Fault as fault:
            said = {"status": fault.status, "failure": fault.failure, "stderr": fault.said[: streams.CAPTURE]}
            return outcome | said
        return outcome | self._run(job, launch)

    def _run(self, job: dict[str, Any], launch: Launch) -> dict[str, Any]:
        by_path = isinstance(launch.program, str)
        order = {
            "program": launch.program if by_path else "", "arguments": launch.arguments,
            "environment": launch.environment, "files": launch.files,
            "data_bytes": job["memory_bytes"] if launch.of_data else 0,
        }  # fmt: skip
        server = self._shop.server("run")
        limits = budget.Budget(float(job["cpu_seconds"]), server, self._clock)
        errand = Errand(
            server, order, self._shop.masters, limits, stdin=job["stdin"], feed=launch.feed,
            memory_bytes=0 if launch.of_data else job["memory_bytes"],
            descriptors=() if isinstance(launch.program, str) else (launch.program,),
        )  # fmt: skip
        said = b""
        try:
            said, fds = errand.heard()
            for fd in fds:
                os.close(fd)
        except channel.OverLimit:
            pass
        report = errand.close()
        stdout, stderr = errand.text()
        status, failure = _verdict(job, launch, said, limits.over, report.code, stderr)
        return {
            "status": status, "failure": failure, "stdout": stdout, "stderr": stderr, "seconds": report.cpu,
            "peak_bytes": report.peak_bytes,
        }  # fmt: skip


def _verdict(
    job: dict[str, Any], launch: Launch, said: bytes, over: str, code: int, stderr: str
) -> tuple[str, str]:
    """Status and failure. A pass is exit code 0 and, where there are tests, exactly the last word."""
    if over or code == -signal.SIGXCPU:
        return "timeout", over or "cpu time"
    if code == 0:
        passed = not job["tests"] or said == launch.word
        return ("passed", "") if passed else ("error", "no verdict")
    if said == FAILED:
        return "failed", "AssertionError"
    return (launch.stated or stated)(code, stderr)


def serve(
    connection: socket.socket,
    keeper: int,
    start: Callable[[str], socket.socket],
    language: str,
    settings: dict[str, Any],
) -> None:
    """Judge programs from ``connection`` until the caller goes, or the keeper at descriptor ``keeper``."""
    shop = Shop(settings, start, [connection.fileno(), keeper])
    workshop = Workshop(language, shop)
    for kind in servers(language):  # before the worker is ready: what cannot start is no program's failure
        shop.server(kind)
    connection.sendall(frames.frame({"ready": True}))
    buffer = frames.Frames()
    try:
        while (jobs := frames.receive(connection, buffer)) is not None:
            for job in jobs:
                connection.sendall(frames.frame(workshop.judge(job)))
    except (trial.Abandoned, BrokenPipeError, ConnectionResetError):
        return
