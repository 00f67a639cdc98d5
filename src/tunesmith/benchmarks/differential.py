"""Tests that compare with a reference solution (HumanEval+, MBPP+), as source for the sandbox.

Most of the time of these benchmarks goes into a handful of slow references, so the references' answers
are computed once, in the sandbox, and kept in the cache under a hash of everything they depend on.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import orjson

from ..code.markdown import parse
from ..errors import DataError
from ..results import Program
from .data_files import kept_folder
from .oracles import SOURCES
from .problem import Benchmark, Cases, Problem

if TYPE_CHECKING:
    from ..step import Sandbox

_ROOM = 200_000
_LONGEST, _MEMORY = 120.0, 4 << 30
_LEAST, _FACTOR = 7.0, 6.0
"""CPU seconds of a program: the first (published right ones take 3.5, 5 on a busy machine), and
the second for each that the reference takes."""
_ANSWER_LEAST, _ANSWER_FACTOR = 3.75, 4.0
"""The same for one answer: evalplus allows 4 and 4, and the time is looked at every 0.25 s."""

UNPREPARED = 'raise AssertionError("tests that compare with a reference are made by prepared()")\n'
"""The tests of a problem that is neither ``prepared`` nor ``unaided``: no program passes them."""


@cache
def _oracle() -> bytes:
    """A hash of the code that makes known answers and digests: another version's are not used."""
    box = resources.files("tunesmith.sandbox.box")
    sources = [(box / name).read_bytes() for name in ("testing/oracle.py", "messages/codec.py")]
    facts = (*sources, sys.version_info[:2], sys.hash_info.algorithm, sys.hash_info.width)
    return hashlib.blake2b(repr(facts).encode()).digest()


def source(cases: Cases, known: str = "", seconds: float = 0.0) -> str:
    """Tests that define ``check(candidate)``; ``known`` is what ``packed`` gave for these cases, ``seconds``
    what the reference took for all of them.

    Everything is inside that one function, so no name of the tests is also one of the program.
    """
    own = SOURCES.get(cases.oracle, "")
    oracle = "fits" if own else repr(cases.oracle)
    arguments = (
        f"inputs={cases.inputs!r}, shape={cases.shape!r}, atol={cases.atol!r}, oracle={oracle}, "
        f"known={known!r}, seconds={max(_ANSWER_LEAST, _ANSWER_FACTOR * seconds):.2f}"
    )
    reference = "    reference = lambda: None\n"
    if not known.startswith("="):
        reference = _reference(cases.reference, cases.entry_point)
    call = f"    compare(candidate, reference(), {arguments})\n"
    body = textwrap.indent(own, "    ") + reference + call
    return f"def check(candidate):\n    from box.testing.oracle import compare\n{body}"


@lru_cache(maxsize=1024)
def _reference(code: str, entry_point: str) -> str:
    """Source, to be put inside another function, of a function ``reference`` that gives the reference."""
    tree = parse(code)
    if tree is None:
        raise DataError(entry_point, "the reference is not Python", "fetch the benchmark's file again")
    body = textwrap.indent(ast.unparse(tree), "    ")
    return textwrap.indent(f"def reference():\n{body}\n    return {entry_point}\n", "    ")


@dataclass(frozen=True, slots=True)
class _Known:
    """The reference's answers, packed, and the CPU seconds that it took."""

    text: str
    seconds: float


def prepared(benchmark: Benchmark, problems: Iterable[Problem], sandbox: Sandbox) -> list[Problem]:
    """``problems`` with their references' answers built into their tests.

    Problems that compare with no reference come back unchanged. A reference that does not run in the
    sandbox leaves its answers unknown: then it runs in the judge, with every program.
    """
    given = list(problems)
    wanted = [cases for problem in given for cases in (problem.cases, problem.plus_cases) if cases]
    if not wanted:
        return given
    known = dict(zip(wanted, _all_known(benchmark, wanted, sandbox), strict=True))
    return [_with(problem, known) for problem in given]


def unaided(problem: Problem) -> Problem:
    """``problem`` with tests that run its reference with every program, unless it has tests already."""
    return _with_tests(problem, {}) if problem.tests == UNPREPARED else problem


def _with(problem: Problem, known: dict[Cases, _Known]) -> Problem:
    if problem.cases is None:
        return problem
    seconds = max(known[cases].seconds for cases in (problem.cases, problem.plus_cases) if cases)
    return replace(_with_tests(problem, known), cpu_seconds=_LEAST + _FACTOR * seconds)


def _with_tests(problem: Problem, known: dict[Cases, _Known]) -> Problem:
    base, plus = (
        (source(cases, known[cases].text, known[cases].seconds) if known else source(cases)) if cases else ""
        for cases in (problem.cases, problem.plus_cases)
    )
    return replace(problem, tests=base, plus_tests=plus)


def _all_known(benchmark: Benchmark, wanted: list[Cases], sandbox: Sandbox) -> Iterator[_Known]:
    keys = [_key(cases) for cases in wanted]
    kept = _AnswerFile(benchmark.name)
    missing = [place for place, key in enumerate(keys) if key not in kept.found]
    outcomes = sandbox.run(_maker(wanted[place]) for place in missing)
    for place, outcome in zip(missing, outcomes, strict=True):
        text = outcome.stdout.strip() if outcome.passed else ""
        kept.found[keys[place]] = [text, outcome.seconds]
    if missing:
        kept.save()
    for key in keys:
        said, seconds = kept.found[key]
        yield _Known(str(said), float(seconds))


def _maker(cases: Cases) -> Program:
    """A program that prints the reference's answers, packed, and nothing that the reference prints."""
    reference = _reference(cases.reference, cases.entry_point)
    call = f"packed(reference(), {cases.inputs!r}, {cases.shape!r}, {cases.oracle!r}, {_ROOM})"
    code = (
        f"import io, sys\nfrom box.testing.oracle import packed\ndef made():\n{reference}    return {call}\n"
        "real, sys.stdout = sys.stdout, io.StringIO()\n"
        "text = made()\nsys.stdout = real\nprint(text)\n"
    )
    return Program(code, cpu_seconds=_LONGEST, memory_bytes=_MEMORY)


def _key(cases: Cases) -> str:
    found = hashlib.blake2b(_oracle(), digest_size=12)
    for fact in astuple(cases):
        text = str(fact).encode("utf-8", "surrogatepass")
        found.update(b"%d " % len(text) + text)
    return found.hexdigest()


class _AnswerFile:
    """The known answers of one benchmark, in one file of the cache."""

    def __init__(self, name: str) -> None:
        self._file = kept_folder() / "references" / f"{name}.json"
        self.found: dict[str, list[str | float]] = {}
        if self._file.is_file():
            try:
                self.found = orjson.loads(self._file.read_bytes())
            except orjson.JSONDecodeError:
                self._file.unlink()  # cut off by a full disk or a kill; it is only a cache

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_bytes(orjson.dumps(self.found))
        part.replace(self._file)
