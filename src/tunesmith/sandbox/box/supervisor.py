"""The root of a worker: sets up the isolation, starts the judge and the fork servers, ends with its parent.

It has what little privilege there is and never reads a byte that a program wrote.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import stat
import sys
from collections.abc import Callable

from .isolation import landlock, limits, linux, namespaces, seccomp
from .processes import forkserver
from .processes.alarm import Alarm, Watch
from .processes.forkserver import Isolation

MEMORY_BYTES = 1 << 30
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache",
    "/etc/localtime", "/etc/ssl/openssl.cnf",
)  # fmt: skip
_CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_KILL, _CAP_SETGID, _CAP_SETUID = 1, 3, 5, 6, 7
_HANG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
LEVELS = ("namespaces", "landlock", "seccomp", "rlimits")


def main(arguments: list[str]) -> None:
    """``arguments``: the caller's socket, the level, the language, a scratch folder, the language's settings,
    then folders that its programs need to read."""
    connection = socket.socket(fileno=int(arguments[0]))
    level, language, scratch, settings, *folders = arguments[1:]
    supervisor = Supervisor(level, language, scratch, settings, folders)
    try:
        supervisor.serve(connection)
    except (BrokenPipeError, ConnectionResetError):
        return  # the judge was killed: a worker that died, which is not an isolation that cannot work
    except OSError as error:
        from .messages.frames import frame

        connection.sendall(frame({"failed": f"{error}"}))
    finally:
        supervisor.remove_scratch()


class Supervisor:
    """Starts isolated processes of one level, for programs of one language."""

    def __init__(self, level: str, language: str, scratch: str, settings: str, folders: list[str]) -> None:
        self.level, self.language, self.settings = level, language, settings
        if language == "python":
            sys.path.extend(folders)
        self.scratch = scratch
        here = os.path.dirname(os.path.abspath(__file__))
        self.readable = _without_nested([*_SYSTEM, sys.base_prefix, sys.prefix, *folders, here])
        forkserver.preload()
        if level == "namespaces":
            linux.adopt_orphans()  # the processes in a new namespace, whose first parent ends at once

    def remove_scratch(self) -> None:
        """Remove the scratch folder and all that is left in it."""
        with contextlib.suppress(OSError):
            forkserver.wipe(self.scratch, stat.S_IFDIR | 0o700)
            os.rmdir(self.scratch)

    def serve(self, connection: socket.socket) -> None:
        """Start the judge and what it asks for, until it ends or hangs, or the caller or our parent ends."""
        ours, theirs = socket.socketpair()
        parent = os.getppid()
        watch = Watch()
        judge = functools.partial(self._judge, connection, theirs, watch)
        pid = self.fork("judge", judge, keep=(connection, theirs))
        watch.hide()
        theirs.close()
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        poll.register(connection, _HANG_UP)
        try:
            while os.getppid() == parent and not watch.is_over(forkserver.cpu(pid)):
                ready = [fd for fd, _ in poll.poll(1000)]
                if connection.fileno() in ready:
                    break
                if ready:
                    kind = ours.recv(64).decode()
                    if not kind:
                        break
                    self._start(ours, kind)
                _reap()
        finally:
            _kill(pid)

    def _judge(
        self, connection: socket.socket, line: socket.socket, watch: Watch, isolation: Isolation
    ) -> None:
        isolation.close_in(threads=True, cpu_seconds=1e9, memory_bytes=0)
        if self.language == "python":
            from . import python_judge  # here, since a fork server is the quicker for not having it

            Alarm.watch = watch
            python_judge.serve(connection, line.fileno(), _Starter(line))
        else:
            import json

            from .toolchains import toolchain_judge

            settings = json.loads(self.settings)
            toolchain_judge.serve(connection, line.fileno(), _Starter(line), self.language, settings)

    def _start(self, asker: socket.socket, kind: str) -> None:
        """Start a fork server and hand its control to the judge."""
        control, theirs = socket.socketpair()
        report, say = os.pipe()

        def run(isolation: Isolation) -> None:
            become = _role(kind)
            os.write(say, b"ok")
            os.close(say)
            forkserver.serve(theirs, isolation, become)

        self.fork(kind, run, keep=(theirs,), say=say)
        theirs.close()
        os.close(say)
        word = os.read(report, 4096)
        os.close(report)
        if word != b"ok":
            raise OSError(word.decode() or "a fork server died at its start")
        socket.send_fds(asker, [b"ok"], [control.fileno()])
        control.close()

    def fork(
        self,
        kind: str,
        run: Callable[[Isolation], None],
        keep: tuple[socket.socket, ...],
        say: int = -1,
    ) -> int:
        """An isolated child that does ``run``, with no descriptors but ``keep`` and ``say``; its process id.

        In a new namespace another process takes the child's place, whose number it announces by a pipe.
        """
        numbers, announce = os.pipe()
        pid = os.fork()
        if pid:
            os.close(announce)
            number = os.read(numbers, 32)
            os.close(numbers)
            return int(number or pid)
        code = 1
        try:
            _close_all_but({0, 1, 2, say, announce, *(each.fileno() for each in keep)})
            isolation = self.enter(lambda number: _tell(announce, number), kind)
            os.close(announce)
            run(isolation)
            code = 0
        except BaseException as error:  # nothing may return into the parent's code; its parent reads why
            if say >= 0:
                os.write(say, f"{type(error).__name__}: {error}".encode())
            else:
                sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(code)

    def enter(self, announce: Callable[[int], None], kind: str) -> Isolation:
        """Isolate this process, the judge or a fork server of this kind, as this level does.

        The order matters: namespaces need the privilege that is given up next, Landlock and the limits must
        be there before any other code runs, and the filter comes last, since it forbids most of the above.
        """
        isolation = Isolation(self.scratch)
        if self.level == "namespaces":
            isolation.scratch, isolation.nobody = namespaces.enter(self.readable, announce)
            isolation.alone = True
        os.chdir(isolation.scratch)
        os.environ["HOME"] = os.environ["TMPDIR"] = isolation.scratch
        if self.level != "rlimits":
            _give_up_privilege(isolation)
        if self.level == "landlock":
            _lock_files(isolation.scratch, [*self.readable, *(["/proc"] if kind == "judge" else [])])
        elif self.level == "namespaces" and landlock.present():
            _lock_files(isolation.scratch, ["/"])  # of the new root, where only the right things are
        limits.inherited(MEMORY_BYTES)
        if self.level == "namespaces":
            isolation.find_process_limit()
        if self.level != "rlimits":
            _filter_calls(isolation, kind)
        return isolation


def _filter_calls(isolation: Isolation, kind: str) -> None:
    """Forbid system calls. A compiler may start processes; a built program is executed once, from one
    descriptor."""
    isolation.parents = kind == "build"
    may_exec = kind in ("build", "run")
    seccomp.apply(seccomp.base(may_exec=may_exec, own_files=isolation.alone, compiles=isolation.parents))
    if isolation.parents:
        isolation.processes = isolation.processes and limits.THREADS
        return
    program = limits.OPEN_FILES - 1 if may_exec else -1
    isolation.leaf = lambda pid: seccomp.apply(seccomp.leaf(pid, program))


def _role(kind: str) -> Callable[[int], None]:
    """What the children of a fork server of this kind do. Imported here: each has only what it needs."""
    if kind == "program":
        from .program import warm_up

        return warm_up.warm().serve
    if kind in ("build", "run"):
        from .toolchains import roles

        return roles.build if kind == "build" else roles.run
    from .testing import oracle, separate  # noqa: F401  (so that no program waits for the oracle to be read)

    return separate.serve


def _give_up_privilege(isolation: Isolation) -> None:
    if isolation.nobody:
        os.setgroups([])
        linux.keep_capabilities(_CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_KILL, _CAP_SETGID, _CAP_SETUID)
    else:
        linux.keep_capabilities()
    linux.hide_memory()
    linux.no_new_privileges()


def _lock_files(scratch: str, readable: list[str]) -> None:
    devices = [f"/dev/{name}" for name in namespaces.DEVICES]
    landlock.apply([*readable, *devices], [scratch, *devices])


class _Starter:
    """Asks the supervisor, from the judge, for fork servers."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def __call__(self, kind: str) -> socket.socket:
        self._line.sendall(kind.encode())
        _, fds, _, _ = socket.recv_fds(self._line, 64, 1)
        if not fds:
            raise OSError("no fork server")
        return socket.socket(fileno=fds[0])


def _without_nested(paths: list[str]) -> list[str]:
    """``paths`` without doubles and those inside another."""
    kept: list[str] = []
    for path in sorted(dict.fromkeys(os.path.abspath(p) for p in paths), key=len):
        if not any(path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _kill(pid: int) -> None:
    """End the judge, whose end is the end of every fork server, and wait until all are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    signal.alarm(5)
    try:
        while os.waitpid(-1, 0)[0]:
            pass
    except ChildProcessError:
        signal.alarm(0)


def _tell(pipe: int, number: int) -> None:
    os.write(pipe, str(number).encode())


def _close_all_but(kept: set[int]) -> None:
    for fd in set(range(256)) - kept:
        with contextlib.suppress(OSError):
            os.close(fd)
