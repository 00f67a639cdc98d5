"""An alarm for code that may spin in the judge, and the keeper's watch over it."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable
from typing import NoReturn

_GRACE = 2.0
_DEADLINE = struct.Struct("<d")


class Watch:
    """Where a judge notes until when it may go on with what it does, and its keeper looks.

    A judge that is the first process of its namespace cannot be ended by a timer of its own.
    """

    def __init__(self, folder: str) -> None:
        path = os.path.join(folder, "watch")
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(path)
        self.until(0.0)

    def until(self, deadline: float) -> None:
        """Note a deadline in CPU seconds of the judge's life; 0 is none."""
        os.pwrite(self.descriptor, _DEADLINE.pack(deadline), 0)

    def is_over(self, used: float) -> bool:
        """Whether a judge that has used so many CPU seconds should have ended what it does."""
        deadline: float = _DEADLINE.unpack(os.pread(self.descriptor, _DEADLINE.size, 0))[0]
        return 0.0 < deadline < used


class Alarm:
    """Ends code that spins: by what ``ring`` raises, and where that does not help, with this process.

    It is swallowed by tests that catch everything, and waits for a single operation in C to end.

    seconds: of CPU time that it may take.  watch: the watch over this process, once there is one.
    """

    watch: Watch | None = None

    def __init__(self, seconds: float, ring: Callable[[], NoReturn]) -> None:
        self._seconds, self._ring = seconds, ring

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, lambda *_: self._ring())
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        if self.watch is not None:
            self.watch.until(time.process_time() + self._seconds + _GRACE)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if self.watch is not None:
            self.watch.until(0.0)
