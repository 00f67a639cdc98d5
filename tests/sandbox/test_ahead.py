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
from tunesmith.sandbox.box.messages import channel, codec, remote
from tunesmith.sandbox.box.testing import classify


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


TOLD = {
    "a loop": ("for i in range(3):\n    assert f(i) == i", ["f(0)", "f(1)", "f(2)"]),
    "random arguments": (
        "import random\nfor _ in range(2):\n    x = random.randint(0, 9)\n    assert f(x) == x",
        ["f(6)", "f(6)"],
    ),
    "an answer as argument": (
        "for i in range(2):\n    a = f(i)\n    assert abs(g(a, i) - 1) < 2",
        ["f(0)", "g(#0, 0)", "f(1)", "g(#2, 1)"],
    ),
    "a list that changes later": (
        "x = []\nfor i in range(2):\n    x.append(i)\n    assert f(x) == x",
        ["f([0])", "f([0, 1])"],
    ),
    "a helper": (
        "def same(a):\n    assert f(a) == a\nfor i in range(2): same(i)",
        ["f(0)", "f(1)"],
    ),
    "what depends on an answer": ("for i in range(3):\n    if f(i): assert f(9)", ["f(0)"]),
    "identity": ("for i in range(3):\n    if f(i) is None: f(9)", []),
    "its type": ("for i in range(3):\n    if isinstance(f(i), int): f(9)", ["f(0)"]),
    "an error that is caught": ("for i in range(3):\n    try: f(i)\n    except ValueError: f(9)", []),
    "an answer within a list": ("for i in range(3):\n    f([f(i)])", ["f(0)"]),
    "an answer as a key": ("for i in range(3):\n    d = {f(i): 1}\n    f(9)", ["f(0)"]),
    "an answer as text": ("for i in range(3):\n    f(str(f(i)))", ["f(0)"]),
    "the rest of an assertion": (
        "import random\nfor i in range(2):\n    assert f(i) < random.randint(1, 2)",
        ["f(0)"],
    ),
    "tests that spin": ("while True: pass\nf(1)", []),
    "more than is asked at once": ("for i in range(9999): assert f(i) == i", [f"f({n})" for n in range(500)]),
    "long arguments": ("for i in range(9): assert f('a' * 30_000)", ["f('" + "a" * 30_000 + "')"] * 2),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_of_tests(name: str) -> None:
    tests, told = TOLD[name]
    assert [_written(*call) for call in classify.read(tests, "").calls] == told


def _written(name: str, arguments: tuple[Any, ...], earlier: tuple[tuple[int, int], ...] | None) -> str:
    words = [repr(argument) for argument in arguments]
    for place, number in earlier or ():
        words[place] = f"#{number}"
    return f"{name}({', '.join(words)})"


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
    assert classify.read(tests, "").calls
    (outcome,) = pool.run([Program(code, tests)])
    assert (outcome.passed, outcome.judged) == (True, "plain"), outcome


def test_to_stop_is_no_answer_to_a_question() -> None:
    said = bytes(codec.encode(("stopped", None, None), lambda _: (int, ())))[codec.HEAD.size :]
    session = remote.Session(lambda _: said)
    with pytest.raises(channel.Gone, match="no sense"):
        session.ask("len", [1])


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_fail(pool: Pool, name: str) -> None:
    code, tests = WRONG[name]
    (outcome,) = pool.run([Program(code, tests)])
    assert (outcome.status, outcome.judged) == ("failed", "plain"), outcome


def test_what_is_told_of_humaneval_is_what_its_tests_ask(shared: Path) -> None:
    file = shared / "humaneval" / "HumanEval.jsonl.gz"
    told = asked = 0
    for row in map(json.loads, gzip.decompress(file.read_bytes()).splitlines()):
        calls = classify.read(row["test"], row["entry_point"]).calls
        made = _asked(row)
        told, asked = told + len(calls), asked + len(made)
        answers = [answer for *_, answer in made]
        for (name, arguments, earlier), (made_name, made_arguments, _) in zip(calls, made, strict=False):
            expected = list(arguments)
            for place, number in earlier or ():
                expected[place] = answers[number]
            assert (name, repr(tuple(expected))) == (made_name, repr(made_arguments)), row["task_id"]
        assert len(calls) <= len(made), row["task_id"]
    assert told > 0.95 * asked


def _asked(row: dict[str, Any]) -> list[tuple[str, tuple[Any, ...], Any]]:
    """What the tests of one problem ask of its reference, and what it answers: all in one process."""
    scope: dict[str, Any] = {}
    exec(row["prompt"] + row["canonical_solution"], scope)
    made: list[tuple[str, tuple[Any, ...], Any]] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            before = copy.deepcopy(arguments)
            answer = function(*arguments)
            made.append((name, before, copy.deepcopy(answer)))
            return answer

        return noted

    names = classify.read(row["test"], row["entry_point"]).names
    tests = {name: noting(name, scope[name]) for name in names if callable(scope.get(name))}
    random.seed(0)
    exec(row["test"], tests)
    tests["check"](tests[row["entry_point"]])
    return made
