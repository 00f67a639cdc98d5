"""What a judge and a fork server say to each other: fixed-size commands and reports, and descriptors."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
from typing import NamedTuple

COMMAND = struct.Struct("<c?xxidQ")
REPORT = struct.Struct("<iddq")
FORK, PROBE, FLUSH, END = b"F", b"P", b"N", b"E"
FLUSH_SIGNAL = signal.SIGUSR1
ANY_PROCESSOR = -1


def keep_to(processor: int) -> None:
    """Run on this processor only, and all children: those who only talk to each other need no second one."""
    if processor != ANY_PROCESSOR:
        with contextlib.suppress(OSError):  # the processor may have been taken from this process
            os.sched_setaffinity(0, {processor})


def queued(pid: int) -> float:
    """Seconds that a process was ready to run but had to wait; -1 where that is unknown.

    Of several threads the one that waited longest: a sum would credit a program with more time than
    passed, and so let it buy hours of sleep by having many threads wait at once.
    """
    waited = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                waited = max(waited, int(file.read().split()[1]))
    except (OSError, IndexError):
        return -1.0
    return waited / 1e9


class ChildReport(NamedTuple):
    """What a child has used. code: its process id, or once it has ended its exit code (negative: a signal).

    cpu: seconds on a processor.  queued: seconds ready to run but waiting for one; negative: unknown.
    """

    code: int
    cpu: float
    queued: float
    peak_bytes: int


class ForkServer:
    """The judge's end of one fork server, which runs one child at a time, on ``processor``."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self.processor = ANY_PROCESSOR

    def fork(self, descriptors: list[int], *, threads: bool, cpu_seconds: float, memory_bytes: int) -> None:
        """Start a child; its descriptors 0, 1, 2 and then 3 are these. It has no others."""
        command = COMMAND.pack(FORK, threads, self.processor, cpu_seconds, memory_bytes)
        socket.send_fds(self._control, [command], descriptors)

    def probe(self) -> ChildReport:
        """What the running child has used so far."""
        report = self._ask(PROBE)
        if report.queued < 0:  # the fork server may not read the child's /proc; perhaps this process may
            return report._replace(queued=queued(report.code))
        return report

    def flush(self) -> None:
        """Have the child send the answers that it has buffered."""
        self._send(FLUSH)

    def end(self) -> ChildReport:
        """Kill the child if it still runs, wipe its scratch folder, and get what it has used."""
        return self._ask(END)

    def _send(self, command: bytes) -> None:
        self._control.sendall(COMMAND.pack(command, False, ANY_PROCESSOR, 0.0, 0))

    def _ask(self, command: bytes) -> ChildReport:
        self._send(command)
        reply = b""
        while len(reply) < REPORT.size:
            chunk = self._control.recv(REPORT.size - len(reply))
            if not chunk:
                raise ConnectionError("the fork server has died")
            reply += chunk
        return ChildReport(*REPORT.unpack(reply))
