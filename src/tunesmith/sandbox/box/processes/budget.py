"""How long a program may take: seconds on a processor, and for one that sleeps a bound on the wall.

Time that a busy machine takes from the program, its tests or this process does not count, so that load
changes no verdict.
"""

from __future__ import annotations

import os
import time
from typing import NoReturn

from ..messages import channel
from . import orders

_IDLE_BEYOND = 2.0
_BLIND_FACTOR = 6.0
_TESTS_LEAST = 5.0
_LAST_WORDS = 0.05


class Clock:
    """Time that this process was busy or would have been, had there been a free processor."""

    def __init__(self) -> None:
        try:
            self._queued = os.open("/proc/self/schedstat", os.O_RDONLY)
        except OSError:
            self._queued = -1

    def busy(self) -> float:
        """Seconds since the process began."""
        queued = int(os.pread(self._queued, 64, 0).split()[1]) / 1e9 if self._queued >= 0 else 0.0
        return time.process_time() + queued


class WallBound:
    """A distant bound on the wall, for a compiler: its time is that of processes below the one that is seen,
    and the kernel's limit on the CPU time of each does the rest.

    over: the limit that was passed.
    """

    def __init__(self, limit: float) -> None:
        self.limit, self.over = limit, ""
        self._began = time.monotonic()
        self._look_at = self._began + limit + 0.005

    def nap(self) -> float:
        """Seconds until the limits must be looked at again; looks where it is time. Raises OverLimit."""
        nap = self._look_at - time.monotonic()
        if nap <= 0:
            nap = self._check()
            self._look_at = time.monotonic() + nap
        return nap

    def _check(self) -> float:
        """Seconds after which to look again. Raises OverLimit where a limit is passed."""
        allowed = (self.limit + _IDLE_BEYOND) * _BLIND_FACTOR
        return self._left("wall time of the compiler", allowed - (time.monotonic() - self._began))

    def _left(self, limit: str, seconds: float) -> float:
        if seconds <= 0:
            self.over = limit
            raise channel.OverLimit
        return max(0.005, seconds)


class Budget(WallBound):
    """The limits of one program and its tests.

    late: the limit at which the program was asked for what it held back; a test may then still fail, but
    the program has not passed.
    """

    def __init__(self, limit: float, server: orders.Server, clock: Clock) -> None:
        super().__init__(limit)
        self.of_tests = 2 * limit + _TESTS_LEAST
        self.late = ""
        self.tests_server: orders.Server | None = None
        self._server = server
        self._clock, self._own_began = clock, clock.busy()
        self._used = self._waited = 0.0  # before what is now asked of the program

    def renew(self, limit: float) -> None:
        """Count from here on."""
        so_far = self._server.probe()
        self._used, self._waited = so_far.cpu, max(0.0, so_far.queued)
        self.limit, self._began, self._own_began = limit, time.monotonic(), self._clock.busy()
        self._look_at = self._began + limit + 0.005

    def last_words(self) -> float:
        """Seconds for the program to hand over what it has ready; once, then this raises OverLimit."""
        if self.late:
            raise channel.OverLimit
        self.late, self.over = self.over, ""
        self._look_at = time.monotonic() + _LAST_WORDS
        return _LAST_WORDS

    def tests_are_over(self) -> NoReturn:
        """The tests have spun in the judge for as long as they may."""
        self.over = "cpu time of the tests"
        raise channel.OverLimit

    def _check(self) -> float:
        program = self._server.probe()
        used = program.cpu - self._used
        left = self._left("cpu time", self.limit - used)
        waited = max(0.0, program.queued) - self._waited
        busy = used + waited + self._clock.busy() - self._own_began
        if self.tests_server is not None:
            tests = self.tests_server.probe()
            left = min(left, self._left("cpu time of the tests", self.of_tests - tests.cpu))
            busy += tests.cpu + max(0.0, tests.queued)
        allowed = (self.limit + _IDLE_BEYOND) * (_BLIND_FACTOR if program.queued < 0 else 1)
        return min(left, self._left("wall time", allowed - (time.monotonic() - self._began - busy)))
