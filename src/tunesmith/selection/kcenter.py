"""``selection.kcenter``: a small set of rows such that no row is far from it (K-center greedy).

WaveCoder's coreset (2312.14187, Section 2.2; Sener and Savarese 2018, 1708.00489): begin with one row drawn
by the seed, then take the row that is farthest (L2) from all rows taken, again and again.

Done naively this reads all vectors for every row taken. But distances only fall. So the ``BLOCK`` farthest
rows are set apart, small enough for the processor's cache. As long as the farthest of them is farther than
every other row was at that moment, it is the farthest of all. After that one matrix product updates all rows.
Vectors are rounded to whole numbers (``whole_vectors``), so that every machine chooses the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..rows import Table
from ..sample import Drop, TextField
from ..step import Context, Step, Yield
from ._shares import Size, rows_of
from ._vectors import whole_vectors

BLOCK = 4096
"""Rows set apart at once; their vectors should fit in the processor's cache."""
_CELLS = 1 << 22
"""Distances in memory at once while all rows are updated."""


class KCenter(Step):
    """Keeps the `size` rows of a K-center greedy coreset, in their order, and drops the others."""

    size: Size
    """How many rows: a number, or a share such as 0.1."""
    field: TextField
    """The text that is embedded."""
    embedder: str = "hashing"
    """`hashing` (offline), or the name of a sentence-transformers model."""

    def expects(self, rows: int) -> int:
        return min(rows_of(self.size, rows), rows)

    def table(self, rows: Table, ctx: Context) -> Yield:
        texts = (text for (text,) in rows.columns(self.field))
        vectors = whole_vectors(texts, len(rows), ctx.embedder(self.embedder))
        size = rows_of(self.size, len(rows))
        first = ctx.chance().randrange(len(rows)) if len(rows) else 0
        coreset = greedy(vectors.values, size, first)
        place = {row: order for order, row in enumerate(coreset.rows.tolist())}
        radius = round(float(np.sqrt(max(coreset.nearest.max(initial=0.0), 0.0))) / vectors.scale, 6)
        for row, sample in enumerate(rows):
            if row in place:
                yield sample.noted(coreset_place=place[row], coreset_radius=radius)
            else:
                distance = round(float(np.sqrt(coreset.nearest[row])) / vectors.scale, 6)
                yield Drop(sample.noted(coreset_distance=distance), "not in the coreset")


class Coreset(NamedTuple):
    """rows: indices in the order they were taken, of shape (size,).

    nearest: float32 of shape (rows,), each row's squared distance to the nearest taken one, in whole
    units; taken rows have 0.
    """

    rows: np.ndarray
    nearest: np.ndarray


def greedy(values: np.ndarray, size: int, first: int, block: int = BLOCK) -> Coreset:
    """The K-center greedy choice of ``size`` rows, beginning with ``first``; ties go to the earlier row.

    values: whole numbers of shape (rows, dimensions), with rows of length under 2^11.
    Rows that repeat a taken one are taken only when nothing else is left.
    """
    count = len(values)
    size = min(size, count)
    if not size:
        return Coreset(np.zeros(0, np.int64), np.zeros(count, np.float32))
    taken, new = [first], [first]
    nearest = np.full(count, np.inf, np.float32)
    _update(nearest, values, new)
    while len(taken) < size:
        new = _block(values, nearest, size - len(taken), block)
        _update(nearest, values, new)
        taken += new
    return Coreset(np.array(taken, np.int64), np.maximum(nearest, 0))


def _block(values: np.ndarray, nearest: np.ndarray, wanted: int, block: int) -> list[int]:
    """The next rows of the greedy choice: as many as the block makes certain, at most ``wanted``."""
    rank = _rank(nearest, np.arange(len(nearest)))
    if block < len(rank):
        # bound: the rank of the farthest row outside the block, which can only fall while the block is used.
        order = np.argpartition(rank, -block - 1)
        inside, bound = np.sort(order[-block:]), rank[order[-block - 1]]
    else:
        inside, bound = np.arange(len(rank)), np.int64(-(2**62))
    vectors, left = values[inside].astype(np.float32), nearest[inside]
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    picked: list[int] = []
    while len(picked) < wanted:
        here = int(np.argmax(left))
        if _rank(left[here], inside[here]) <= bound:
            break
        picked.append(int(inside[here]))
        distances = lengths + lengths[here] - 2 * (vectors @ vectors[here])
        np.minimum(left, distances, out=left)
        left[here] = -1
    return picked


def _rank(distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """int64 that orders rows as the greedy choice does: the farthest first, then the earlier one."""
    return np.asarray((distances.astype(np.int64) << 32) - rows)


def _update(nearest: np.ndarray, values: np.ndarray, centres: list[int]) -> None:
    """Update every row's distance with new centres, by |x|^2 - 2xc + |c|^2; centres themselves get -1."""
    taken = values[centres].astype(np.float32)
    own = np.einsum("ij,ij->i", taken, taken)
    step = max(_CELLS // max(taken.shape), 1)
    for start in range(0, len(values), step):
        some, part = values[start : start + step].astype(np.float32), nearest[start : start + step]
        lengths = np.einsum("ij,ij->i", some, some)
        distances = (some @ (-2 * taken).T) + own
        np.minimum(part, distances.min(axis=1) + lengths, out=part)
    nearest[centres] = -1
