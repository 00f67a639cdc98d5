"""From programs to a score: run them, count, and put an interval around the count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..benchmarks.differential import unaided
from ..benchmarks.problem import Benchmark, Problem
from ..benchmarks.runnable import runnable
from ..errors import SetupError, UserError
from ..results import Attempt, Outcome, Program, Score
from ..sample import Json
from ..sandbox.languages import version
from .failure_classes import failure_class
from .intervals import pass_at_k, score_interval

if TYPE_CHECKING:
    from ..step import Sandbox

MACHINERY = ("isolation", "toolchain")
"""Keys of a protocol in which two scores may differ and still be compared."""

_ADDRESS = re.compile(r" at \S+$")
_CHECK = re.compile(r"^def check\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One program for one problem, before it runs, and what it was extracted from.

    failure: the class of a try that there is no program for, e.g. ``no reply``.  reason: why, in words.
    place: among the samples given, from 0; a model's tries have none.
    """

    problem: Problem
    program: str
    draw: int = 0
    prompt: str = ""
    raw: str = ""
    extraction: str = ""
    finish_reason: str = "stop"
    failure: str = ""
    reason: str = ""
    place: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A try's attempts: at the tests, and where the problem has stricter ones at both together."""

    base: Attempt
    plus: Attempt | None = None


def refused(benchmark: Benchmark, sandbox: Sandbox) -> str:
    """Why the sandbox runs no program of this benchmark's language, or nothing where it does."""
    languages = dict.fromkeys(problem.language for problem in benchmark.problems)
    outcomes = sandbox.run(Program("", language=language) for language in languages)
    try:
        return next((o.failure or "refused" for o in outcomes if o.status == "refused"), "")
    except SetupError as error:  # the toolchain is there and does not work
        return error.problem


def judge(tries: Sequence[Candidate], sandbox: Sandbox) -> list[Judged]:
    """Run every try against its problem's tests; those that pass also against the stricter ones.

    A program that several tries of a problem have in common is run once, and how it ended stands for all of
    them; Python's own randomness starts from the same seed every time anyway.
    """
    problems = {id(t.problem): t.problem for t in tries}
    whole = {key: unaided(problem) for key, problem in problems.items()}
    tries = [replace(t, problem=whole[id(t.problem)]) for t in tries]
    alike = _alike(tries)
    first = sorted(alike, key=lambda place: -(tries[place].problem.cpu_seconds or 0.0))  # slow ones first
    base: dict[int, Attempt] = {}
    plus: dict[int, Attempt] = {}
    strict: list[int] = []

    def passing() -> Iterator[Program]:
        programs = (_program(tries[place], tries[place].problem.tests) for place in first)
        for number, outcome in sandbox.as_completed(programs):
            place = first[number]
            base.update((each, _attempt(tries[each], outcome)) for each in alike[place])
            if outcome.passed and tries[place].problem.plus_tests:
                strict.append(place)
                yield _program(tries[place], tries[place].problem.plus_tests)

    for number, outcome in sandbox.as_completed(passing()):
        plus.update((each, _attempt(tries[each], outcome)) for each in alike[strict[number]])
    attempts = [base.get(place) or _attempt(t, None) for place, t in enumerate(tries)]
    return [
        Judged(attempt, plus.get(place, attempt) if t.problem.plus_tests else None)
        for place, (t, attempt) in enumerate(zip(tries, attempts, strict=True))
    ]


def _alike(tries: Sequence[Candidate]) -> dict[int, list[int]]:
    """The places of tries that are the same program for the same problem, by the first of them."""
    places: dict[tuple[int, str], list[int]] = {}
    for place, t in enumerate(tries):
        if t.program.strip() and not t.failure:
            places.setdefault((id(t.problem), t.program), []).append(place)
    return {some[0]: some for some in places.values()}


def _program(given: Candidate, tests: str) -> Program:
    """The program as the sandbox takes it.

    Tests that define ``check(candidate)`` are given the entry point. A function under test that is
    itself called ``check`` (Mbpp/56) gets a second name, or the tests would call themselves.
    """
    problem = given.problem
    code, tests = runnable(problem.language, problem.setup + given.program, tests)
    entry_point = ""
    if problem.as_text:
        code = f"solution = {given.program!r}\n"
    elif problem.language == "python" and _CHECK.search(tests):
        entry_point = problem.entry_point
        if entry_point == "check":
            entry_point = "check_under_test"
            code = f"{code}\n{entry_point} = check\n"
    return Program(
        code,
        tests,
        problem.language,
        entry_point,
        cpu_seconds=problem.cpu_seconds,
        memory_bytes=problem.memory_bytes,
    )


def _attempt(given: Candidate, outcome: Outcome | None) -> Attempt:
    told = outcome or Outcome("error")
    if told.failure == "too large":  # the program's own doing, unlike a toolchain that is missing here
        told = replace(told, status="error", failure="MemoryError")
    failure = given.failure or failure_class(told, program=given.program, finish_reason=given.finish_reason)
    return Attempt(
        task_id=given.problem.task_id, passed=told.status == "passed", status=told.status,
        prompt=given.prompt, raw=given.raw, program=given.program, failure=failure, draw=given.draw,
        extraction=given.extraction,
    )  # fmt: skip


def scores(
    benchmark: str, judged: Sequence[Judged], k: Iterable[int], protocol: Mapping[str, Json]
) -> list[Score]:
    """The scores of one benchmark: one per ``k``, and where it has stricter tests also those without them.

    Raises:
        SetupError: the sandbox refused every program (a toolchain is missing).
        UserError: a problem has fewer samples than k.
    """
    sizes = tuple(k)
    whole = [one.plus or one.base for one in judged]
    found = [_score(benchmark, whole, size, protocol) for size in sizes]
    if any(one.plus for one in judged):
        found += [_score(f"{benchmark}.base", [one.base for one in judged], size, protocol) for size in sizes]
    return found


def _score(benchmark: str, attempts: Sequence[Attempt], k: int, protocol: Mapping[str, Json]) -> Score:
    """pass@k over the problems that could be run, with its interval."""
    known = [attempt for attempt in attempts if attempt.status != "refused"]
    if attempts and not known:
        problem = f"the sandbox could run no program of {benchmark}"
        raise SetupError(
            f"benchmark {benchmark}", problem, "see `tunesmith doctor` for the toolchains it needs"
        )
    tally: dict[str, list[bool]] = {}
    for attempt in known:
        tally.setdefault(attempt.task_id, []).append(attempt.passed)
    if short := next((name for name, some in tally.items() if len(some) < k), None):
        problem = f"pass@{k} is not defined: {short} has fewer than {k} samples"
        raise UserError(f"benchmark {benchmark}", problem, "draw more samples, or ask for a smaller k")
    values = [pass_at_k(len(some), sum(some), k) for some in tally.values()]
    n = max(map(len, tally.values()), default=0)
    low, high = score_interval(values, n)
    value = sum(values) / len(values) if values else 0.0
    said = {**protocol, "problems": len(tally)}
    if len(known) < len(attempts):
        said["refused"] = len(attempts) - len(known)
    return Score(benchmark, said, n, k, value, low, high, tuple(attempts))


def machinery(problems: Iterable[Problem], sandbox: Sandbox) -> dict[str, Json]:
    """What of a protocol is this machine's: the isolation, and what builds and runs each language."""
    languages = sorted({problem.language for problem in problems})
    return {"isolation": sandbox.isolation, "toolchain": "; ".join(filter(None, map(version, languages)))}


def comparable(protocol: Mapping[str, Json]) -> dict[str, Json]:
    """What of a protocol must be the same in two scores that are compared: not the machinery, no address."""
    kept = {key: value for key, value in protocol.items() if key not in MACHINERY}
    return kept | {"engine": _ADDRESS.sub("", str(kept["engine"]))} if "engine" in kept else kept


def with_protocol(score: Score, **facts: Json) -> Score:
    """The same score with further facts in its protocol."""
    return replace(score, protocol={**score.protocol, **facts})
