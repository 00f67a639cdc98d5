"""Unit vectors as vectors of whole numbers, small enough that every sum over them is exact in float32.

Their length stays under 2^11, so dot products stay under 2^22 and squared distances under 2^24, whatever
the order of additions: any BLAS, thread count or chunk size gives the same bits, hence the same choice.
Rounding moves a distance by about a thousandth.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..step import Embedder

LENGTH = 2047.0
"""Most that a vector's length may become."""
TEXTS = 512
"""Texts embedded at once."""


class WholeVectors(NamedTuple):
    """values: int16 of shape (texts, dimensions).  scale: what a unit vector's length became."""

    values: np.ndarray
    scale: float


def whole(units: np.ndarray) -> WholeVectors:
    """Unit vectors, float32 of shape (texts, dimensions), in whole numbers."""
    scale = float(LENGTH - np.sqrt(units.shape[1]) / 2)  # rounding adds up to half a unit a dimension
    return WholeVectors(np.rint(units * np.float32(scale)).astype(np.int16), scale)


def whole_vectors(texts: Iterable[str], count: int, embedder: Embedder) -> WholeVectors:
    """``count`` texts, embedded a chunk at a time."""
    values, scale, start = np.zeros((count, 0), np.int16), 1.0, 0
    waiting = iter(texts)
    while some := list(islice(waiting, TEXTS)):
        chunk, scale = whole(embedder.embed(some))
        if not start:
            values = np.empty((count, chunk.shape[1]), np.int16)
        values[start : start + len(some)] = chunk
        start += len(some)
    return WholeVectors(values, scale)
