"""Overlap with benchmark problems in the words that matter, whatever their order.

CodeFuse's and DolphCoder's decontamination (2311.02303; 2402.09136, Section 3.1): a row is suspect if it
contains more than 40% of the words of a problem's statement, stop words aside, words reduced to their stem.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from ..benchmarks.problem import Benchmark
from ..code.words import words
from ._overlap import Hit

FEWEST = 5
"""A statement of fewer core words is not compared."""
_COMMON = 0.5
"""Words in more than this share of a benchmark's problems belong to its template."""
_PLURAL = re.compile(r"(?<![us])s$")
_ENDING = re.compile(r"(?:ing|ed|ly|er|or|ion)$")
_STOP = frozenset(
    word
    for line in (
        "a about all also an and any are as at be been both but by can could do does each else every",
        "following for from given gives had has have how if in into is it its may more most must no",
        "not of on one only or other our return returns should so some such than that the their them",
        "then there these they this those to two use using was we were what when where which while",
        "who will with without would write you your function python code program implement create",
        "task complete def assert true false none input output",
    )
    for word in line.split()
)


class CoreWords:
    """Finds texts that contain a large share of a problem's core words."""

    def __init__(self, benchmarks: Iterable[Benchmark], share: float) -> None:
        """``share``: of a problem's core words; more than that is a hit."""
        self.share = share
        self.having: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.sizes: dict[tuple[str, str], int] = {}
        for benchmark in benchmarks:
            statements = {p.task_id: core(f"{p.instruction}\n{p.prompt}") for p in benchmark.problems}
            counts = Counter(word for found in statements.values() for word in found)
            frame = {w for w, n in counts.items() if n > max(1, _COMMON * len(statements))}
            for task_id, found in statements.items():
                matter = found - frame
                if len(matter) >= FEWEST:
                    self.sizes[benchmark.name, task_id] = len(matter)
                    for word in matter:
                        self.having[word].append((benchmark.name, task_id))

    def find(self, text: str) -> Hit | None:
        """The problem of which the text holds the largest share, if that is too much."""
        there = core(text)
        counts = Counter(problem for word in there for problem in self.having.get(word, ()))
        shares = {problem: count / self.sizes[problem] for problem, count in counts.items()}
        worst = max(shares, key=lambda problem: (shares[problem], problem), default=None)
        if worst is None or shares[worst] <= self.share:
            return None
        shared = sorted(word for word in there if worst in self.having.get(word, ()))
        return Hit(*worst, " ".join(shared))


def core(text: str) -> set[str]:
    """The stems of a text's words, without stop words and numbers."""
    return {stem(word) for word in words(text) if word not in _STOP and not word.isdigit() and len(word) > 1}


def stem(word: str) -> str:
    """A word without its ending, where three letters are left: ``rotates``, ``rotation`` -> ``rotat``."""
    for ending in (_PLURAL, _ENDING):
        shorter = ending.sub("", word)
        word = shorter if len(shorter) >= 3 else word
    return word.removesuffix("e") if len(word) > 3 else word
