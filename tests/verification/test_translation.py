"""Translations are held against their source on honest inputs; where there are none, nothing is claimed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from random import Random

import pytest
from stdlib_functions import stdlib_functions

from tunesmith.replies import fenced
from tunesmith.sample import Sample
from tunesmith.sandbox import Pool, languages, open_sandbox
from tunesmith.starter.teacher.python.describe import one_function
from tunesmith.starter.teacher.python.to_javascript import translated
from tunesmith.step import Context, Embedder, Sandbox
from tunesmith.verification._differential import alike
from tunesmith.verification._inputs import entry, inputs_for
from tunesmith.verification.translation import Translation

GCD = "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return abs(a)"
EVEN = "def even(n: int) -> bool:\n    return n % 2 == 0"


class Resources:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def sandbox(self) -> Sandbox:
        return self._sandbox

    def embedder(self, name: str) -> Embedder:
        raise AssertionError(f"nobody asked for {name}")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


def row(source: str, target: str, language: str = "python", tests: str = "", **meta: object) -> Sample:
    information = {"information": fenced(source, "python"), **meta}
    return Sample.born(
        "s", task="translation", language=language, code=source, answer=fenced(target, language), tests=tests,
        meta=information,
    )  # fmt: skip


def marked(sandbox: Sandbox, *rows: Sample) -> list[tuple[bool | None, str]]:
    made = list(Translation(cpu_seconds=1).batch(rows, Context("proven", resources=Resources(sandbox))))
    assert [thing.id for thing in made if isinstance(thing, Sample)] == [r.id for r in rows]
    return [(t.verdicts[-1].passed, t.verdicts[-1].reason) for t in made if isinstance(t, Sample)]


REVERSED = "def back(xs):\n    return xs[::-1]"


@pytest.mark.parametrize(
    ("source", "target", "tests", "verdict"),
    [
        (GCD, GCD.replace("gcd", "greatest"), "", (True, "")),
        (GCD, GCD.replace("abs(a)", "a"), "", (False, "returns otherwise")),
        (GCD, GCD.replace("a % b", "a"), "", (False, "the answer does not run")),
        (EVEN, EVEN.replace("n % 2 == 0", "1 - n % 2"), "", (False, "returns otherwise")),
        (GCD, "def gcd(:", "", (False, "the answer does not run")),
        (GCD, "import nosuch\n" + GCD, "", (None, "needs what is not installed")),
        (REVERSED, REVERSED, "", (None, "no honest inputs")),
        (REVERSED, REVERSED, "assert back([1, 2]) == [2, 1]", (True, "")),
        (REVERSED, "def back(xs):\n    return sorted(xs)", "assert back([1, 2]) == [2, 1]",
         (False, "returns otherwise")),
        ("def f(n: int):\n    raise ValueError", EVEN, "", (None, "the source returns on too few inputs")),
        ("def f(n: int):\n    return object()", EVEN, "", (None, "the source returns on too few inputs")),
        ("class A:\n    pass", EVEN, "", (None, "no single function to call")),
        ("def f(xs: list[int]):\n    xs.sort()", "def f(xs):\n    xs.reverse()", "",
         (False, "returns otherwise")),
    ],
)  # fmt: skip
def test_a_translation_returns_what_its_source_returns(
    pool: Pool, source: str, target: str, tests: str, verdict: tuple[bool | None, str]
) -> None:
    assert marked(pool, row(source, target, tests=tests)) == [verdict]


def test_a_language_that_is_not_compared_is_unknown_and_says_so(pool: Pool) -> None:
    assert marked(pool, row(GCD, "class A {}", "java")) == [(None, "no comparison for java")]


def test_without_a_toolchain_a_translation_is_unknown(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "toolchain", lambda name: None)
    ((passed, reason),) = marked(pool, row(GCD, "function gcd(a, b) {}", "javascript"))
    assert passed is None
    assert reason.startswith("no toolchain: javascript (install node")


def test_javascript_is_held_against_its_python_source(pool: Pool) -> None:
    if why := languages.missing("javascript"):
        pytest.skip(why)
    right = "export function greatest(a, b) {\n  while (b) { [a, b] = [b, a - b * Math.floor(a / b)]; }\n"
    right += "  return Math.abs(a);\n}"
    rows = [
        row(GCD, right, "javascript"),
        row(GCD, right.replace("Math.abs(a)", "a"), "javascript"),
        row(GCD, "function gcd(a {", "javascript"),
        row(EVEN, "const even = (n) => n % 2 === 0;", "javascript"),
        row(EVEN, "const even = (n) => (n % 2 === 0 ? 1 : 0);", "javascript"),
    ]
    assert [passed for passed, _ in marked(pool, *rows)] == [True, False, False, True, False]


def test_what_the_starter_teacher_translates_returns_the_same_in_javascript(pool: Pool) -> None:
    """Functions of the standard library that it can translate, and the same with one operator turned."""
    if why := languages.missing("javascript"):
        pytest.skip(why)
    right: list[Sample] = []
    wrong: list[Sample] = []
    for code in (GCD, EVEN, *stdlib_functions(1500)):
        source = one_function(code)
        script = (
            translated(source.function) if source and isinstance(source.function, ast.FunctionDef) else None
        )
        if script and len(right) < 8:
            right.append(row(code, script, "javascript"))
            wrong.append(row(code, script.replace("return ", "return 1 + 2 * "), "javascript"))
    good = [passed for passed, _ in marked(pool, *right)]
    bad = [passed for passed, _ in marked(pool, *wrong)]
    assert False not in good and good.count(True) >= 3
    assert True not in bad


def test_rows_of_other_tasks_pass_unmarked(pool: Pool) -> None:
    other = Sample.born("s", task="generation", answer=GCD)
    assert list(Translation().batch([other], Context("proven", resources=Resources(pool)))) == [other]


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("def f(n):\n    return n % 2", {int}),
        ("def f(s):\n    return s.lower()", {str}),
        ("def f(xs):\n    return [x * 2 for x in xs if x > 1]", {list}),
        ("def f(words: list[str]):\n    return len(words)", {list}),
        ("def f(x, y=2):\n    return x - y", {int}),
        ("def f(x):\n    return 0.5 * x - x", {int, float}),
        ("def f(x):\n    return x", set()),
        ("def f(xs):\n    return [x for x in xs]", set()),
        ("def f(*xs):\n    return sum(xs)", set()),
    ],
)
def test_inputs_are_made_only_of_types_that_are_sure(code: str, kinds: set[type]) -> None:
    function = entry(code)
    assert function is not None
    found = inputs_for(function, [], Random(1), 40)
    assert {type(value) for call in found for value in call} == kinds
    assert found == inputs_for(function, [], Random(1), 40)
    assert len({repr(call) for call in found}) == len(found) <= 40


def test_values_of_two_languages_are_compared_as_json() -> None:
    assert alike([1, 2.0, "a", {"k": None}], [1.0, 2, "a", {"k": None}])
    assert not alike(True, 1) and not alike(0, False) and not alike(None, 0) and not alike([1], [1, 2])
