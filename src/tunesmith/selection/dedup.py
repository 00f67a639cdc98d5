"""``selection.dedup``: drop rows whose text repeats an earlier row's, exactly or nearly.

MinHash finds candidates, their n-gram sets are then compared themselves: a dropped row really has a Jaccard
similarity of at least ``threshold`` with a kept row. MinHash misses a pair barely over the threshold in at
most 1 of 100 cases. SelfCodeAlign uses 5-grams and 0.7, on which the defaults are modelled; WizardCoder
(2306.08568) uses no deduplication.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
from pydantic import Field

from ..code.find_program import code_of
from ..code.markdown import bare, language_name
from ..rows import Table
from ..sample import Drop, Sample, TextField
from ..step import Context, Step, Yield
from ._minhash import BANDS, band_hashes, grams_of, hash_text, jaccard, rows_per_band, shingles

TEXTS = 256
"""Texts signed at once."""


class Dedup(Step):
    """Keeps the first of rows whose text is the same or nearly so; drops name the kept row."""

    version: ClassVar[str] = "2"

    field: TextField
    """The text that is compared. Rows where it is empty are kept."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """Least Jaccard similarity of near-duplicates; 1 drops exact duplicates only."""
    ngram: int = Field(default=5, gt=0)
    """Tokens per n-gram."""
    ignore_comments: bool = False
    """Whether Python programs that differ in comments, docstrings and layout only are the same."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        exact, bands = self._signatures(rows)
        suspect = _repeated(exact)
        for band in bands.T:
            suspect |= _repeated(band)
        kept = _Kept(self.threshold)
        for row, sample in enumerate(rows):
            text = self._text(getattr(sample, self.field), sample.language) if suspect[row] else ""
            if text:
                yield kept.judge(sample, shingles(text, self.ngram), int(exact[row]), bands[row].tolist())
            else:
                yield sample

    def _text(self, text: str, language: str) -> str:
        """What is compared: the text, or its bare program, without white space around it."""
        if self.ignore_comments and language_name(language) == "python":
            text = bare(code_of(text, language))
        return text.strip()

    def _signatures(self, rows: Table) -> tuple[np.ndarray, np.ndarray]:
        """Exact hashes, uint64 of shape (rows,), and band hashes of shape (rows, bands or 0).

        A row without text gets its own number, which equals no other hash.
        """
        exact = np.arange(len(rows), dtype=np.uint64)
        bands = np.repeat(exact[:, None], BANDS if self.threshold < 1 else 0, axis=1)
        start = 0
        for texts in self._chunks(rows):
            for row, text in enumerate(texts, start):
                exact[row] = hash_text(text) if text else row
            if self.threshold < 1:
                filled = [row for row, text in enumerate(texts, start) if text]
                if filled:
                    grams, starts = grams_of([text for text in texts if text], self.ngram)
                    bands[filled] = band_hashes(grams, starts, rows_per_band(self.threshold))
            start += len(texts)
        return exact, bands

    def _chunks(self, rows: Table) -> Iterator[list[str]]:
        pairs = rows.columns(self.field, "language")
        while some := [self._text(text, language) for text, language in islice(pairs, TEXTS)]:
            yield some


class _Kept:
    """The rows kept so far that others may repeat."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.by_text: dict[int, str] = {}
        self.by_band: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.rows: list[tuple[str, np.ndarray]] = []

    def judge(self, sample: Sample, grams: np.ndarray, exact: int, bands: list[int]) -> Sample | Drop:
        """The row, kept from now on, or a drop that names the earliest kept row that it repeats."""
        if exact in self.by_text:
            return Drop(sample.noted(duplicate_of=self.by_text[exact]), "duplicate")
        for near in sorted({near for bucket in enumerate(bands) for near in self.by_band.get(bucket, ())}):
            other, theirs = self.rows[near]
            similarity = jaccard(grams, theirs)
            if similarity >= self.threshold:
                facts = {"duplicate_of": other, "similarity": round(similarity, 4)}
                return Drop(sample.noted(**facts), "near-duplicate")
        self.by_text[exact] = sample.id
        for bucket in enumerate(bands):
            self.by_band[bucket].append(len(self.rows))
        self.rows.append((sample.id, grams))
        return sample


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """Which of the hashes occur more than once, bool of the same shape."""
    order = np.argsort(hashes, kind="stable")
    same = np.diff(hashes[order]) == 0
    repeated = np.zeros(len(hashes), bool)
    repeated[order[1:]] |= same
    repeated[order[:-1]] |= same
    return repeated
