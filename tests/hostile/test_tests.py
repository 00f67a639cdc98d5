"""Hostile tests gain nothing: they neither pass a wrong program nor change how the next one is judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tunesmith.results import Program
from tunesmith.sandbox import Pool, open_sandbox

from .observers import attacks

WRONG = "def square(x): return 0"
CHECK = "import math\ndef check(candidate):\n    assert math.isclose(candidate(2), 4)\n"
HARMLESS = Program(WRONG, CHECK, entry_point="square")
HONEST = Program("def square(x): return x * x", CHECK, entry_point="square")


KILLS_A_JUDGE = (
    "catches whatever ends it",
    "tuples that double",
    "numbers of one hash",
    "one long operation",
)
"""Each keeps two judges busy for as long as tests may take, which is 7 CPU seconds and more."""
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in KILLS_A_JUDGE else []) for name in attacks("tests")
]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_hostile_tests_change_nothing(name: str, pool: Pool) -> None:
    limits = {"cpu_seconds": 0.3, "memory_bytes": 256 << 20}
    hostile = Program(WRONG, attacks("tests")[name], entry_point="square", **limits)
    outcome, next_wrong, next_right = pool.run([hostile, HARMLESS, HONEST])
    assert not outcome.passed, outcome
    assert not next_wrong.passed, next_wrong
    assert next_right.passed, next_right
