"""Comprehension tasks come from our own lineage, bins and verdicts, and say what is true of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest

from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample, Verdict
from tunesmith.step import Context
from tunesmith.synthesis.comprehend import FAULTS, Comprehend, fault_of

CTX = Context("comprehended")
ANSWERED = Sample.born(
    "s", instruction="Add two numbers.", answer="def add(a, b):\n    return a + b", language="python"
)


def review(**changes: Any) -> str:
    usual = {
        "correctness": 9,
        "clarity": 7,
        "suggestions": "none",
        "refined": "def add(a, b):\n    return a + b",
    }
    return orjson.dumps(usual | changes).decode()


def read(text: str, sample: Sample = ANSWERED, **fields: Any) -> Sample | Drop:
    (made,) = Comprehend(kinds=("review",), **fields).read(sample, [Completion(text)], CTX)
    return made


def test_an_evolved_row_becomes_its_own_evolution_without_a_question() -> None:
    row = ANSWERED.noted(evolved_from="Add.", heuristic="reason")
    step = Comprehend(kinds=("evolution",))
    assert step.ask(row, CTX) == []
    (made,) = step.read(row, [], CTX)
    assert isinstance(made, Sample)
    assert made.answer == "Add two numbers." and made.instruction.endswith("\n\nAdd.")
    assert made.task == "evolution"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("under 50 words", "short"),
        ("cut off", "short"),
        ("solution does not parse", "compile"),
        ("does not parse", "compile"),
        ("template leakage", "clear"),
        ("not one record", "organised"),
        ("over 100 lines", "organised"),
    ],
)
def test_the_right_choice_is_the_reason_of_our_own_bin(reason: str, word: str) -> None:
    row = ANSWERED.noted(dropped=reason, dropped_by="rules")
    (made,) = Comprehend().read(row, [], CTX)
    assert isinstance(made, Sample)
    assert word in made.answer
    assert f"\n{made.answer}\n" in made.instruction


def test_choices_are_shuffled_evenly() -> None:
    rows = [Sample.born("s", answer=f"{n}").noted(dropped="cut off") for n in range(400)]
    letters = Counter(next(iter(Comprehend().read(row, [], CTX))).meta["choice"] for row in rows)  # type: ignore[union-attr]
    assert set(letters) == set("ABCD") and min(letters.values()) > 60


def test_rejected_rows_with_other_reasons_teach_nothing() -> None:
    (made,) = Comprehend().read(ANSWERED.noted(dropped="near-duplicate"), [], CTX)
    assert isinstance(made, Drop) and made.reason == "fit for no comprehension task"
    assert fault_of("near-duplicate") is None and len(FAULTS) == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (review(), "kept"),
        (review(correctness=11), "score out of range"),
        (review(correctness="nine"), "missing field"),
        (review(refined="def add(:"), "refined code does not parse"),
        (review(refined=" "), "empty field"),
        ('{"correctness": 3}', "missing field"),
        ("It looks fine to me.", "not one record"),
    ],
)
def test_reviews_are_read_or_dropped_by_name(text: str, reason: str) -> None:
    made = read(text)
    assert (made.reason if isinstance(made, Drop) else "kept") == reason


@pytest.mark.parametrize(("passed", "score", "kept"), [
    (True, 9, True), (True, 3, False), (False, 2, True), (False, 8, False), (None, 8, True),
])  # fmt: skip
def test_a_score_that_contradicts_execution_is_refused(passed: bool | None, score: int, kept: bool) -> None:
    row = ANSWERED.judged(Verdict("executed", passed))
    made = read(review(correctness=score), row, truth="executed")
    assert isinstance(made, Sample) == kept
    if kept:
        assert isinstance(made, Sample) and made.meta["review_checked"] == (passed is not None)
