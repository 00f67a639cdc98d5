"""The caller's end of one worker: a fresh interpreter that runs programs one after another.

The worker is started with ``subprocess`` and never forked from the caller, so threads, memory and
secrets of the caller stay behind. It ends when its socket closes or its parent dies.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import sysconfig
from collections import deque
from pathlib import Path
from typing import Any

from ..errors import SetupError
from . import languages
from .box import BOOT
from .box.messages import frames

_FIX = "see `tunesmith doctor` for the levels this machine has"
_BOX = Path(__file__).parent / "box"
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1",
    "LD_BIND_NOW": "1",  # else every program binds for itself what the linker left for later
    # Where the C library's own search for these ends; until then every long text is written to new pages.
    "MALLOC_MMAP_THRESHOLD_": f"{32 << 20}", "MALLOC_TRIM_THRESHOLD_": f"{256 << 20}",
}  # fmt: skip
"""All that a worker, and every program, sees of the environment, beside where temporary files go."""


class Worker:
    """One running worker. ``jobs`` are those it has been given and not yet answered, oldest first.

    Raises SetupError where the language's toolchain is missing or broken, or no process can be started.
    """

    def __init__(self, isolation: str, language: str = "python") -> None:
        needs = _needs(language)
        ours, theirs = socket.socketpair()
        command = [
            *(sys.executable, "-S", "-s", "-P", "-c", BOOT),
            *(str(_BOX), str(theirs.fileno()), isolation, language, *needs),
        ]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={
                    **_ENVIRONMENT,
                    **{name: os.environ[name] for name in ("TMPDIR",) if name in os.environ},
                },
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            problem = f"the interpreter {sys.executable!r} cannot be started: {error.strerror}"
            raise SetupError(
                "sandbox", problem, "programs are run by the Python that runs tunesmith"
            ) from error
        finally:
            theirs.close()
        ours.setblocking(False)
        self.isolation, self.language = isolation, language
        self.socket = ours
        self.jobs: deque[dict[str, Any]] = deque()
        self.ready = False
        self._frames = frames.Frames()
        self._unsent = bytearray()

    def give(self, job: dict[str, Any]) -> None:
        """Queue ``job``; sent as far as the socket takes it."""
        self.jobs.append(job)
        self._unsent += frames.frame(job)
        self.flush()

    def flush(self) -> bool:
        """Send what is queued; True when nothing is left. A dead worker shows when it is read."""
        try:
            while self._unsent:
                del self._unsent[: self.socket.send(self._unsent)]
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            self._unsent.clear()
        return True

    def answers(self, wait: float = 0.0) -> list[dict[str, Any]] | None:
        """The outcomes that have come, or None when the worker has died.

        Raises SetupError where the worker says that it cannot start.
        """
        if wait and not self._readable(wait):
            return []
        try:
            chunk = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        if not chunk:
            return None
        found = self._frames.feed(chunk)
        if found and not self.ready:
            hello = found.pop(0)
            if "failed" in hello:
                raise SetupError("sandbox", f"isolation {self.isolation!r}: {hello['failed']}", _FIX)
            self.ready = True
        for _ in found:
            self.jobs.popleft()
        return found

    def _readable(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:  # select() itself knows no descriptor above 1,023
            selector.register(self.socket, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def close(self) -> None:
        """Close the socket, which ends the worker and all it started; wait for that."""
        self.socket.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _needs(language: str) -> list[str]:
    """A language's settings as JSON, then the folders that its programs need."""
    if language == "python":
        return ["{}", *dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))]
    toolchain = languages.prepared(language)
    return [json.dumps(dict(toolchain.settings)), *toolchain.readable]
