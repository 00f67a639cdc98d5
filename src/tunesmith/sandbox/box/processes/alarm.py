"""An alarm for code that may not end in the judge, and the supervisor's watch over it."""

from __future__ import annotations

import mmap
import signal
import struct
import time
from collections.abc import Callable
from typing import NoReturn

_GRACE = 2.0
_DEADLINE = struct.Struct("<d")


class Watch:
    """Where a judge notes until when it may go on with what it does, for its supervisor to read.

    A judge that is the first process of its namespace cannot be killed by a timer of its own: the kernel
    ignores deadly signals to process 1 from inside. Both share a page of memory, made before the judge is
    forked and hidden from whatever the supervisor forks later.
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def hide(self) -> None:
        """Keep the page from processes that this one forks from now on."""
        if hasattr(mmap, "MADV_DONTFORK"):
            self._page.madvise(mmap.MADV_DONTFORK)

    def until(self, deadline: float) -> None:
        """Note a deadline in CPU seconds of the judge's life; 0 is none."""
        _DEADLINE.pack_into(self._page, 0, deadline)

    def is_over(self, used: float) -> bool:
        """Whether a judge that has used so many CPU seconds should have ended what it does."""
        deadline: float = _DEADLINE.unpack_from(self._page)[0]
        return 0.0 < deadline < used


class Alarm:
    """Ends code that runs too long: by what ``ring`` raises, and where that does not help, with this process.

    What is raised may be caught by tests that catch everything, and a single operation in C ends first.

    seconds: of CPU time that it may take.  watch: the supervisor's watch over this process, where there is
    one; of the class, since a process has one, as it has one timer.
    """

    watch: Watch | None = None

    def __init__(self, seconds: float, ring: Callable[[], NoReturn]) -> None:
        self._seconds, self._ring = seconds, ring

    def __enter__(self) -> None:
        if self.watch is not None:
            self.watch.until(time.process_time() + self._seconds + _GRACE)
            # Kills this process where a supervisor cannot read its clock (macOS).
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds + 2 * _GRACE)
        signal.signal(signal.SIGPROF, lambda *_: self._ring())
        signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *_: object) -> None:
        try:
            signal.setitimer(signal.ITIMER_PROF, 0)
        finally:  # the alarm may ring at this very moment
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if self.watch is not None:
                self.watch.until(0.0)
