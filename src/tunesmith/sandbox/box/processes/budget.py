"""How long a program may take: seconds on a processor, and for one that sleeps a bound on the wall.

Time that a busy machine takes from the program, its tests or this process does not count, so that load
changes no verdict.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NoReturn

from ..messages import channel
from . import protocol

_IDLE_BEYOND = 2.0
"""Seconds that a program may sleep beyond its limit of CPU seconds."""
_BLIND_FACTOR = 6.0
"""The wall bound is so much further away where waiting for a processor cannot be told from sleeping."""
_TESTS_LEAST = 5.0
_ANSWER_INTERVAL = 0.25
"""Seconds between two looks at whether answers come, where the time for each is limited."""
_GRACE = 0.05


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
    """A distant bound on wall time, for a compiler. Its CPU time is spent by processes below the one that can
    be seen, so the kernel's limit on each process does the rest.

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

    line_ready: whether an answer has come that was not read yet.
    late: the limit at which the program was asked for the answers it had buffered; a test may then still
    fail, but the program has not passed.
    """

    def __init__(self, limit: float, server: protocol.ForkServer, clock: Clock) -> None:
        super().__init__(limit)
        self.of_tests = 2 * limit + _TESTS_LEAST
        self.late = ""
        self.tests_server: protocol.ForkServer | None = None
        self._server = server
        self._clock = clock
        self._used = 0.0  # CPU seconds before what is now asked of the program
        self._answer_limit, self._answers = 0.0, 0
        self._answers_seen, self._used_at_answer = 0, 0.0
        self.line_ready: Callable[[], bool] = lambda: False
        self._start_idle_clock(0.0)

    def _start_idle_clock(self, waited: float) -> None:
        self._idle = 0.0
        self._seen_at, self._seen_busy = time.monotonic(), self._used + waited + self._clock.busy()

    def renew(self, limit: float) -> None:
        """Count from here on."""
        so_far = self._server.probe()
        self._used = so_far.cpu
        self._start_idle_clock(max(0.0, so_far.queued))
        self.limit, self._began = limit, self._seen_at
        self._look_at = self._began + limit + 0.005

    def limit_answers(self, seconds: float) -> None:
        """From now on, limit the CPU seconds between two answers, and not only those of all together."""
        self._answer_limit = seconds
        self._answers_seen, self._used_at_answer = self._answers, self._server.probe().cpu
        self._look_at = min(self._look_at, time.monotonic() + _ANSWER_INTERVAL)

    def answered(self) -> None:
        """Count an answer. When it came is only looked up at the next check, so that this costs nothing."""
        self._answers += 1

    def grace(self) -> float:
        """Seconds for the program to hand over the answers it has; once, then this raises OverLimit."""
        if self.late:
            raise channel.OverLimit
        self.late, self.over = self.over, ""
        self._look_at = time.monotonic() + _GRACE
        return _GRACE

    def tests_are_over(self) -> NoReturn:
        """The judge has worked on this program and its tests for as long as it may."""
        self.over = "cpu time of the tests"
        raise channel.OverLimit

    def _check(self) -> float:
        program = self._server.probe()
        left = self._left("cpu time", self.limit - (program.cpu - self._used))
        busy = program.cpu + max(0.0, program.queued) + self._clock.busy()
        if self.tests_server is not None:
            tests = self.tests_server.probe()
            left = min(left, self._left("cpu time of the tests", self.of_tests - tests.cpu))
            busy += tests.cpu + max(0.0, tests.queued)
        if self._answer_limit:
            if self._answers != self._answers_seen or self.line_ready():
                self._answers_seen, self._used_at_answer = self._answers, program.cpu
            used = program.cpu - self._used_at_answer
            left = min(left, self._left("cpu time", self._answer_limit - used), _ANSWER_INTERVAL)
        # Time in which somebody worked, or waited for a processor, is not idle; but of the time since the
        # last look never more than has passed, or many threads at once could save up for a long sleep.
        now = time.monotonic()
        passed = now - self._seen_at
        self._idle += passed - min(passed, max(0.0, busy - self._seen_busy))
        self._seen_at, self._seen_busy = now, busy
        allowed = (self.limit + _IDLE_BEYOND) * (_BLIND_FACTOR if program.queued < 0 else 1)
        return min(left, self._left("wall time", allowed - self._idle))
