"""Repairs are proven: the bug shows, the fix agrees with the original, and doubt stays doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from sandbox_only import SandboxOnly
from stdlib_functions import stdlib_functions

from tunesmith.replies import fenced
from tunesmith.sample import Sample
from tunesmith.sandbox import open_sandbox
from tunesmith.starter.teacher.python.bugs import injected
from tunesmith.step import Context
from tunesmith.verification.repair import Repair

CLAMP = "def clamp(x, low=0, high=10):\n    if x < low:\n        return low\n    return min(x, high)"


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    with open_sandbox(2) as pool:
        yield Context("proven", resources=SandboxOnly(pool))


def repair(original: str, faulty: str, fixed: str, tests: str = "") -> Sample:
    return Sample.born(
        "s", task="repair", language="python", code=original, answer=fenced(fixed, "python"), tests=tests,
        meta={"information": fenced(faulty, "python")},
    )  # fmt: skip


def marked(ctx: Context, *rows: Sample) -> list[tuple[bool | None, str]]:
    made = list(Repair().batch(rows, ctx))
    assert [thing.id for thing in made if isinstance(thing, Sample)] == [row.id for row in rows]
    return [(t.verdicts[-1].passed, t.verdicts[-1].reason) for t in made if isinstance(t, Sample)]


@pytest.mark.parametrize(
    ("faulty", "fixed", "verdict"),
    [
        (CLAMP.replace("x < low", "x > low"), CLAMP, (True, "")),
        (CLAMP.replace("x < low", "low > x"), CLAMP, (False, "the bug does not show")),
        (CLAMP.replace("min", "max"), CLAMP.replace("low=0", "low=1"), (False, "the fix is none")),
        (CLAMP.replace("return min", "while True:\n        pass\n    return min"), CLAMP, (True, "")),
        (CLAMP.replace("min", "missing"), CLAMP.replace("x < low", "low > x"), (True, "")),
        ("def clamp(:", CLAMP, (None, "no way to run it alone")),
    ],
)
def test_bug_and_fix_are_compared_with_the_original(
    ctx: Context, faulty: str, fixed: str, verdict: tuple[bool | None, str]
) -> None:
    assert marked(ctx, repair(CLAMP, faulty, fixed)) == [verdict]


def test_tests_decide_where_there_are_any(ctx: Context) -> None:
    wrong, tests = CLAMP.replace("min", "max"), "assert clamp(50) == 10"
    rows = [repair("", wrong, CLAMP, tests), repair("", CLAMP, CLAMP, tests), repair("", wrong, wrong, tests)]
    assert [passed for passed, _ in marked(ctx, *rows)] == [True, False, False]


def test_code_that_needs_its_surroundings_is_left_unknown(ctx: Context) -> None:
    code = "def f(x):\n    return os.path.join(ROOT, x)"
    assert marked(ctx, repair(code, code.replace("join", "dirname"), code))[0][0] is None


def test_rows_of_other_tasks_pass_unmarked(ctx: Context) -> None:
    row = Sample.born("s", task="generation", answer=fenced(CLAMP, "python"), code=CLAMP, language="python")
    assert list(Repair().batch([row], ctx)) == [row]


POSITIVE = "def positive(numbers):\n    return [n for n in numbers if n > 0]"
TESTS = "assert positive([3, -4]) == [3]\nassert positive([]) == []\nassert positive([0]) == []"


@pytest.mark.parametrize(
    ("original", "fixed", "verdict"),
    [
        (POSITIVE, POSITIVE.replace("> 0", "> 1"), (False, "the fix is none")),
        (POSITIVE, "def positive(numbers):\n    return list(filter(lambda n: 0 < n, numbers))", (True, "")),
        (POSITIVE.replace("> 0", ">= 0"), POSITIVE, (True, "")),
        ("", POSITIVE.replace("> 0", "> 1"), (True, "")),
    ],
    ids=["departs where no test looks", "another style", "the raw code fails the tests", "no raw code"],
)
def test_a_fix_that_passes_the_tests_must_also_agree_with_sound_raw_code(
    ctx: Context, original: str, fixed: str, verdict: tuple[bool | None, str]
) -> None:
    row = repair(original, POSITIVE.replace("[n for", "[-n for"), fixed, TESTS)
    assert marked(ctx, row) == [verdict]


def test_the_fields_say_how_much_is_tried_and_how_much_must_tell(ctx: Context) -> None:
    row = repair(CLAMP, CLAMP.replace("x < low", "x > low"), CLAMP)
    told = {}
    for arguments in (10, 200):
        (made,) = Repair(max_inputs=arguments).batch([row], ctx)
        assert isinstance(made, Sample)
        told[arguments] = made.meta["compared"]["informative"]
    assert told[10] < told[200]
    (made,) = Repair(max_inputs=10, min_inputs=told[10] + 1).batch([row], ctx)
    assert isinstance(made, Sample)
    assert made.verdicts[-1].reason == "the original returns on too few arguments"


def test_on_real_functions_a_verdict_is_never_wrong_about_the_fix(ctx: Context) -> None:
    rows = []
    for number, code in enumerate(stdlib_functions(90)):
        made = injected(code, Random(number))
        if made and "self" not in code:
            rows.append(repair(code, made[0], code))
    told = Counter(reason for _, reason in marked(ctx, *rows))
    assert told["the fix is none"] == 0
    assert told[""] >= 1
