"""Word for word overlap with benchmark problems: what counts as evidence, and where it stands in a text.

Evidence is a run of words (lower case, punctuation aside): every n-gram and every whole line of a problem's
statement, and the whole of its solution; n-grams of solutions are not, for two programs share idioms by
chance. Of a solution the operators must agree too: ``len(w) > 4`` does not repeat ``len(w) < 4``. Runs
that many problems of a benchmark share are its own boilerplate, and runs of numbers are everywhere;
neither is evidence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..benchmarks.problem import Benchmark, Problem

SHORTEST = 6
"""Fewest words of a run that is evidence."""
BOILERPLATE = 5
"""A run that more problems of one benchmark share than this says nothing."""
_WORD = re.compile(r"\w+")
_SIGN = re.compile(r"\w+|[-+*/%<>=!&|^~@]")

Words = tuple[str, ...]


class Hit(NamedTuple):
    """Where a text overlaps: the benchmark, its problem, the words they share."""

    benchmark: str
    task_id: str
    words: str


class Evidence(NamedTuple):
    """A run of words; of a solution its operators too, in their places (``program``; else empty)."""

    run: Words
    program: Words
    hit: Hit


class Overlap:
    """Finds runs of words that stand in benchmark problems; time is linear in the text."""

    def __init__(self, benchmarks: Iterable[Benchmark], ngram: int | None) -> None:
        """``ngram``: words of the n-grams that are evidence; None: whole lines and solutions only."""
        self.starts: dict[Words, list[Evidence]] = defaultdict(list)
        for benchmark in benchmarks:
            for (run, program), task_ids in _evidence(benchmark, ngram).items():
                if len(task_ids) <= BOILERPLATE:
                    hit = Hit(benchmark.name, min(task_ids), " ".join(run))
                    self.starts[run[:SHORTEST]].append(Evidence(run, program, hit))
        self.known = {word for found in self.starts.values() for one in found for word in one.run}

    def find(self, text: str) -> Hit | None:
        """The first overlap in ``text``, if there is any."""
        for run in self._known_runs(words(text)):
            for place in range(len(run) - SHORTEST + 1):
                for evidence in self.starts.get(run[place : place + SHORTEST], ()):
                    if run[place : place + len(evidence.run)] != evidence.run:
                        continue
                    if not evidence.program or _holds(signs(text), evidence.program):
                        return evidence.hit
        return None

    def _known_runs(self, found: Words) -> Iterator[Words]:
        """Stretches of words that all occur in the evidence: most text is passed over quickly."""
        start = 0
        for place, word in enumerate((*found, "")):
            if word not in self.known:
                if place - start >= SHORTEST:
                    yield found[start:place]
                start = place + 1


class Names:
    """Finds the names of the functions that problems ask for; ``add`` or ``sort`` would be everywhere."""

    def __init__(self, benchmarks: Iterable[Benchmark]) -> None:
        self.hits = {
            problem.entry_point: Hit(benchmark.name, problem.task_id, problem.entry_point)
            for benchmark in benchmarks
            for problem in benchmark.problems
            if "_" in problem.entry_point.strip("_") or not problem.entry_point.islower()
        }
        self.hits.pop("", None)

    def find(self, text: str) -> Hit | None:
        """The first such name in ``text``, as a word of its own."""
        return next((self.hits[word] for word in _WORD.findall(text) if word in self.hits), None)


def words(text: str) -> Words:
    """The words of a text, lower case, without punctuation."""
    return tuple(_WORD.findall(text.lower()))


def signs(text: str) -> Words:
    """The words and operators of a program; layout, brackets and quotes left out."""
    return tuple(_SIGN.findall(text.lower()))


def _holds(text: Words, program: Words) -> bool:
    size = len(program)
    return any(text[place : place + size] == program for place in range(len(text) - size + 1))


def _evidence(benchmark: Benchmark, ngram: int | None) -> dict[tuple[Words, Words], set[str]]:
    """Runs of words, each with the operators it must stand among -> the problems that have them."""
    found: dict[tuple[Words, Words], set[str]] = defaultdict(set)
    for problem in benchmark.problems:
        for run, program in _runs(problem, ngram):
            if len(run) >= SHORTEST and 2 * sum(map(_has_letter, run)) >= len(run):
                found[run, program].add(problem.task_id)
    return found


def _runs(problem: Problem, ngram: int | None) -> Iterator[tuple[Words, Words]]:
    for text in (problem.instruction, problem.prompt):
        whole = words(text)
        if ngram is not None:
            yield from ((whole[i : i + ngram], ()) for i in range(len(whole) - ngram + 1))
        yield from ((words(line), ()) for line in text.split("\n"))
    solution = problem.canonical.removeprefix(problem.prompt)
    yield words(solution), signs(solution)


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))
