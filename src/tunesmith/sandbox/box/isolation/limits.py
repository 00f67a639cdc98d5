"""Resource limits, the part of isolation that every Unix has."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and its arguments."""

FILE_BYTES = 64 << 20
OPEN_FILES = 256
THREADS = 256
_STACK_BYTES = 64 << 20


def inherited(memory_bytes: int) -> None:
    """Set the limits that a fork server has itself, for its children to inherit."""
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, FILE_BYTES)
    lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    soften(resource.RLIMIT_AS, memory_bytes)
    soften(resource.RLIMIT_STACK, _STACK_BYTES)


def of_program(memory_bytes: int, cpu_seconds: float, processes: int) -> list[Call]:
    """The calls that limit one program.

    CPU time is only a backstop, far beyond the limit that the judge enforces, since the kernel counts it by
    timer ticks that meet the program at work: on a busy machine it counted 7 s where 4.5 were used.
    """
    wanted = [(resource.RLIMIT_CPU, 2 * int(cpu_seconds) + 10)]
    if memory_bytes:
        wanted.append((resource.RLIMIT_AS, memory_bytes))
    if processes:
        wanted.append((resource.RLIMIT_NPROC, processes))
    return [(_set, (kind, (_bound(kind, value),) * 2)) for kind, value in wanted]


def lower(kind: int, value: int) -> None:
    """Set soft and hard limit to ``value``, or to what they are if that is less."""
    _set(kind, (_bound(kind, value),) * 2)


def soften(kind: int, value: int) -> None:
    """Set the soft limit only, so that a child may be given more."""
    _set(kind, (_bound(kind, value), resource.getrlimit(kind)[1]))


def _bound(kind: int, value: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _set(kind: int, limits: tuple[int, int]) -> None:
    try:
        resource.setrlimit(kind, limits)
    except (ValueError, OSError):  # macOS refuses some limits that it does not enforce
        return
