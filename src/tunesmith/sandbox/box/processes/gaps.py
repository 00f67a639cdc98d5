"""Fills the gaps between the objects of a process that forks.

A child's first objects then lie side by side. In the gaps they would lie on dozens of pages, each of
which would be copied for it.
"""

from __future__ import annotations

import sys

_POOL, _LARGEST, _MOST, _HEAD = 1 << 14, 512, 20_000, sys.getsizeof(b"")


def fill() -> list[bytes | None]:
    """What fills the gaps, to be kept as long as the process forks."""
    filling: list[bytes | None] = [None] * _MOST  # now, since to grow it would make gaps and fill them
    kept = 0
    for size in range(48, _LARGEST + 1, 16):
        whole = _POOL // size - 2
        first, last = kept, 0
        while kept < _MOST and kept - first < whole:  # a pool of its own: no gap is left
            filling[kept] = thing = bytes(size - _HEAD)
            if id(thing) != last + size:
                first = kept
            kept += 1
            last = id(thing)
        filling[first:kept] = [None] * (kept - first)
        kept = first
    return filling[:kept]
