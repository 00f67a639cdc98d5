"""Word for word overlap with benchmark problems: what counts as evidence, and where it is in a text.

Evidence is a run of words (lower case, punctuation aside) of a problem:

- an n-gram of its statement, or a long sentence, with at least ``TELLING`` telling words;
- an n-gram that holds the head of the function it asks for;
- the whole first paragraph of its description, and its whole solution.

A telling word is not a number, not a single letter and not one of the words that many tasks share, as in
"write a function that takes a string as input and returns"; the name of the function that a problem asks for
counts twice. A line is not evidence: where a docstring is wrapped means nothing. N-grams of solutions are not
evidence either, because programs share idioms by chance. In a whole solution the operators must agree too:
``len(w) > 4`` does not repeat ``len(w) < 4``. Runs that many problems of a benchmark share are boilerplate.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..benchmarks.problem import Benchmark, Problem
from ..code.words import words
from ..replies import sentences

SHORTEST = 6
"""Fewest words of a run that is evidence."""
SENTENCE = 10
"""Fewest words of a sentence that is evidence by itself. Shorter ones, such as "You are given a list of
numbers", begin many tasks."""
TELLING = 3
"""Fewest different telling words of an n-gram or sentence."""
BOILERPLATE = 5
"""A run in more problems of one benchmark than this is boilerplate."""
_COMMON = 0.04
"""A word in more than this share of all problems is not telling."""
_SIGN = re.compile(r"\w+|[-+*/%<>=!&|^~@]")
_CODE = re.compile(r"^\s*(?:```|>>>|assert\b|def\b|class\b|import\b|from\b.* import\b).*$", re.MULTILINE)
_QUOTES = re.compile(r"\"\"\"|'''")
_GENERIC = frozenset(
    word
    for line in (
        # grammar
        "a about above after all also an and any are as at be been before below between both but by can",
        "could do does each either else every for from had has have how i if in into is it its let like",
        "may me more most must my need needs no not of on one only or other our out over please should so",
        "some such than that the their them then there these they this those to up use used uses using",
        "want was we were what when where whether which while who will with within without would you your",
        # what tasks and programs are made of
        "array arrays given give input inputs output outputs list lists string strings number numbers",
        "integer integers value values element elements item items program programs function functions",
        "method methods code python java javascript write create design implement develop make build",
        "generate construct define take takes accept accepts return returns returned returning print",
        "prints find finds check checks calculate calculates compute computes count counts get gets show",
        "task example examples result results following argument arguments parameter parameters first",
        "last two three def self none true false int str float complete reply",
        # numbers
        "zero four five six seven eight nine ten",
    )
    for word in line.split()
)

Words = tuple[str, ...]


class Hit(NamedTuple):
    """Where a text overlaps: the benchmark, its problem, the words they share."""

    benchmark: str
    task_id: str
    words: str


class Evidence(NamedTuple):
    """A run of words; for a solution also its words and operators (``program``; otherwise empty)."""

    run: Words
    program: Words
    hit: Hit


class Overlap:
    """Finds runs of words of benchmark problems in texts; its time is linear in the text."""

    def __init__(self, benchmarks: Iterable[Benchmark], ngram: int | None) -> None:
        """``ngram``: words of the n-grams that are evidence; None: whole sentences and solutions only."""
        every = list(benchmarks)
        common = _common_words(every)
        self.starts: dict[Words, list[Evidence]] = defaultdict(list)
        for benchmark in every:
            for (run, program), task_ids in _evidence(benchmark, ngram, common).items():
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

    def _known_runs(self, found: list[str]) -> Iterator[Words]:
        """Stretches of words that all occur in the evidence: most text is passed over quickly."""
        start = 0
        for place, word in enumerate((*found, "")):
            if word not in self.known:
                if place - start >= SHORTEST:
                    yield tuple(found[start:place])
                start = place + 1


class Names:
    """Finds the names of the functions that problems ask for; ``add`` or ``sort`` would be everywhere."""

    def __init__(self, benchmarks: Iterable[Benchmark]) -> None:
        self.hits = {
            problem.entry_point: Hit(benchmark.name, problem.task_id, problem.entry_point)
            for benchmark in benchmarks
            for problem in benchmark.problems
            if _composed(problem.entry_point)
        }

    def find(self, text: str) -> Hit | None:
        """The first such name in ``text``, as a word of its own."""
        return next((self.hits[word] for word in re.findall(r"\w+", text) if word in self.hits), None)


def _composed(name: str) -> bool:
    """Whether a name is made of several words: ``has_close_elements``, ``findVolume``, but not ``Sort``."""
    return "_" in name.strip("_") or not (name.islower() or name[1:].islower() or len(name) < 2)


def signs(text: str) -> Words:
    """The words and operators of a program; layout, brackets and quotes left out."""
    return tuple(_SIGN.findall(text.lower()))


def _holds(text: Words, program: Words) -> bool:
    size = len(program)
    return any(text[place : place + size] == program for place in range(len(text) - size + 1))


def _common_words(benchmarks: list[Benchmark]) -> set[str]:
    """Words that too many problems share to tell anything."""
    counts = Counter(
        word
        for benchmark in benchmarks
        for problem in benchmark.problems
        for word in set(words(problem.instruction + problem.prompt))
    )
    limit = max(BOILERPLATE, _COMMON * sum(len(benchmark.problems) for benchmark in benchmarks))
    return {word for word, count in counts.items() if count > limit}


def _evidence(
    benchmark: Benchmark, ngram: int | None, common: set[str]
) -> dict[tuple[Words, Words], set[str]]:
    """Runs of words, each with the operators it must stand among -> the problems that have them."""
    found: dict[tuple[Words, Words], set[str]] = defaultdict(set)
    for problem in benchmark.problems:
        name = problem.entry_point.lower()
        head = re.compile(rf"\b(?:def|fn|func|function) {re.escape(name)}\b")
        runs: set[tuple[Words, Words]] = {
            (run, ())
            for run in _passages(problem, ngram)
            if _telling(run, common) + (name in run) >= TELLING or (name and head.search(" ".join(run)))
        }
        solution = problem.canonical.removeprefix(problem.prompt)
        runs |= {(tuple(words(description(problem))), ()), (tuple(words(solution)), signs(solution))}
        for run, program in runs:
            if len(run) >= SHORTEST and 2 * sum(map(_has_letter, run)) >= len(run):
                found[run, program].add(problem.task_id)
    return found


def _passages(problem: Problem, ngram: int | None) -> Iterator[Words]:
    """The n-grams of a problem's statement, and its long sentences."""
    for text in (problem.instruction, problem.prompt):
        whole = tuple(words(text))
        if ngram is not None:
            yield from (whole[i : i + ngram] for i in range(len(whole) - ngram + 1))
        for sentence in sentences(_CODE.sub("\n\n", _QUOTES.sub("\n\n", text))):
            run = tuple(words(sentence))
            if len(run) >= SENTENCE:
                yield run


def description(problem: Problem) -> str:
    """The first paragraph of what a problem asks: of its prompt, or of its instruction if it has none."""
    text = _CODE.sub("\n\n", _QUOTES.sub("\n\n", problem.prompt or problem.instruction))
    return next((part.strip() for part in re.split(r"\n[ \t]*\n", text) if part.strip()), "")


def _telling(run: Words, common: set[str]) -> int:
    """Different words of a run that tell tasks apart."""
    return sum(
        _has_letter(word) and (len(word) > 1 or not word.isascii()) for word in set(run) - _GENERIC - common
    )


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))
