"""The caller's end of one worker: a fresh interpreter that runs programs one after another.

The worker is started with ``subprocess`` and never forked from the caller, so threads, memory and
secrets of the caller stay behind. It ends when its socket closes or its parent dies.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from ..errors import SetupError
from ..results import Outcome
from . import languages
from .box import BOOT
from .box.messages import frames

_FIX = "see `tunesmith doctor` for the levels this machine has"
_BOX = Path(__file__).parent / "box"
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1",
    "LD_BIND_NOW": "1",  # once in the fork server, not in every child
    # The C library raises these by itself as it goes; from the start, memory that a program frees is reused.
    "MALLOC_MMAP_THRESHOLD_": f"{32 << 20}", "MALLOC_TRIM_THRESHOLD_": f"{256 << 20}",
}  # fmt: skip
"""All that a worker, and every program, sees of the environment, but for where temporary files go."""


class Worker:
    """One running worker. ``jobs`` are those it was sent and has not answered, oldest first.

    Raises SetupError where the language's toolchain is missing or broken, or no process can be started.
    """

    def __init__(self, isolation: str, language: str = "python") -> None:
        needs = _needs(language)
        temporary = os.environ.get("TMPDIR", "")
        scratch = tempfile.mkdtemp(prefix="tunesmith-", dir=_temporary(temporary))
        ours, theirs = socket.socketpair()
        command = [
            *(sys.executable, "-S", "-s", "-P", "-c", BOOT),
            *(str(_BOX), str(theirs.fileno()), isolation, language, scratch, *needs),
        ]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**_ENVIRONMENT, **({"TMPDIR": temporary} if temporary else {})},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            Path(scratch).rmdir()
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
        self._scratch = scratch
        self._frames = frames.Frames(frames.LARGEST_OUTCOME)
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

    def answers(self, wait: float = 0.0) -> list[Outcome] | None:
        """The outcomes of the oldest jobs, or None when the worker has died.

        A worker that sends anything but those has been taken over by a program, and counts as dead too.
        Raises SetupError where the worker reports that it cannot start.
        """
        if wait and not self._readable(wait):
            return []
        try:
            chunk = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        try:
            complete = self._frames.feed(chunk) if chunk else None
        except (ValueError, RecursionError):
            complete = None
        if complete is None:
            return None
        if complete and not self.ready:
            hello = complete.pop(0)
            if type(hello) is dict and "failed" in hello:
                raise SetupError("sandbox", f"isolation {self.isolation!r}: {hello['failed']}", _FIX)
            self.ready = True
        outcomes = []
        for frame in complete:
            if not self.jobs or (outcome := _outcome(frame, self.jobs[0], self.isolation)) is None:
                return None
            outcomes.append(outcome)
            self.jobs.popleft()
        return outcomes

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
        # The worker removes its scratch folder itself, unless it was killed.
        shutil.rmtree(self._scratch, ignore_errors=True)


_KINDS = {
    "ticket": int, "status": str, "failure": str, "stdout": str, "stderr": str, "seconds": float,
    "peak_bytes": int, "judged": str,
}  # fmt: skip
_STATUSES = ("passed", "failed", "error", "timeout", "refused")
_JUDGED = ("", "inline", "separate_process", "same_process")


def _outcome(frame: Any, job: dict[str, Any], isolation: str) -> Outcome | None:
    """The outcome in a frame, or None where it is not one of this job."""
    if type(frame) is not dict or {key: type(value) for key, value in frame.items()} != _KINDS:
        return None
    if frame.pop("ticket") != job["ticket"] or not 0 <= frame["seconds"] < 1e9:
        return None
    if frame["status"] not in _STATUSES or frame["judged"] not in _JUDGED:
        return None
    if not 0 <= frame["peak_bytes"] < 1 << 60:
        return None
    for name in ("failure", "stdout", "stderr"):  # a lone surrogate could not be written to any file
        frame[name] = frame[name].encode("utf-8", "replace").decode()
    return Outcome(**frame, isolation=isolation)


def _temporary(chosen: str) -> str | None:
    """The folder for scratch folders; None for the system's own choice."""
    return chosen if chosen and Path(chosen).is_dir() else None


def _needs(language: str) -> list[str]:
    """A language's settings as JSON, then the folders that its programs need to read."""
    if language == "python":
        return ["{}", *dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))]
    toolchain = languages.prepared(language)
    return [json.dumps(dict(toolchain.settings)), *toolchain.readable]
