"""A small process that forks a child for every program, inside the isolation that was set up around it.

A fork of a warm interpreter takes a millisecond, a new interpreter twenty. One child runs at a time. A
child knows nothing that it should not: it has its descriptors, its scratch folder and the modules
preloaded here.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from ..isolation import limits
from ..isolation.limits import Call
from ..isolation.namespaces import NOBODY
from . import protocol

PRELOAD = (
    "collections", "copy", "functools", "heapq", "itertools", "math", "operator", "random", "re", "string",
    "typing",
)  # fmt: skip
"""What generated programs import often; more would cost every fork more than it saves a few programs."""

_CONTROL = 16
"""The descriptor that a fork server reads commands from; those of a child are lower."""
_NUMBERS = struct.pack(f"{_CONTROL}i", *range(_CONTROL))


class Isolation:
    """How a child is separated from its fork server.

    alone: no other processes share its process namespace.  nobody: it runs as another user.
    leaf: installs a filter against new processes in this process; None where there is no such thing.
    parents: its children may have children, which end with them.
    processes: at this RLIMIT_NPROC it cannot fork. Then the filter, which takes longer to install, is only
    for programs with threads; 0 where that limit does not bind.
    """

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        self.alone = self.nobody = self.parents = False
        self.leaf: Callable[[int], None] | None = None
        self.processes = 0

    def close_in(self, *, threads: bool, cpu_seconds: float, memory_bytes: int) -> None:
        """Become a program: another user, its limits, no new processes."""
        for call, arguments in self.calls(threads, cpu_seconds, memory_bytes):
            call(*arguments)

    def calls(self, threads: bool, cpu_seconds: float, memory_bytes: int) -> list[Call]:
        """What ``close_in`` calls, made before the fork: what a child looks up itself costs every child.

        The order matters: the user is changed while there is still the privilege for it, limits last.
        """
        made: list[Call] = []
        if not self.alone:
            made.append((os.setsid, ()))  # so that all it leaves can be killed as one process group
        if self.nobody:
            made += [(os.setresgid, (NOBODY,) * 3), (os.setresuid, (NOBODY,) * 3)]
        processes = self.processes
        if (threads or not self.processes) and self.leaf is not None:
            made.append((self._install_leaf, ()))
            processes = limits.THREADS if self.processes else 0
        return made + limits.of_program(memory_bytes, cpu_seconds, processes)

    def _install_leaf(self) -> None:
        assert self.leaf is not None
        self.leaf(os.getpid())

    def find_process_limit(self) -> None:
        """Try whether a child at RLIMIT_NPROC 1 really cannot fork; root is sometimes exempt."""
        self.processes = 1
        child = os.fork()
        if child == 0:
            self._try_to_fork()
        if os.waitpid(child, 0)[1] != 0:
            self.processes = 0

    def _try_to_fork(self) -> None:
        code = 1
        try:
            self.close_in(threads=False, cpu_seconds=10, memory_bytes=0)
            if os.fork() == 0:
                os._exit(0)
        except BlockingIOError:
            code = 0
        finally:
            os._exit(code)


def preload() -> None:
    """Import what programs use most. Their randomness is fixed, so that a verdict can be repeated."""
    for name in PRELOAD:
        __import__(name)
    sys.modules["random"].seed(0)


def serve(control: socket.socket, isolation: Isolation, become: Callable[[int], None]) -> None:
    """Obey commands on ``control`` until it closes; ``become`` runs in each child, given descriptor 3.

    Descriptors 0, 1, 2, ... are left free here: the kernel gives received ones the lowest free numbers, so
    those sent for a child have the right numbers at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.dup2(control.detach(), _CONTROL, inheritable=False)
    control = socket.socket(fileno=_CONTROL)
    os.closerange(0, _CONTROL)

    @functools.lru_cache(maxsize=16)
    def first_calls(count: int, *bounds: Any) -> list[Call]:
        """What a child does first: it keeps ``count`` descriptors, and becomes a program."""
        return [(os.closerange, (count, 2 * _CONTROL)), *isolation.calls(*bounds)]

    mode = os.stat(isolation.scratch).st_mode
    # A collection in a child would write to, and so copy, the page of every object that is here now.
    gc.collect()
    gc.freeze()
    child, processor = 0, protocol.ANY_PROCESSOR
    size, room = protocol.COMMAND.size, socket.CMSG_SPACE(len(_NUMBERS))
    while True:
        data, sent, _, _ = control.recvmsg(size, room)
        if not data:
            break
        command, threads, wanted, cpu_seconds, memory_bytes = protocol.COMMAND.unpack(data)
        if command == protocol.FORK:
            if wanted != processor:
                processor = wanted
                protocol.keep_to(processor)
            count = _in_place(sent)
            calls = first_calls(count, threads, cpu_seconds, memory_bytes)
            child = os.fork()
            if child == 0:
                try:
                    for call, arguments in calls:
                        call(*arguments)
                    become(3)
                finally:
                    os._exit(0)  # never back into this loop, whatever was raised
            os.closerange(0, count)
        elif command == protocol.PROBE:
            control.sendall(_probe(child))
        elif command == protocol.FLUSH:
            os.kill(child, protocol.FLUSH_SIGNAL)
        else:
            control.sendall(_end(child, isolation))
            wipe(isolation.scratch, mode)
            child = 0
    if child:
        _end(child, isolation)


def _in_place(sent: list[tuple[int, int, bytes]]) -> int:
    """How many descriptors were sent. Raises OSError where they are not 0, 1, 2, ..."""
    [(_, _, numbers)] = sent
    count = len(numbers) // 4
    if numbers != _NUMBERS[: 4 * count]:
        raise OSError("descriptors of a child out of place")
    return count


def _probe(child: int) -> bytes:
    return protocol.REPORT.pack(child, cpu(child), protocol.queued(child), 0)


def cpu(process: int) -> float:
    """CPU seconds that a process has used; 0 where that cannot be seen.

    The number is how Linux names the clock of another process (CPUCLOCK_SCHED in ``clock_getcpuclockid``).
    """
    try:
        return time.clock_gettime((~process << 3) | 2)
    except OSError:
        return 0.0


def _end(child: int, isolation: Isolation) -> bytes:
    os.kill(child, signal.SIGKILL)
    if not isolation.alone:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if isolation.parents and isolation.alone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.wait():
                pass
    used = usage.ru_utime + usage.ru_stime
    return protocol.REPORT.pack(os.waitstatus_to_exitcode(status), used, -1.0, usage.ru_maxrss * 1024)


def _as_new(folder: str, mode: int) -> None:
    """Take from the folder itself what a program may have set: rights, access lists, attributes."""
    with contextlib.suppress(PermissionError):  # where it is forbidden, it was to the program too
        if os.stat(folder).st_mode != mode:
            os.chmod(folder, mode & 0o7777)
        if hasattr(os, "listxattr"):
            for name in os.listxattr(folder):
                os.removexattr(folder, name)


def wipe(scratch: str, mode: int) -> None:
    """Empty the scratch folder, however deep, unreadable or oddly named what is in it.

    mode: of the folder itself, whatever a program has made of it.

    Folders are first moved up, so that no path grows long and nothing recurses. Raises OSError where
    something stays: this fork server must not serve another program then.
    """
    _as_new(scratch, mode)
    if os.listdir(scratch):
        _empty(scratch)
    with contextlib.suppress(PermissionError):
        os.utime(scratch, (0, 0))


def _empty(scratch: str) -> None:
    mark = os.urandom(8).hex()
    pending = [scratch]
    for number in itertools.count():
        if not pending:
            break
        folder = pending.pop()
        with contextlib.suppress(PermissionError), os.scandir(folder) as entries:
            for index, entry in enumerate(list(entries)):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{scratch}/{mark}-{number}-{index}")
                    with contextlib.suppress(PermissionError):  # some levels forbid it, to programs too
                        os.chmod(entry.path, 0o700)
                    os.rename(entry.path, pending[-1])
                else:
                    os.unlink(entry.path)
        if folder != scratch:
            os.rmdir(folder)
