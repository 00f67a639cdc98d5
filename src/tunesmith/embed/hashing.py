"""``hashing``: the embedder that needs no weights and no network.

A text is the set of its subwords (``snake_case`` and ``camelCase`` split, lower case), of their beginnings
(so that ``sorted`` is near ``sorting``) and of its operators. Every such feature adds +1 or -1 to a few
dimensions that its hash chooses: a sparse random projection, which keeps inner products on average
(feature hashing, Weinberger et al. 2009, 0902.2206). Words that occur in nearly every text count half.

Sums are whole numbers until the last division, so a text has the same vector, bit for bit, on every machine.
It measures shared words, not shared meaning: a paraphrase in other words is far away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

DIMENSIONS = 384
SPREAD = 4
"""Dimensions that one feature touches."""
_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PIECE = re.compile(r"[^\W\d_]+|\d|[-+*/%<>=!&|^]+")
_BEGINNING = 4
_COMMON = frozenset(
    word
    for line in (
        "a an and are as at be by can def elif else false for from given have if in int into is it its len",
        "none not of on or print range return self should str that the then this to true using var void was",
        "which will with you your",
    )
    for word in line.split()
)


class HashingEmbedder:
    """Texts to unit vectors of ``DIMENSIONS`` dimensions; a text without a word is the zero vector."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape (texts, ``DIMENSIONS``)."""
        cells, signs = [np.zeros(0, np.int64)], [np.zeros(0)]
        for row, text in enumerate(texts):
            for feature in features(text):
                places, sign = _projection(feature)
                cells.append(places + row * DIMENSIONS)
                signs.append(sign)
        sums = np.bincount(np.concatenate(cells), np.concatenate(signs), len(texts) * DIMENSIONS)
        vectors = sums.astype(np.float64).reshape(len(texts), DIMENSIONS)
        lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
        vectors = np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return np.asarray(vectors, np.float32)


def features(text: str) -> list[str]:
    """The distinct features of a text, in order of first appearance."""
    words = [word.lower() for word in _PIECE.findall(_JOINT.sub(" ", text))]
    beginnings = (f"{word[:_BEGINNING]}-" for word in words if len(word) > _BEGINNING)
    return list(dict.fromkeys([*words, *beginnings]))


@lru_cache(maxsize=200_000)
def _projection(feature: str) -> tuple[np.ndarray, np.ndarray]:
    """Dimensions, int64 of shape (``SPREAD``,), and what to add there."""
    digest = np.frombuffer(blake2b(feature.encode(errors="replace"), digest_size=4 * SPREAD).digest(), "<u4")
    weight = 1.0 if len(feature) == 1 or feature in _COMMON else 2.0
    return (digest >> 1).astype(np.int64) % DIMENSIONS, np.where(digest & 1, weight, -weight)
