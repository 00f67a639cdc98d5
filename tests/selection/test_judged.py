"""Failed evolutions, rejected rows and the best of several: each leaves with its reason."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from tunesmith.models.starter import StarterTeacher
from tunesmith.replies.verdict import YES_NO
from tunesmith.requests import Completion
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Drop, Sample, Verdict
from tunesmith.selection.best import Best
from tunesmith.selection.discriminate import RULES, Discriminate
from tunesmith.selection.failed_evolution import FailedEvolution
from tunesmith.selection.no_gain import NoGain
from tunesmith.starter import world
from tunesmith.step import Context
from tunesmith.verification.yes_probability import YesProbability

CTX = Context("judged")


def evolved(instruction: str = "Add two numbers given as text.", reply: str = "x = 1", **meta: Any) -> Sample:
    meta = {"evolved_from": "Add two numbers.", "heuristic": "reason"} | meta
    return Sample.born("e", instruction=instruction, answer=reply, language="python", meta=meta)


def reason_of(made: Sequence[Sample | Drop]) -> str:
    return made[0].reason if isinstance(made[0], Drop) else "kept"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (evolved(), "kept"),
        (evolved(reply=""), "kept"),
        (evolved("numbers two. ADD"), "no gain over the parent"),
        (evolved("Please add the two numbers."), "kept"),
        (evolved("It is the and of."), "empty instruction"),
        (evolved("Sorry, I cannot rewrite this."), "instruction refuses"),
        (evolved("#Rewritten Prompt#: add more numbers"), "template leakage"),
        (evolved("word " * 601), "instruction too long"),
        (evolved(reply="I'm sorry, I can't do that."), "answer refuses"),
        (evolved(reply="I'm sorry, I cannot. " + "word " * 75), "answer refuses"),  # 79 words
        (evolved(reply="I'm sorry, I cannot. " + "word " * 76), "answer does not parse"),  # no refusal: 80
        (evolved(reply="Sure, here you are."), "answer of stop words only"),
        (evolved(reply="word " * 2001), "answer too long"),
        (evolved(reply="```python\ndef f(:\n```"), "answer does not parse"),
        (evolved(reply="```python\nx = 1"), "answer does not parse"),
        (evolved("Mend:\n```python\nx = 2\n```", "```python\nx = 2 # so\n```", heuristic="misdirect"),
         "answer is the faulty code"),
        (evolved("Mend:\n```python\nx = 2\n```", "x = 3", heuristic="misdirect"), "kept"),
        (evolved("Give 3 numbers.", evolved_from="Give 2 numbers."), "kept"),
        (evolved(evolved_from=""), "kept"),
    ],
)  # fmt: skip
def test_failed_evolutions_leave_by_name(row: Sample, reason: str) -> None:
    made = list(FailedEvolution().row(row, CTX))
    assert reason_of(made) == reason
    assert (made[0].sample if isinstance(made[0], Drop) else made[0]).meta["heuristic"] == row.meta[
        "heuristic"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("equal", "no gain over the parent"), ("Different.", "kept"), ("not equal", "kept"), ("hm", "kept")],
)
def test_a_model_may_say_that_nothing_was_gained(text: str, reason: str) -> None:
    assert reason_of(list(NoGain().read(evolved(), [Completion(text)], CTX))) == reason
    assert NoGain().ask(evolved(evolved_from=""), CTX) == []


# discriminate


def analysis(overall: bool = True, **broken: str) -> str:
    rules = {n: {"holds": n not in broken, "reason": broken.get(n, "fine")} for n in RULES}
    return orjson.dumps({"rules": rules, "overall": overall}).decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (analysis(), "kept"),
        (f"```json\n{analysis()}\n```", "kept"),
        (analysis(overall=False, readable="no"), "rule broken: readable"),
        (analysis(overall=True, readable="no"), "verdict contradicts itself"),
        (analysis(overall=False), "overall verdict is no"),
        ('{"overall": true}', "malformed verdict"),
        (analysis().replace("true", '"yes"'), "malformed verdict"),
        ("Looks good", "malformed verdict"),
        ("[[[[", "malformed verdict"),
        ("Sorry, I cannot judge this.", "refused"),
        ("", "empty"),
    ],
)
def test_a_row_stays_only_by_a_whole_verdict_without_contradiction(text: str, reason: str) -> None:
    (made,) = Discriminate().read(evolved(), [Completion(text)], CTX)
    assert reason_of([made]) == reason
    row = made.sample if isinstance(made, Drop) else made
    assert row.id == evolved().id
    if "rule" in reason or reason == "kept":
        assert row.meta["analysis"] and row.verdicts[-1].passed == (reason == "kept")


def test_rules_are_data_and_every_one_is_shown() -> None:
    step = Discriminate(rules={"short": "The answer is short."})
    (request,) = step.ask(evolved(), CTX)
    assert "short: The answer is short." in request.messages[-1].content
    assert "imports present" not in request.messages[-1].content
    made = list(
        step.read(
            evolved(),
            [Completion('{"rules": {"short": {"holds": true, "reason": ""}}, "overall": true}')],
            CTX,
        )
    )
    assert reason_of(made) == "kept"


def test_the_starter_discriminator_catches_planted_wrong_answers_and_keeps_right_ones() -> None:
    """Forty wrong answers and forty right ones to tasks of the starter world."""
    right, wrong, chosen = [], [], Random(2)
    for task in world.tasks("train")[100:140]:
        asked = world.instruction(task, chosen) + " Use Python."
        near = next(o for o in world.near_misses(task) if o.results() != task.results())
        for made, into in ((task, right), (near, wrong)):
            reply = f"```python\n{world.solution(made, world.STYLES[1])}```"
            row = Sample.born(
                "a", instruction=asked.removesuffix(" Use Python."), answer=reply, language="python"
            )
            into.append(row)
    step = Discriminate(rules={name: RULES[name] for name in RULES if name != "language named"})
    kept = asyncio.run(_kept(step, right)), asyncio.run(_kept(step, wrong))
    print(f"kept {kept[0]} of 40 right answers and {kept[1]} of 40 wrong ones")  # noqa: T201 - figures
    assert kept[0] >= 39 and kept[1] <= 2


async def _kept(step: Discriminate, rows: Sequence[Sample]) -> int:
    model = StarterTeacher(error_rate=0).connect()
    kept = 0
    for row in rows:
        replies = [await model.complete(request) for request in step.ask(row, CTX)]
        kept += isinstance(next(iter(step.read(row, replies, CTX))), Sample)
    return kept


# the best of several


def test_the_best_row_of_each_parent_stays_and_ties_go_to_the_earlier(tmp_path: Path) -> None:
    parents = [Sample.born("p", code=str(n)) for n in range(2)]
    scores = [(0, 0.2), (0, 0.9), (1, 0.5), (1, 0.5), (1, None)]
    rows = []
    for number, (parent, score) in enumerate(scores):
        row = parents[parent].grow("i", draw=number, instruction=f"{number}")
        rows.append(row if score is None else row.judged(Verdict("sure", passed=True, score=score)))
    write_rows(tmp_path / "rows-0.parquet", rows, {})
    made = list(Best(judge="sure", min_score=0.3).table(Table([tmp_path / "rows-0.parquet"]), CTX))
    told = [thing.reason if isinstance(thing, Drop) else "kept" for thing in made]
    assert told == ["not the best", "kept", "kept", "not the best", "no score"]


def test_p_yes_is_taken_from_log_probabilities_or_else_from_the_word() -> None:
    assert YES_NO.probability({"YES": math.log(0.3), " no": math.log(0.1)}) == pytest.approx(0.75)
    step = YesProbability()
    for completion, score in (
        (Completion("NO", first_logprobs={"Yes": math.log(0.8), "No": math.log(0.2)}), 0.8),
        (Completion("Yes, it does."), 1.0),
        (Completion("no"), 0.0),
    ):
        (row,) = step.read(evolved(), [completion], CTX)
        assert isinstance(row, Sample)
        assert row.verdicts[-1].score == pytest.approx(score)
        assert row.verdicts[-1].passed == (score >= 0.5)
