"""MinHash with banding (Broder 1997; Leskovec et al., Mining of Massive Datasets, Section 3.4).

A text is the set of its n-grams of tokens; operators and brackets are tokens, so ``a + b`` and ``a - b``
differ. The chance that two sets share a MinHash is their Jaccard similarity. Texts that agree in a whole
band of MinHashes are candidates; callers compare the candidates' sets to be certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from ..code.words import tokens

BANDS = 20
RECALL = 0.99
"""Least chance that a pair exactly at the threshold becomes a candidate."""
_ROWS = 8
"""Most MinHashes in a band."""


def shingles(text: str, ngram: int) -> np.ndarray:
    """Hashes of the distinct n-grams of tokens, sorted, uint64; of a shorter text, of all its tokens."""
    hashes = np.array([_hash_token(token) for token in tokens(text.lower())], np.uint64)
    width = min(ngram, len(hashes))
    last = len(hashes) - width + 1
    grams = np.zeros(last, np.uint64)
    for place in range(width):
        grams = _stir(grams + hashes[place : place + last])
    return np.unique(grams)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Share of two sets' elements that both have; sorted arrays without repeats."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(len(one) + len(other) - both, 1)


def rows_per_band(threshold: float) -> int:
    """MinHashes in each band: the most that find a pair at ``threshold`` with chance ``RECALL``."""
    enough = [r for r in range(1, _ROWS + 1) if 1 - (1 - threshold**r) ** BANDS >= RECALL]
    return max(enough, default=1)


def band_hashes(sets: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """One hash per band of each text, uint64 of shape (texts, ``BANDS``); texts that share one are
    candidates.

    sets: hashes of n-grams, at least one in each.  rows: MinHashes per band.
    """
    flat = np.concatenate(sets)
    starts = np.cumsum([0, *map(len, sets[:-1])])
    bands = np.zeros((len(sets), BANDS), np.uint64)
    for band in range(BANDS):
        for row in range(rows):
            salt = np.uint64(hash_text(f"{band}/{row}"))
            bands[:, band] = _stir(bands[:, band] + np.minimum.reduceat(_stir(flat ^ salt), starts))
    return bands


def hash_text(text: str) -> int:
    """64 bits of a text, the same on every machine."""
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "little")


@lru_cache(maxsize=100_000)
def _hash_token(token: str) -> int:
    return hash_text(token)


def _stir(values: np.ndarray) -> np.ndarray:
    """A permutation of 64-bit numbers that mixes every bit into every other (MurmurHash3's finaliser)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return np.asarray(values ^ (values >> np.uint64(33)))
