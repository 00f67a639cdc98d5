"""What the caller knows of a language, and the folder for what is prepared once and kept."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SetupError
from ...files import user_cache

_UNUSED_SECONDS = 60 * 24 * 3600


@dataclass(frozen=True)
class Toolchain:
    """What was found on this machine.

    version: for people.  settings: plain data for the box's half of the language.
    readable: folders that the box must show in addition to those of the system.
    """

    version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    readable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Language:
    """One language.

    install: how to get its toolchain.  find: the toolchain, or None; quick.  prepare: adds what is made
    once for all programs and kept; it may take seconds.
    cpu_seconds, memory_bytes: limits of a program that sets none.
    """

    name: str
    install: str
    find: Callable[[], Toolchain | None]
    prepare: Callable[[Toolchain], Toolchain] = lambda found: found
    cpu_seconds: float = 10.0
    memory_bytes: int = 1 << 30


def said(*command: str) -> str:
    """The first line that a trusted command prints, or nothing where it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()


def home(program: str) -> tuple[str, ...]:
    """The folder that a program and its parts are installed in, unless the box shows it anyway.

    Never one with more of the user's files in it: such a program will not be found in the box.
    """
    folder, own = Path(program).resolve().parent.parent, Path.home().resolve()
    shown = Path("/usr") in (folder, *folder.parents)
    private = folder in (Path("/"), own, own / ".local", *own.parents)
    return () if shown or private else (str(folder),)


def kept(name: str, key: object, make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` filled for this ``key``, made once on this machine.

    Processes that need it at the same time wait for the one that makes it, and none sees it half done: it
    counts once a mark is set in it. It is made in its final folder, since compilers record absolute paths.
    Raises SetupError where it cannot be made.
    """
    digest = hashlib.sha256(json.dumps([name, key]).encode()).hexdigest()[:16]
    folder = _root() / f"{name}-{digest}"
    mark = folder / "made"
    if not mark.exists():
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not mark.exists():
                logging.getLogger("tunesmith.sandbox").info("preparing %s, once on this machine", name)
                _make(name, folder, make)
                mark.touch()
        _forget(folder.parent, name)
    with contextlib.suppress(OSError):  # made by another user, who will remove it
        mark.touch()
    return folder


def _make(name: str, folder: Path, make: Callable[[Path], None]) -> None:
    """Make it anew, without what an interrupted process may have left there."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        folder.chmod(0o755)
        make(folder)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        problem = f"cannot prepare {name}: {_reason(error)}"
        raise SetupError("sandbox", problem, "check the toolchain; `tunesmith doctor` names it") from None


def _forget(root: Path, name: str) -> None:
    """Remove what was not used for months, such as what was made for a compiler since replaced."""
    for folder in root.glob(f"{name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - (folder / "made").stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What a trusted command prints, run in ``folder``. Raises SubprocessError where it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=600,
    )  # fmt: skip
    return done.stdout


def _reason(error: Exception) -> str:
    message = getattr(error, "stderr", "") or str(error)
    return message.strip()[-500:]


def _root() -> Path:
    """Where prepared things are kept; readable by the user that programs run as."""
    chosen = Path(os.environ.get("TUNESMITH_TOOLCHAINS") or user_cache() / "toolchains")
    try:
        chosen.mkdir(parents=True, exist_ok=True)
    except OSError:
        chosen = Path(tempfile.gettempdir()) / f"tunesmith-{os.getuid()}-toolchains"
        chosen.mkdir(mode=0o755, exist_ok=True)
    return chosen.resolve()
