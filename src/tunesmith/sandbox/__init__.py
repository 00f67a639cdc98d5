"""Runs untrusted programs and says how each one ended.

    with open_sandbox() as pool:
        for outcome in pool.run(programs): ...

The strongest isolation this machine has is used and named in every outcome; ``levels()`` says what
each level stops and what it does not. The tests decide in another process than the program's.
"""

from __future__ import annotations

from ..machine import available_cores
from .levels import Level, choose, levels, spare
from .pool import Pool

__all__ = ["Level", "Pool", "levels", "open_sandbox"]


def open_sandbox(workers: int | None = None, isolation: str | None = None) -> Pool:
    """A pool of ``workers`` programs at a time (default: one a core).

    isolation: the level, by its name; default: the strongest this machine has.
    Raises SetupError where the isolation named is unknown or unavailable on this machine.
    """
    level = choose(isolation)
    return Pool(workers or available_cores(), level, spare(level))
