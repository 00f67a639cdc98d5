"""An alarm for code that may spin in this very process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NoReturn


class Alarm:
    """Ends code that spins: first by what ``ring`` raises, then, where that is swallowed, with this process.

    seconds: of CPU time that it may take.  grace: seconds more for a single operation in C, during
    which nothing can be raised.
    """

    def __init__(self, seconds: float, ring: Callable[[], NoReturn], grace: float = 2.0) -> None:
        self._seconds, self._ring, self._grace = seconds, ring, grace

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, lambda *_: self._ring())
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds + self._grace)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
