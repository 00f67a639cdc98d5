"""Code written from a summary alone tells whether the summary says enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sandbox_only import SandboxOnly
from tables import table

from tunesmith.replies import fenced
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample
from tunesmith.sandbox import open_sandbox
from tunesmith.starter import world
from tunesmith.starter.teacher import reply
from tunesmith.step import Context
from tunesmith.synthesis.round_trip import RoundTrip
from tunesmith.verification.round_trip import RoundTrip as Judge

CODE = "def area(w: int, h: int):\n    return w * h"
SUMMARY = Sample.born(
    "s", task="summarisation", language="python", answer=f"It gives the area.\n{fenced(CODE)}", code=CODE,
    instruction="Explain this.", meta={"information": fenced(CODE, "python")},
)  # fmt: skip


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    with open_sandbox(2) as pool:
        yield Context("back", resources=SandboxOnly(pool))


def verdicts(ctx: Context, folder: Path, rows: list[Sample]) -> list[bool | None]:
    made = list(Judge().table(table(folder, rows), ctx))
    assert [thing.id for thing in made if isinstance(thing, Sample)] == [row.id for row in rows]
    return [thing.verdicts[-1].passed for thing in made if isinstance(thing, Sample)]


def test_the_writer_sees_the_words_of_the_summary_and_never_the_code(ctx: Context) -> None:
    (request,) = RoundTrip().ask(SUMMARY, ctx)
    asked = request.messages[-1].content
    assert "It gives the area." in asked and "area(w: int, h: int)" in asked and "w * h" not in asked


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fenced(CODE, "python"), ""), (CODE, ""), ("", "empty"), ("Sorry, I cannot.", "refused"),
        ("```python\ndef area(", "cut off"), ("def area(:", "answer does not parse"),
        ("1 + 1", "no function"),
        ("```javascript\nfunction f() {}\n```", "answer does not parse"),
    ],
)  # fmt: skip
def test_every_reply_lands_in_a_row_or_in_the_bin_and_the_summary_stays(
    ctx: Context, reply: str, reason: str
) -> None:
    kept, child = RoundTrip().read(SUMMARY, [Completion(reply)], ctx)
    assert kept == SUMMARY
    assert (child.reason if isinstance(child, Drop) else "") == reason
    row = child.sample if isinstance(child, Drop) else child
    assert row.parents == (SUMMARY.id,) and row.code.strip() == CODE


def test_other_rows_ask_nothing_and_pass(ctx: Context) -> None:
    row = Sample.born("s", task="generation", answer=CODE, language="python")
    assert RoundTrip().ask(row, ctx) == [] and list(RoundTrip().read(row, [], ctx)) == [row]


def test_the_verdict_comes_back_to_the_summary(ctx: Context, tmp_path: Path) -> None:
    right, wrong = Completion(CODE), Completion(CODE.replace("*", "+"))
    both = [made for made in RoundTrip().read(SUMMARY, [wrong, right], ctx) if isinstance(made, Sample)]
    assert verdicts(ctx, tmp_path, both) == [True, False, True]
    assert verdicts(ctx, tmp_path, both[:2]) == [False, False]
    assert verdicts(ctx, tmp_path, both[:1]) == [None]


def test_the_tests_of_the_original_judge_where_there_are_any(ctx: Context, tmp_path: Path) -> None:
    summary = SUMMARY.grow("s", meta={**SUMMARY.meta, "reference_tests": "assert area(2, 5) == 10"})
    reply = Completion(CODE.replace("w * h", "10"))
    made = [thing for thing in RoundTrip().read(summary, [reply], ctx) if isinstance(thing, Sample)]
    assert made[1].tests and verdicts(ctx, tmp_path, made) == [True, True]


def test_the_starter_teacher_writes_back_what_a_summary_says(ctx: Context, tmp_path: Path) -> None:
    """Ten summaries that say all and ten that describe a neighbouring task."""
    rows: list[Sample] = []
    for task in world.tasks("train")[60:70]:
        near = next(o for o in world.near_misses(task) if o.results() != task.results())
        for told in (task, near):
            rows.append(
                Sample.born(
                    "s", task="summarisation", language="python", code=world.solution(task, "loop"),
                    answer=world.instruction(told, Random(3)),
                    meta={"reference_tests": world.tests(task), "right": told is task},
                )
            )  # fmt: skip
    made: list[Sample] = []
    for row in rows:
        replies = [Completion(reply(request) or "") for request in RoundTrip().ask(row, ctx)]
        made += [thing for thing in RoundTrip().read(row, replies, ctx) if isinstance(thing, Sample)]
    judged = verdicts(ctx, tmp_path, made)
    right = [passed for row, passed in zip(made, judged, strict=True) if row.meta["right"]]
    wrong = [passed for row, passed in zip(made, judged, strict=True) if not row.meta["right"]]
    assert set(right) == {True} and set(wrong) == {False} and len(right) == len(wrong) == 20
