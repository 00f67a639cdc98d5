"""Calls that tests are sure to make are asked ahead; honest tests and wrong programs cannot tell."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tunesmith.results import Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.testing import classify


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


CALLS = {
    "a row of assertions": ("assert f(1) == 2\nassert f([3], 'x') < g(2)", ["f(1)", "f([3], 'x')", "g(2)"]),
    "after an assignment": ("x = 3\nassert f(4) == x", ["f(4)"]),
    "an argument that is not a literal": ("assert f(1)\nx = 2\nassert f(x)", ["f(1)"]),
    "a loop": ("assert f(0)\nfor i in range(3):\n    assert f(i) == i", ["f(0)"]),
    "what depends on an answer": ("assert f(0) or f(1)", []),
    "a chain of comparisons": ("assert 0 < f(0) < f(1)", []),
    "a keyword": ("assert f(1)\nassert f(x=1)", ["f(1)"]),
    "an argument with a set": ("assert f(1)\nassert f([{1, 2}])\nassert f(3)", ["f(1)"]),
    "an argument that is a call": ("assert f(set())", []),
    "an error that is caught": ("try: f(1)\nexcept ValueError: f(9)", []),
    "more than is asked at once": ("assert f(1)\n" * 600, ["f(1)"] * 500),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_asked_ahead_only_where_they_are_certain(name: str) -> None:
    tests, expected = CALLS[name]
    assert [_written(*call) for call in classify.classify(tests, "").calls] == expected


def _written(name: str, arguments: tuple[Any, ...]) -> str:
    return f"{name}({', '.join(map(repr, arguments))})"


CASES = {
    "in place": (
        "def f(x): x.append(0)",
        "for n in range(3):\n    a = [n]\n    f(a)\n    f(a)\n    assert a == [n, 0, 0]",
    ),
    "a handle": ("def f(n): return lambda: n", "for n in range(3):\n    assert f(n)() == n"),
    "a number of a kind of its own": (
        "import enum\nclass N(enum.IntEnum):\n    A = 1\ndef f(n): return N.A\ndef g(n): return n + 1",
        "for n in range(3):\n    a = f(n)\n    assert g(a) == 2",
    ),
    "a list given back": (
        "def f(n): return [n]\ndef g(x): return x * 2",
        "for n in range(3):\n    a = f(n)\n    assert g(a) == [n, n]",
    ),
    "a state": (
        "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)",
        "for n in range(4):\n    assert f(n) == n + 1",
    ),
    "true and one": (
        "def f(x): return type(x).__name__",
        "for x, n in ((1, 'int'), (True, 'bool'), (1.0, 'float')):\n    assert f(x) == n",
    ),
}
WRONG = {
    "the last of many": ("def f(n): return n if n < 90 else 0", "for n in range(99):\n    assert f(n) == n"),
    "raises": (
        "def f(n): return n / (n - 2)\ndef g(n): return 0",
        "for n in range(5):\n    a = f(n)\n    assert g(a) == 0",
    ),
    "in place": (
        "def f(x): return sorted(x)",
        "for n in range(3):\n    a = [2, n]\n    f(a)\n    assert a[0] == n",
    ),
    "not there": ("x = 1", "for n in range(3):\n    assert f(n) == n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_honest_tests_pass(pool: Pool, name: str) -> None:
    code, tests = CASES[name]
    (outcome,) = pool.run([Program(code, tests)])
    assert (outcome.passed, outcome.judged) == (True, "inline"), outcome


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_fail(pool: Pool, name: str) -> None:
    code, tests = WRONG[name]
    (outcome,) = pool.run([Program(code, tests)])
    assert (outcome.status, outcome.judged) == ("failed", "inline"), outcome


def test_what_is_asked_ahead_of_humaneval_is_what_its_tests_ask(shared: Path) -> None:
    file = shared / "humaneval" / "HumanEval.jsonl.gz"
    ahead = asked = 0
    for row in map(json.loads, gzip.decompress(file.read_bytes()).splitlines()):
        calls = classify.classify(row["test"], row["entry_point"]).calls
        made = _asked(row)
        ahead, asked = ahead + len(calls), asked + len(made)
        assert [_written(*call) for call in calls] == [_written(*call) for call in made[: len(calls)]]
    assert ahead > 0.6 * asked


def _asked(row: dict[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    """What the tests of one problem ask of its reference, all in one process."""
    scope: dict[str, Any] = {}
    exec(row["prompt"] + row["canonical_solution"], scope)
    made: list[tuple[str, tuple[Any, ...]]] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            made.append((name, copy.deepcopy(arguments)))
            return function(*arguments)

        return noted

    names = classify.classify(row["test"], row["entry_point"]).names
    tests = {name: noting(name, scope[name]) for name in names if callable(scope.get(name))}
    random.seed(0)
    exec(row["test"], tests)
    tests["check"](tests[row["entry_point"]])
    return made
