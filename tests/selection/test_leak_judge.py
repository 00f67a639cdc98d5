"""Rows near a benchmark problem are shown to a judge, who tells rewordings from neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tables import apart, context, table

from tunesmith.benchmarks import load
from tunesmith.models.starter import StarterTeacher
from tunesmith.requests import Completion, Request
from tunesmith.sample import Drop, Sample
from tunesmith.selection.leak_judge import LeakJudge
from tunesmith.selection.near_benchmark import NearBenchmark
from tunesmith.starter import world
from tunesmith.step import Context

CTX = Context("judge")
NEAR = {"benchmark": "b", "problem": "b/1", "similarity": 0.9, "text": "Add two numbers."}


def marked(*near: dict[str, Any]) -> Sample:
    return Sample.born("s", instruction="Sum two numbers.", meta={"near": {"candidates": list(near)}})


def judged(row: Sample, *replies: str) -> Sample | Drop:
    (made,) = LeakJudge().read(row, [Completion(text) for text in replies], CTX)
    return made


def test_each_near_problem_is_one_question_and_unmarked_rows_are_not_asked_about() -> None:
    requests = LeakJudge().ask(marked(NEAR, {**NEAR, "text": "Count the words."}), CTX)
    assert [("Add two" in r.messages[-1].content) for r in requests] == [True, False]
    row = Sample.born("s", instruction="Sum.", meta={"near": {"problem": "b/1"}})
    assert LeakJudge().ask(row, CTX) == [] and list(LeakJudge().read(row, [], CTX)) == [row]


@pytest.mark.parametrize(
    ("replies", "passed"),
    [
        (("NO", "no, another task"), True),
        (("NO", "I cannot say."), None),
        (("NO", ""), None),
        (("I'm sorry, but I can't help with that.", "No."), None),
        (("NO",), None),
    ],
)
def test_a_row_stays_unless_a_judge_says_yes(replies: Sequence[str], passed: bool | None) -> None:
    made = judged(marked(NEAR, NEAR), *replies)
    assert isinstance(made, Sample) and made.verdicts[-1].passed is passed


@pytest.mark.parametrize("replies", [("YES", "NO"), ("Maybe", "**Yes**, the same"), ("no", "yes.")])
def test_one_yes_drops_the_row_with_the_problem_that_it_rewords(replies: Sequence[str]) -> None:
    made = judged(marked(NEAR, {**NEAR, "problem": "b/2"}), *replies)
    assert isinstance(made, Drop) and made.reason == "rewords b"
    assert made.sample.meta["leak"]["problem"] == ("b/1" if replies[0] == "YES" else "b/2")


def test_reworded_problems_are_found_and_other_tasks_of_the_same_parts_are_kept(tmp_path: Path) -> None:
    rng = Random(3)
    leaks = [
        Sample.born("leak", instruction=rng.choice([*world.instructions(task)]))
        for task in rng.sample(list(world.tasks("test")), 30)
    ]
    clean = [
        Sample.born("seed", instruction=world.instruction(task, rng))
        for task in rng.sample(list(world.tasks("train")), 60)
    ]
    step = NearBenchmark(against=("starter",), field="instruction", to="instruction", top=5, nearest="mark")
    near, dropped = apart(step.table(table(tmp_path, [*leaks, *clean]), context()))
    assert not dropped and len(near) == 90
    assert len(load("starter").problems) * 5 >= sum(len(r.meta["near"].get("candidates", ())) for r in near)
    backend = StarterTeacher(error_rate=0.0).connect()

    async def answers(requests: Sequence[Request]) -> list[Completion]:
        return [await backend.complete(request) for request in requests]

    made = [
        thing
        for row in near
        for thing in LeakJudge().read(row, asyncio.run(answers(LeakJudge().ask(row, CTX))), CTX)
    ]
    kept, drops = apart(made)
    print(f"{len(drops)} of 30 rewordings found by a hashing embedder and rules")  # noqa: T201 - a figure
    assert sum(row.step == "seed" for row in kept) == 60
    assert len(drops) >= 20, "the embedder must bring them near before a judge can see them"
