"""A benchmark problem, and a benchmark: a named, versioned list of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cases:
    """Inputs on which a program must do as a reference does; see ``compare`` in the sandbox's oracle.

    inputs: a JSON list of argument lists.  shape: the Python types that JSON lost.
    atol: absolute tolerance of numbers.  oracle: which answers are right beside the reference's.
    """

    reference: str
    entry_point: str
    inputs: str
    shape: str = ""
    atol: float = 0.0
    oracle: str = "equal"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    instruction: what an instruction-tuned model is asked.  prompt: code to continue, where the
    benchmark has one (HumanEval); empty otherwise.  tests: source that raises unless the program is
    right; with ``entry_point`` it may define ``check(candidate)`` as HumanEval does.
    canonical: a whole reference program.  plus_tests: stricter tests that come after ``tests``.
    cpu_seconds, memory_bytes: what a right program needs, with room; None takes the sandbox's defaults.
    stop: strings that end a completion of ``prompt``.  setup: what the benchmark puts before every program.
    buggy: a whole wrong program, where the task is to repair it.
    describe: what is asked first, where the model answers from its own words: they fill ``{description}``
    in ``instruction``, cut to ``describe_chars`` characters.
    as_text: the tests take the program's text, in ``solution``, and run it themselves.
    cases, plus_cases: what ``prepared`` makes the two kinds of tests from, where they compare with a
    reference, which takes a sandbox; until then they fail every program.
    """

    task_id: str
    instruction: str
    tests: str
    prompt: str = ""
    entry_point: str = ""
    language: str = "python"
    canonical: str = ""
    plus_tests: str = ""
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    stop: tuple[str, ...] = ()
    setup: str = ""
    buggy: str = ""
    describe: str = ""
    describe_chars: int = 0
    as_text: bool = False
    cases: Cases | None = None
    plus_cases: Cases | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Problems with the version of their data (a release, or a hash of the file they came from).

    examples: solved problems that may be shown before each question (few-shot); never scored.
    """

    name: str
    version: str
    problems: tuple[Problem, ...]
    examples: tuple[Problem, ...] = ()
