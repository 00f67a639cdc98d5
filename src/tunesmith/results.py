"""What comes of running, training and scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .sample import Json

Status = Literal["passed", "failed", "timeout", "error", "refused"]


@dataclass(frozen=True, slots=True)
class Program:
    """Untrusted code and the tests that judge it.

    tests: source that raises unless ``code`` is right, run after it; empty means "it must only run".
    language: by any of its usual names (``cpp`` or ``c++``); the tests in other languages than Python have
    a ``main`` or what the language calls tests (Rust's ``#[test]``, functions for ``go test``).
    entry_point: the function under test, where the tests are HumanEval's ``check(candidate)``.
    cpu_seconds, memory_bytes: limits; None takes the sandbox's defaults.
    """

    code: str
    tests: str = ""
    language: str = "python"
    entry_point: str = ""
    stdin: str = ""
    cpu_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    passed: every test held.  failed: a test did not hold.  timeout: over its CPU or wall limit.
    error: it broke before a test could speak (syntax, name, memory, killed).
    refused: it was not run: no toolchain, which is never counted as a failure; or too large.
    failure: its class, e.g. ``AssertionError``, ``SyntaxError``, ``no verdict``.
    seconds: CPU time of the program.  isolation: the level it ran at.
    judged: where the tests ran: ``inline`` in the judge, in a ``separate_process``, or in the
    ``same_process`` as the program (a program that sets out to can forge such a pass).
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    failure: str = ""
    isolation: str = ""
    judged: str = ""

    @property
    def passed(self) -> bool | None:
        """True, False, or None where the program was refused and nothing is known."""
        return None if self.status == "refused" else self.status == "passed"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model on disk, in the Hugging Face layout, with the template it was trained under.

    losses: (step, loss) pairs of the training curve.  facts: parameters, tokens, seconds, rows.
    """

    path: Path
    losses: tuple[tuple[int, float], ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one benchmark problem, with all that is needed to see why it failed.

    extraction: how the program was found in the raw reply.  failure: its class, empty for a pass.
    """

    task_id: str
    passed: bool
    status: str
    prompt: str = ""
    raw: str = ""
    program: str = ""
    failure: str = ""
    draw: int = 0
    extraction: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """A benchmark figure that says how it was obtained.

    value, low, high: in 0..1 with a 95% interval.  n: samples per problem.  k: of pass@k.
    protocol: template, shots, decoding, engine, data version; scores of different protocols are not compared.
    """

    benchmark: str
    protocol: Mapping[str, Json]
    n: int
    k: int
    value: float
    low: float
    high: float
    attempts: tuple[Attempt, ...] = ()
