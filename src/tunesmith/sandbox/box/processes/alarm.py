"""An alarm for code that may spin in the judge, and the keeper's watch over it."""

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
    """Where a judge notes until when it may go on with what it does, and its keeper looks.

    A judge that is the first process of its namespace cannot be ended by a timer of its own. Both share
    a page, made before the judge is forked and hidden from whatever the keeper forks later.
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
    """Ends code that spins: by what ``ring`` raises, and where that does not help, with this process.

    What is raised may be swallowed by tests that catch everything, and waits for an operation in C to end.

    seconds: of CPU time that it may take.  watch: the watch over this process, where there is one: a fact
    of the process, like its timers, and not of those who set the alarm.
    """

    watch: Watch | None = None

    def __init__(self, seconds: float, ring: Callable[[], NoReturn]) -> None:
        self._seconds, self._ring = seconds, ring

    def __enter__(self) -> None:
        if self.watch is not None:
            self.watch.until(time.process_time() + self._seconds + _GRACE)
            # For a keeper that cannot see its judge's clock (macOS); no other has a judge to kill then.
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds + 2 * _GRACE)
        signal.signal(signal.SIGPROF, lambda *_: self._ring())
        signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *_: object) -> None:
        try:
            signal.setitimer(signal.ITIMER_PROF, 0)
        finally:  # it may just ring
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if self.watch is not None:
                self.watch.until(0.0)
