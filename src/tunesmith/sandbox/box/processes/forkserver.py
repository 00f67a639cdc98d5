"""A small process that forks a child for every program, inside the walls that were raised around it.

One child runs at a time. A child is told nothing it should not know: it keeps four descriptors, its
scratch folder and the modules preloaded here.
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
from . import gaps, orders

PRELOAD = (
    "collections", "copy", "functools", "heapq", "itertools", "math", "operator", "random", "re", "string",
    "typing",
)  # fmt: skip
"""What generated programs import often; the rest costs every fork more than it saves a few."""


_CONTROL = 16
"""The descriptor a fork server has its orders from; a child has fewer."""
_NUMBERS = struct.pack(f"{_CONTROL}i", *range(_CONTROL))


class Walls:
    """How a child is told apart from its fork server.

    alone: no other processes share its process namespace.  nobody: it runs as another user.
    leaf: lays a filter against new processes on this process; None where there is no such thing.
    parents: its children may have children, which end with them.
    processes: at this RLIMIT_NPROC it cannot fork, so that the filter, which takes longer to lay, is
    only for programs with threads; 0 where that limit does not bind.
    spare: bytes that its children may have beyond their limit.
    """

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        self.alone = self.nobody = self.parents = False
        self.leaf: Callable[[int], None] | None = None
        self.processes = self.spare = 0

    def close_in(self, *, threads: bool, cpu_seconds: float, memory_bytes: int) -> None:
        """Become a program: another user, its limits, no new processes."""
        for call, arguments in self.calls(threads, cpu_seconds, memory_bytes):
            call(*arguments)

    def calls(self, threads: bool, cpu_seconds: float, memory_bytes: int) -> list[Call]:
        """What ``close_in`` comes down to, made before the fork: a child pays for all that it looks up."""
        made: list[Call] = []
        if not self.alone:
            made.append((os.setsid, ()))
        if self.nobody:
            made += [(os.setresgid, (NOBODY,) * 3), (os.setresuid, (NOBODY,) * 3)]
        processes = self.processes
        if (threads or not self.processes) and self.leaf is not None:
            made.append((self._lay_leaf, ()))
            processes = limits.THREADS if self.processes else 0
        memory_bytes += self.spare if memory_bytes else 0
        return made + limits.of_program(memory_bytes, cpu_seconds, processes)

    def _lay_leaf(self) -> None:
        assert self.leaf is not None
        self.leaf(os.getpid())

    def find_process_limit(self) -> None:
        """Whether a child at RLIMIT_NPROC 1 can really not fork, by trial; root is sometimes exempt."""
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


def serve(control: socket.socket, walls: Walls, become: Callable[[int], None]) -> None:
    """Obey orders on ``control`` until it closes; ``become`` runs in each child, given descriptor 3.

    Descriptors 0, 1, 2, ... are left free, so that those sent for a child have the right numbers at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.dup2(control.detach(), _CONTROL, inheritable=False)
    control = socket.socket(fileno=_CONTROL)
    os.closerange(0, _CONTROL)

    @functools.lru_cache(maxsize=16)
    def first_calls(count: int, *bounds: Any) -> list[Call]:
        """What a child does first: it keeps ``count`` descriptors, and becomes a program."""
        return [(os.closerange, (count, 2 * _CONTROL)), *walls.calls(*bounds)]

    mode = os.stat(walls.scratch).st_mode
    gc.collect()
    kept = gaps.fill()
    gc.freeze()
    child, kept_to = 0, orders.ANY_PROCESSOR
    size, room = orders.ORDER.size, socket.CMSG_SPACE(len(_NUMBERS))
    while True:
        data, sent, _, _ = control.recvmsg(size, room)
        if not data:
            kept.clear()
            break
        order, threads, processor, cpu_seconds, memory_bytes = orders.ORDER.unpack(data)
        if order == orders.FORK:
            if processor != kept_to:
                kept_to = processor
                orders.keep_to(processor)
            count = _in_place(sent)
            calls = first_calls(count, threads, cpu_seconds, memory_bytes)
            child = os.fork()
            if child == 0:
                try:
                    for call, arguments in calls:
                        call(*arguments)
                    become(3)
                finally:
                    os._exit(0)
            os.closerange(0, count)
        elif order == orders.PROBE:
            control.sendall(_probe(child))
        elif order == orders.NUDGE:
            os.kill(child, orders.NUDGE_SIGNAL)
        else:
            control.sendall(_end(child, walls))
            wipe(walls.scratch, mode)
            child = 0
    if child:
        _end(child, walls)


def _in_place(sent: list[tuple[int, int, bytes]]) -> int:
    """How many descriptors were sent. Raises OSError where they are not 0, 1, 2, ..."""
    [(_, _, numbers)] = sent
    count = len(numbers) // 4
    if numbers != _NUMBERS[: 4 * count]:
        raise OSError("descriptors of a child out of place")
    return count


def _probe(child: int) -> bytes:
    return orders.REPORT.pack(child, cpu(child), orders.queued(child), 0)


def cpu(process: int) -> float:
    """CPU seconds that a process has used; 0 where that cannot be seen."""
    try:
        return time.clock_gettime((~process << 3) | 2)
    except OSError:
        return 0.0


def _end(child: int, walls: Walls) -> bytes:
    os.kill(child, signal.SIGKILL)
    if not walls.alone:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if walls.parents and walls.alone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.wait():
                pass
    used = usage.ru_utime + usage.ru_stime
    return orders.REPORT.pack(os.waitstatus_to_exitcode(status), used, -1.0, usage.ru_maxrss * 1024)


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
