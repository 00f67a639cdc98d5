"""A small process that forks a child for every program, inside the walls that were raised around it.

One child runs at a time. A child is told nothing it should not know: it keeps four descriptors, its
scratch folder and the modules preloaded here.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import itertools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from . import limits, orders
from .namespaces import NOBODY

PRELOAD = (
    "collections", "copy", "functools", "heapq", "itertools", "math", "operator", "random", "re", "string",
    "typing",
)  # fmt: skip
"""What generated programs import often; the rest costs every fork more than it saves a few."""


_POOL, _MOST_GAPS, _BYTES_HEAD = 1 << 14, 20_000, sys.getsizeof(b"")


class Walls:
    """How a child is told apart from its fork server.

    alone: no other processes share its process namespace.  nobody: it runs as another user.
    leaf: lays a filter against new processes on this process; None where there is no such thing.
    parents: its children may have children, which end with them.
    processes: at this RLIMIT_NPROC it cannot fork, so that the filter, which takes longer to lay, is
    only for programs with threads; 0 where that limit does not bind.
    """

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        self.alone = self.nobody = self.parents = False
        self.leaf: Callable[[int], None] | None = None
        self.processes = 0

    def close_in(self, *, threads: bool, cpu_seconds: float, memory_bytes: int) -> None:
        """Become a program: another user, its limits, no new processes."""
        if not self.alone:
            os.setsid()
        if self.nobody:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        if (threads or not self.processes) and self.leaf is not None:
            self.leaf(os.getpid())
            limits.of_program(memory_bytes, cpu_seconds, limits.THREADS if self.processes else 0)
        else:
            limits.of_program(memory_bytes, cpu_seconds, self.processes)

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
    """Obey orders on ``control`` until it closes; ``become`` runs in each child, given descriptor 3."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.collect()
    gc.disable()
    kept = _fill_gaps()
    gc.freeze()
    child, kept_to = 0, orders.ANY_PROCESSOR
    while True:
        data, fds, _, _ = socket.recv_fds(control, orders.ORDER.size, 5)
        if not data:
            kept.clear()
            break
        order, threads, processor, cpu_seconds, memory_bytes = orders.ORDER.unpack(data)
        if order == orders.FORK:
            if processor != kept_to:
                kept_to = processor
                orders.keep_to(processor)
            fds = _in_order(fds)
            child = os.fork()
            if child == 0:
                try:
                    _take_over(fds, control.fileno())
                    walls.close_in(threads=threads, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)
                    become(3)
                finally:
                    os._exit(0)
            for fd in fds:
                os.close(fd)
        elif order == orders.PROBE:
            control.sendall(_probe(child))
        elif order == orders.NUDGE:
            os.kill(child, orders.NUDGE_SIGNAL)
        else:
            control.sendall(_end(child, walls))
            wipe(walls.scratch)
            child = 0
    if child:
        _end(child, walls)


def _fill_gaps() -> list[bytes | None]:
    """Objects that use up the gaps between this process's own, to be kept as long as it forks.

    A child's first objects then lie side by side. In the gaps they would lie on dozens of pages, each of
    which would be copied for it.
    """
    filling: list[bytes | None] = [None] * _MOST_GAPS  # now, since to grow it would make gaps and fill them
    kept = 0
    for size in range(48, 513, 16):
        whole = _POOL // size - 2
        first, last = kept, 0
        while kept < _MOST_GAPS and kept - first < whole:  # a pool of its own: no gap is left
            filling[kept] = thing = bytes(size - _BYTES_HEAD)
            if id(thing) != last + size:
                first = kept
            kept += 1
            last = id(thing)
        filling[first:kept] = [None] * (kept - first)
        kept = first
    return filling


def _in_order(fds: list[int]) -> list[int]:
    """The same descriptors, none with a number that another is to have."""
    if all(fd > place for place, fd in enumerate(fds)) and fds == sorted(fds):
        return fds
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 16) for fd in fds]
    for fd in fds:
        os.close(fd)
    return high


def _take_over(fds: list[int], control: int) -> None:
    """Put ``fds``, which are in order, at 0, 1, 2, ... and close everything else this process holds."""
    os.close(control)
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    os.closerange(len(fds), 32)


def _probe(child: int) -> bytes:
    return orders.REPORT.pack(child, _cpu(child), orders.queued(child), 0)


def _cpu(child: int) -> float:
    try:
        return time.clock_gettime((~child << 3) | 2)
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
    cpu = usage.ru_utime + usage.ru_stime
    return orders.REPORT.pack(os.waitstatus_to_exitcode(status), cpu, -1.0, usage.ru_maxrss * 1024)


def wipe(scratch: str) -> None:
    """Empty the scratch folder, however deep, unreadable or oddly named what is in it.

    Folders are first moved up, so that no path grows long and nothing recurses. Raises OSError where
    something stays: this fork server must not serve another program then.
    """
    if not os.listdir(scratch):
        return
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
