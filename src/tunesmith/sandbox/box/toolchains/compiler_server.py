"""A compiler that keeps running, so that it is warm after its first source.

It is as isolated as a program (no processes, no network, a scratch folder of its own) and is replaced when
a source takes it past a limit, when it dies, and after so many sources. It never runs what it compiles.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from ..messages import channel
from ..processes import budget, protocol
from . import BuildError
from .child import Child

CPU_SECONDS = 20.0
"""CPU time for one source."""
MEMORY_BYTES = 1 << 30
_LIFETIME, _SOURCES = 3000.0, 500
_HEAD = struct.Struct(">?I")
_LARGEST = 32 << 20


class _RunningCompiler(Child):
    """A running compiler."""

    def ask(self, source: bytes) -> tuple[bool, bytes]:
        """Whether it compiled, and the result or the compiler's message. Raises OverLimit, Gone."""
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


class CompilerServer:
    """A compiler, and the order that starts it: program, arguments, environment.

    control: of a fork server of its own.  masters: descriptors whose hanging up ends all.
    """

    def __init__(self, order: dict[str, Any], control: socket.socket, masters: list[int]) -> None:
        self._order = {"files": {}, "data_bytes": MEMORY_BYTES, "environment": {}, **order}
        self._server, self._masters = protocol.ForkServer(control), masters
        self._clock = budget.Clock()
        self._compiler: _RunningCompiler | None = None
        self._limits = budget.Budget(_LIFETIME, self._server, self._clock)
        self._served = 0

    def compile(self, source: str) -> bytes:
        """``source``, compiled. Raises BuildError with the compiler's message, or where it cannot."""
        encoded = source.encode("utf-8", "replace")
        while True:
            fresh = self._compiler is None
            try:
                running = self._running()
                self._limits.renew(CPU_SECONDS)
                compiled, answer = running.ask(encoded)
            except channel.OverLimit:
                self._close()
                raise BuildError("timeout", f"{self._limits.over} of the compiler") from None
            except channel.Gone:
                said = self._close()
                if not fresh:  # the sources before may have used up its memory
                    continue
                raise BuildError("error", "CompileError", f"the compiler died\n{said}") from None
            self._served += 1
            if self._served >= _SOURCES:
                self._close()
            if not compiled:
                raise BuildError("error", "CompileError", answer.decode("utf-8", "replace"))
            return answer

    def _running(self) -> _RunningCompiler:
        if self._compiler is None:
            self._limits = budget.Budget(_LIFETIME, self._server, self._clock)
            self._compiler = _RunningCompiler(self._server, self._order, self._masters, self._limits)
            self._served = 0
        return self._compiler

    def _close(self) -> str:
        compiler, self._compiler = self._compiler, None
        if compiler is None:
            return ""
        compiler.close()
        return "".join(compiler.text())[-2000:]
