"""Python's search for cyclic garbage, put off while many objects come that are none.

A thousand requests at once keep some hundred thousand objects alive, and so does a file of problems while
it is read; Python searches them all again and again. Searched seldom, a request costs a quarter to a
third less CPU (256 and 1,024 in flight) and HumanEval+ is read in two thirds of the time; what is not
cyclic is freed at once as ever.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (20_000, 20, 20)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Leave alone what stands, and search what comes every 20,000 objects; as before afterwards.

    For the whole process, so use it around one window of requests, or one file, at a time.
    """
    _windows.enter()
    try:
        yield
    finally:
        _windows.leave()


class _Windows:
    """Those that are open, in any thread: the first puts the search off, the last has it as it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._before = gc.get_threshold()

    def enter(self) -> None:
        with self._lock:
            self._open += 1
            if self._open == 1:
                self._before = gc.get_threshold()
                gc.freeze()
                if self._before[0]:  # 0: somebody has switched the search off
                    gc.set_threshold(*_SELDOM)

    def leave(self) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0:
                gc.set_threshold(*self._before)
                gc.unfreeze()


_windows = _Windows()
