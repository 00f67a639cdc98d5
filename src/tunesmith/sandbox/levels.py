"""The levels of isolation, strongest first: what each stops, what it does not, which this machine has.

A level counts as available only if a worker has really started at it: kernels, containers and
distributions forbid parts of it in too many ways to be looked up.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from functools import cache

from ..errors import SetupError, nearest
from .worker import Worker

_ALWAYS = "endless loops, memory, file size and output without bound; passes forged from another process"
_CALLS = "network, new processes, signals to others, tracing, kernel interfaces; " + _ALWAYS
_FILES = "reading and writing outside the scratch folder and the read-only system folders"
_OWN = (
    "seeing, signalling or outliving other processes; a network; any file of the user; filling the disk "
    "(scratch is 256 MiB of memory)"
)
_LEVELS = {
    "namespaces": (f"{_OWN}; {_CALLS}", "a hole in the kernel itself"),
    "landlock": (
        f"{_FILES}; {_CALLS}",
        "a hole in the kernel; seeing other processes' names; filling the disk under the scratch folder",
    ),
    "seccomp": (_CALLS, "reading and writing the user's files; filling the disk; a hole in the kernel"),
    "rlimits": (_ALWAYS, "the user's files, network, processes that outlive the run, signals to others"),
}
NAMES = tuple(_LEVELS)

_START_SECONDS = 30.0
_spare: dict[str, tuple[int, Worker]] = {}


@dataclass(frozen=True, slots=True)
class Level:
    """One level. ``stops`` and ``not_stopped`` are for people; ``why`` says why it is not available."""

    name: str
    available: bool
    stops: str
    not_stopped: str
    why: str = ""


def levels() -> list[Level]:
    """Every level, strongest first, tried on this machine."""
    tried = []
    for name, (stops, not_stopped) in _LEVELS.items():
        why = obstacle(name)
        tried.append(Level(name, not why, stops, not_stopped, why))
        if (worker := spare(name)) is not None:
            worker.close()
    return tried


@cache
def obstacle(name: str) -> str:
    """Why no worker starts at this level; empty where one does. Tried once in the life of a process."""
    worker = Worker(name)
    why = "a worker does not start in time"
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not worker.ready and time.monotonic() < deadline:
            if worker.answers(wait=1.0) is None:
                why = "a worker does not start"
                break
    except SetupError as error:
        why = error.problem
    if not worker.ready:
        worker.close()
        return why
    _spare[name] = (os.getpid(), worker)
    return ""


def spare(name: str) -> Worker | None:
    """The worker that was started to try this level, for the first caller."""
    owner, worker = _spare.pop(name, (0, None))
    return worker if owner == os.getpid() else None


def choose(wanted: str | None) -> str:
    """The level asked for, or the strongest that is available.

    Raises SetupError where ``wanted`` is unknown or not available here.
    """
    if wanted is not None:
        if wanted not in _LEVELS:
            raise SetupError("sandbox", f"no isolation level {wanted!r}", nearest(wanted, _LEVELS))
        if why := obstacle(wanted):
            raise SetupError("sandbox", why, "`tunesmith doctor` lists the levels this machine has")
        return wanted
    name = next((name for name in _LEVELS if not obstacle(name)), None)
    if name is None:
        raise SetupError("sandbox", obstacle("rlimits"), "no program can be run on this machine")
    if name != NAMES[0]:
        logging.getLogger("tunesmith.sandbox").warning(
            "isolation is %r here, not %r (%s); it does not stop: %s",
            name, NAMES[0], obstacle(NAMES[0]), _LEVELS[name][1],
        )  # fmt: skip
    return name
