"""MinHash with banding (Broder 1997; Leskovec et al., Mining of Massive Datasets, Section 3.4).

A text is the set of its n-grams of tokens; operators and brackets are tokens, so ``a + b`` and ``a - b``
differ. The chance that two sets share a MinHash is their Jaccard similarity. Texts that agree in a whole
band of MinHashes are candidates; callers compare the candidates' sets to be certain.

All texts of a chunk are cut into tokens and hashed together, as one array of bytes: done text by text in
Python, cutting alone would take most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

import numpy as np

from ..code.words import tokens

BANDS = 20
RECALL = 0.99
"""Least chance that a pair exactly at the threshold becomes a candidate."""
_ROWS = 8
"""Most MinHashes in a band."""

_SPACE, _WORD, _SIGN = 0, 1, 2
# Kinds of bytes. Bytes from 128 on are parts of UTF-8 letters: texts that have them come cut into tokens.
_KINDS = np.full(256, _WORD, np.uint8)
for _code in range(128):
    if not re.match(r"\w", chr(_code)):
        _KINDS[_code] = _SPACE if re.match(r"[\s\0]", chr(_code)) else _SIGN


def shingles(text: str, ngram: int) -> np.ndarray:
    """Hashes of the distinct n-grams of tokens, sorted, uint64; of a shorter text, of all its tokens."""
    return np.unique(grams_of([text], ngram)[0])


def grams_of(texts: Sequence[str], ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the n-grams of texts, one text after the other, uint64, and where each text's begin.

    Every text has at least one; n-grams that repeat within a text are listed again.
    """
    hashes, counts = _token_hashes(texts)
    first = np.cumsum(counts) - counts  # of each text, its first token
    grams, short = np.zeros(len(hashes), np.uint64), np.zeros(len(texts), np.uint64)
    for width in range(1, ngram + 1):
        stop = max(len(hashes) - width + 1, 0)  # what runs on into the next text is left out below
        grams[:stop] = _stir(grams[:stop] + hashes[width - 1 :])
        whole = counts == width
        short[whole] = grams[first[whole]]
    sizes = np.maximum(counts - ngram + 1, 1)
    starts = np.cumsum(sizes) - sizes
    place = np.arange(sizes.sum()) - np.repeat(starts - first, sizes)
    found = grams.take(place, mode="clip") if len(grams) else np.zeros(len(place), np.uint64)
    found[starts[counts <= ngram]] = short[counts <= ngram]
    return found, starts


def _token_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The hash of every token of texts, one text after the other, and how many each text has."""
    lowered = [text.lower() for text in texts]
    parts = [
        (text if text.isascii() else "\0".join(tokens(text))).encode(errors="replace") for text in lowered
    ]
    data = np.frombuffer(b"\0".join(parts) + b"\0", np.uint8)
    kinds = _KINDS[data]
    starts = kinds == _SIGN
    starts[1:] |= (kinds[1:] == _WORD) & (kinds[:-1] != _WORD)
    starts[0] |= kinds[0] == _WORD
    begin = np.flatnonzero(starts)
    # A token's hash is sum(mix[byte] * P ** place) over its bytes modulo 2 ** 64, from running sums.
    # P is odd, so it has an inverse; a power of that removes the place of the token in the chunk.
    powers, inverse = _powers(len(data).bit_length())
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(np.where(kinds == _SPACE, np.uint64(0), _MIX[data]) * powers[: len(data)], out=sums[1:])
    end = np.append(begin[1:], len(data))  # white space after a token adds nothing
    hashes = _stir((sums[end] - sums[begin]) * inverse[begin])
    ends = np.cumsum([len(part) + 1 for part in parts])
    return hashes, np.diff(np.searchsorted(begin, ends), prepend=0)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Share of two sets' elements that both have; sorted arrays without repeats."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(len(one) + len(other) - both, 1)


def rows_per_band(threshold: float) -> int:
    """MinHashes in each band: the most that find a pair at ``threshold`` with chance ``RECALL``."""
    enough = [r for r in range(1, _ROWS + 1) if 1 - (1 - threshold**r) ** BANDS >= RECALL]
    return max(enough, default=1)


def band_hashes(grams: np.ndarray, starts: np.ndarray, rows: int) -> np.ndarray:
    """One hash per band of each text, uint64 of shape (texts, ``BANDS``); a shared one makes candidates.

    grams, starts: as ``grams_of`` returns them.  rows: MinHashes per band.
    """
    bands = np.zeros((len(starts), BANDS), np.uint64)
    small = (grams >> np.uint64(32)).astype(np.uint32)
    hashed = np.empty_like(grams)
    for band in range(BANDS):
        for row in range(rows):
            # Multiply-add and the high half (Dietzfelbinger 1996) are enough for input that is mixed already,
            # at a third of the work of _stir.
            factor, offset = _factors(band, row)
            np.multiply(small, factor, out=hashed, casting="unsafe")
            hashed += offset
            hashed >>= np.uint64(32)
            bands[:, band] = _stir(bands[:, band] + np.minimum.reduceat(hashed, starts))
    return bands


@cache
def _factors(band: int, row: int) -> tuple[np.uint64, np.uint64]:
    return np.uint64(hash_text(f"{band}/{row}/a") | 1), np.uint64(hash_text(f"{band}/{row}/b"))


def hash_text(text: str) -> int:
    """64 bits of a text, the same on every machine."""
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "little")


def _stir(values: np.ndarray) -> np.ndarray:
    """A permutation of 64-bit numbers that mixes every bit into every other (MurmurHash3's finaliser)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return np.asarray(values ^ (values >> np.uint64(33)))


_MIX = _stir(np.arange(1, 257, dtype=np.uint64))
_P = 0x9E3779B97F4A7C15


@cache
def _powers(bits: int) -> tuple[np.ndarray, np.ndarray]:
    """``_P`` and its inverse modulo 2 ** 64, each to the powers 0 to 2 ** bits - 1."""
    bases = np.repeat(np.array([[_P], [pow(_P, -1, 1 << 64)]], np.uint64), 1 << bits, axis=1)
    bases[:, 0] = 1
    powers = np.multiply.accumulate(bases, axis=1)
    return powers[0], powers[1]
