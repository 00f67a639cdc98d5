"""Speed and gain of ``selection.kcenter``, on the functions of this Python's own library.

    OPENBLAS_NUM_THREADS=1 python benchmarks/kcenter.py [--rows 50000] [--size 5000]

Beside it: the same greedy choice with one matrix-vector product per pick, and rows drawn at random. The
functions are repeated in other words where there are fewer than ``rows``.
"""

from __future__ import annotations

import argparse
import time
from itertools import count

import numpy as np

from tunesmith.embed import open_embedder
from tunesmith.sample import Sample
from tunesmith.selection._vectors import whole_vectors
from tunesmith.selection.kcenter import greedy
from tunesmith.sources.folder import Folder
from tunesmith.step import Context

PLAIN_PICKS = 200


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", type=int, default=50_000)
    asked.add_argument("--size", type=int, default=5_000)
    given = asked.parse_args()

    texts = functions(given.rows)
    began = time.process_time()
    values, scale = whole_vectors(texts, len(texts), open_embedder("hashing"))
    took = time.process_time() - began
    print(f"{len(texts):,} functions embedded in {took:.1f} CPU s, {values.nbytes / 1e6:.0f} MB")

    began = time.process_time()
    coreset = greedy(values, given.size, 0)
    took = time.process_time() - began
    print(f"K-center greedy, {given.size:,} rows: {took:.1f} CPU s")

    began = time.process_time()
    same = plain(values, PLAIN_PICKS)
    plain_took = (time.process_time() - began) * given.size / PLAIN_PICKS
    agreed = (coreset.rows[:PLAIN_PICKS] == same).all()
    print(f"one product per pick: {plain_took:.1f} CPU s by {PLAIN_PICKS} picks; the same rows: {agreed}")

    drawn = np.random.default_rng(0).permutation(len(values))[: given.size]
    for name, distances in (("K-center", coreset.nearest), ("random", nearest_to(values, drawn))):
        away = np.sqrt(distances) / scale
        print(f"{name:9} covering radius {away.max():.3f}, mean distance to the nearest {away.mean():.3f}")


def functions(rows: int) -> list[str]:
    """So many functions; from the second round on, each with a word of its own."""
    read = Folder(methods=True).source(Context("raw"))
    real = [row.code for row in read if isinstance(row, Sample)]
    found = list(real)
    for again in count(2):
        if len(found) >= rows:
            return found[:rows]
        found += [f"{code}\n# variant{again} number{place}" for place, code in enumerate(real)]
    return found


def plain(values: np.ndarray, picks: int) -> np.ndarray:
    """K-center greedy with one matrix-vector product per pick."""
    vectors = values.astype(np.float32)
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    nearest, taken = np.full(len(values), np.inf, np.float32), [0]
    for _ in range(picks):
        centre = taken[-1]
        np.minimum(nearest, lengths + lengths[centre] - 2 * (vectors @ vectors[centre]), out=nearest)
        nearest[centre] = -1
        taken.append(int(np.argmax(nearest)))
    return np.array(taken[:picks])


def nearest_to(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance of every row to the nearest of ``centres``, float32 of shape (rows,)."""
    taken = values[centres].astype(np.float32)
    own = np.einsum("ij,ij->i", taken, taken)
    found = []
    for start in range(0, len(values), 1000):
        some = values[start : start + 1000].astype(np.float32)
        lengths = np.einsum("ij,ij->i", some, some)
        found.append((own - 2 * (some @ taken.T)).min(axis=1) + lengths)
    return np.maximum(np.concatenate(found), 0)


if __name__ == "__main__":
    main()
