"""``selection.novelty``: keep an instruction only if it is unlike all those kept before it.

Self-Instruct (arXiv 2212.10560, sec. 2.2), whose pipeline grew WizardCoder's Code Alpaca seeds, keeps a new
instruction if its ROUGE-L with every earlier one is below 0.7. ROUGE-L is twice the longest common
subsequence of words over the words of both. The result is exact although few pairs are compared: texts
so alike share many words, hence one of their rarest (prefix and positional filter; Xiao et al. 2008). Of 11
million pairs of real instructions 2% are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil
from typing import ClassVar

from pydantic import Field

from ..code.words import words
from ..rows import Table
from ..sample import Drop, TextField
from ..step import Context, Step, Yield


class Novelty(Step):
    """Keeps rows whose text is unlike every row kept before; drops name the row that they are like."""

    version: ClassVar[str] = "2"

    field: TextField = "instruction"
    """The text that is compared; rows without words are kept."""
    threshold: float = Field(default=0.7, gt=0, le=1)
    """Least ROUGE-L (F measure) with an earlier row at which a row is dropped."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        often = Counter(word for (text,) in rows.columns(self.field) for word in words(text))
        kept = Kept(often, self.threshold)
        names: list[str] = []
        for sample in rows:
            found = kept.add(tuple(words(getattr(sample, self.field))))
            if found is None:
                names.append(sample.id)
                yield sample
            else:
                place, alike = found
                like = {"row": names[place], "rouge_l": round(float(alike), 4)}
                yield Drop(sample.noted(like=like), "not new")


class Kept:
    """The texts kept so far, by their rarest words."""

    def __init__(self, often: Counter[str], threshold: float) -> None:
        """``often``: how often each word occurs in all texts."""
        self.often, self.threshold = often, Fraction(str(threshold))
        self.texts: list[tuple[str, ...]] = []
        self.holders: dict[tuple[str, int], list[tuple[int, int, int]]] = defaultdict(list)

    def add(self, text: tuple[str, ...]) -> tuple[int, Fraction] | None:
        """Keep ``text``; or, if one kept before is too like it, its place and their ROUGE-L."""
        ranked = self._ranked(text)
        masks = _places(text)
        for place in self._candidates(ranked):
            other = self.texts[place]
            alike = Fraction(2 * _common(masks, len(text), other), len(text) + len(other))
            if alike >= self.threshold:
                return place, alike
        for rank, word in enumerate(ranked[: self._first(len(text))]):
            self.holders[word].append((len(self.texts), rank, len(text)))
        self.texts.append(text)
        return None

    def _ranked(self, text: tuple[str, ...]) -> list[tuple[str, int]]:
        """The words of ``text``, rarest first; a word that occurs twice is two words."""
        seen: Counter[str] = Counter()
        numbered = []
        for word in text:
            numbered.append((word, seen[word]))
            seen[word] += 1
        return sorted(numbered, key=lambda one: (self.often[one[0]], one))

    def _first(self, size: int) -> int:
        """How many rarest words of a text of ``size`` words include one that any too similar text shares.

        Texts of m and n words with a ROUGE-L of t share at least t (m + n) / 2 words, so m t / (2 - t).
        """
        return size - ceil(size * self.threshold / (2 - self.threshold)) + 1 if size else 0

    def _candidates(self, ranked: list[tuple[str, int]]) -> list[int]:
        """Texts that may share enough words: what they share so far, and all that is left, is enough."""
        size, shared = len(ranked), dict[int, int]()
        enough: dict[int, int] = {}  # by the other's length
        for rank, word in enumerate(ranked[: self._first(size)]):
            for place, other_rank, other_size in self.holders.get(word, ()):
                so_far = shared.get(place, 0)
                if so_far < 0:
                    continue
                need = enough.get(other_size)
                if need is None:
                    need = enough[other_size] = ceil(self.threshold * (size + other_size) / 2)
                left = min(size - rank, other_size - other_rank)
                shared[place] = so_far + 1 if so_far + left >= need else -1
        return sorted(place for place, count in shared.items() if count > 0)


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """ROUGE-L (Lin 2004) as F measure: 0 for nothing in common, 1 for the same words in the same order."""
    both = len(one) + len(other)
    return 2 * _common(_places(one), len(one), other) / both if both else 0.0


def _places(text: Iterable[str]) -> dict[str, int]:
    """Word -> an integer with a bit set for each place where the word is."""
    masks: dict[str, int] = defaultdict(int)
    for place, word in enumerate(text):
        masks[word] |= 1 << place
    return masks


def _common(masks: dict[str, int], size: int, other: Iterable[str]) -> int:
    """Length of the longest common subsequence, a whole row of the table at a time (Hyyrö 2004)."""
    every = (1 << size) - 1
    row = every
    for word in other:
        matches = row & masks.get(word, 0)
        row = ((row + matches) | (row - matches)) & every
    return size - row.bit_count()
