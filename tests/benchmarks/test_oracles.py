"""Oracles of single problems: which answers are right apart from the reference's own."""

from __future__ import annotations

import json

from tunesmith.benchmarks.differential import source
from tunesmith.benchmarks.problem import Cases
from tunesmith.results import Program
from tunesmith.sandbox import open_sandbox

ANSWERS = [
    ("root", -0.5, 1e-4, [[1, 2]], True),
    ("root", 0.5, 1e-4, [[1, 2]], False),
    ("slant", 35, 0.0, [3, 4], True),
    ("slant", 34, 0.0, [3, 4], False),
    ("slant", 99, 0.0, [3, 4], True),
    ("padded", 6, 0.0, [1, 23], False),
    ("padded", 4, 0.0, [1, 23], True),
]


def test_an_oracle_takes_what_is_right_and_nothing_else() -> None:
    programs = []
    for oracle, answer, atol, arguments, _ in ANSWERS:
        cases = Cases("def f(*args): return 99", "f", json.dumps([arguments]), atol=atol, oracle=oracle)
        programs.append(Program(f"def f(*args): return {answer}", source(cases), entry_point="f"))
    with open_sandbox(1) as pool:
        outcomes = list(pool.run(programs))
    assert [outcome.passed for outcome in outcomes] == [right for *_, right in ANSWERS]
    assert {outcome.judged for outcome in outcomes} == {"inline"}
