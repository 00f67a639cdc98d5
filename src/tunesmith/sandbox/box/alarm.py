"""An alarm for code that may spin in this very process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NoReturn

_GRACE = 2.0


class Alarm:
    """Ends code that spins: first by what ``ring`` raises, then, where that is swallowed, with this process.

    seconds: of CPU time that it may take.
    """

    def __init__(self, seconds: float, ring: Callable[[], NoReturn]) -> None:
        self._seconds, self._ring = seconds, ring

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, lambda *_: self._ring())
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds + _GRACE)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
