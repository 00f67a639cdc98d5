"""A compiler that stays: warm after its first source, asked over its line for one source at a time.

It runs behind the walls of a program (no processes, no network, its own scratch) and is replaced when a
source takes it past a limit, when it dies, and after so many sources. It never runs what it compiles.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from ..messages import channel
from ..processes import budget, orders
from . import Fault
from .child import Errand

CPU_SECONDS = 20.0
"""CPU time for one source."""
MEMORY_BYTES = 1 << 30
_LIFETIME, _SOURCES = 3000.0, 500
_HEAD = struct.Struct(">?I")
_LARGEST = 32 << 20


class _Visit(Errand):
    """A running compiler."""

    def ask(self, source: bytes) -> tuple[bool, bytes]:
        """Whether it compiled, and what came of it or what the compiler said. Raises OverLimit, Gone."""
        try:
            self.line.sendall(struct.pack(">I", len(source)) + source)
        except (BrokenPipeError, ConnectionResetError):
            raise channel.Gone("closed") from None
        compiled, size = _HEAD.unpack(self._read(_HEAD.size))
        if size > _LARGEST:
            raise channel.Gone("answer too long")
        return compiled, self._read(size)

    def _read(self, size: int) -> bytes:
        said = bytearray()
        while len(said) < size:
            self._wait()
            try:
                chunk = self.line.recv(min(size - len(said), 1 << 18))
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise channel.Gone("closed")
            said += chunk
        return bytes(said)


class Standing:
    """A compiler by the order that starts it: program, arguments, environment.

    control: of a fork server of its own.  masters: descriptors whose hanging up ends all.
    """

    def __init__(self, order: dict[str, Any], control: socket.socket, masters: list[int]) -> None:
        self._order = {"files": {}, "data_bytes": MEMORY_BYTES, "environment": {}, **order}
        self._server, self._masters = orders.Server(control), masters
        self._clock = budget.Clock()
        self._visit: _Visit | None = None
        self._limits = budget.Budget(_LIFETIME, self._server, self._clock)
        self._served = 0

    def compile(self, source: str) -> bytes:
        """What comes of ``source``. Raises Fault with the compiler's message, or where it cannot."""
        encoded = source.encode("utf-8", "replace")
        while True:
            fresh = self._visit is None
            try:
                running = self._running()
                self._limits.renew(CPU_SECONDS)
                compiled, answer = running.ask(encoded)
            except channel.OverLimit:
                self._close()
                raise Fault("timeout", f"{self._limits.over} of the compiler") from None
            except channel.Gone:
                said = self._close()
                if not fresh:  # what came before may have worn it out
                    continue
                raise Fault("error", "CompileError", f"the compiler died\n{said}") from None
            self._served += 1
            if self._served >= _SOURCES:
                self._close()
            if not compiled:
                raise Fault("error", "CompileError", answer.decode("utf-8", "replace"))
            return answer

    def _running(self) -> _Visit:
        if self._visit is None:
            self._limits = budget.Budget(_LIFETIME, self._server, self._clock)
            self._visit = _Visit(self._server, self._order, self._masters, self._limits)
            self._served = 0
        return self._visit

    def _close(self) -> str:
        visit, self._visit = self._visit, None
        if visit is None:
            return ""
        visit.close()
        return "".join(visit.text())[-2000:]
