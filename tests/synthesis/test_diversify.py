"""Several answers to one instruction, judged by a model or by execution, with the judge's noise measured."""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from tunesmith.evaluation.agreement import Agreement, agreement
from tunesmith.models.starter import StarterTeacher
from tunesmith.replies.verdict import LABELS, PASSED
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample, Verdict
from tunesmith.starter import world
from tunesmith.step import Context
from tunesmith.synthesis.diversify import PERSONAS, REASON, Diversify
from tunesmith.synthesis.self_evaluate import SelfEvaluate

CTX = Context("diverse", seed=4)
TASK = Sample.born("s", instruction="Add two numbers.", language="python")


def test_each_answer_has_a_persona_of_its_own_and_names_it() -> None:
    step = Diversify(n=5)
    requests = step.ask(TASK, CTX)
    systems = [request.messages[0].content for request in requests]
    assert len(set(systems)) == 5 and set(systems) <= set(PERSONAS.values()) and len(PERSONAS) >= 8
    rows = list(step.read(TASK, [Completion(f"x = {n}") for n in range(5)], CTX))
    assert [row.system for row in rows if isinstance(row, Sample)] == systems
    assert all(isinstance(row, Sample) and PERSONAS[row.meta["persona"]] == row.system for row in rows)


def test_the_same_answer_twice_is_kept_once() -> None:
    made = list(Diversify(n=2).read(TASK, [Completion("x = 1")] * 2, CTX))
    assert isinstance(made[0], Sample)
    assert isinstance(made[1], Drop) and made[1].reason == "same answer again"


def test_more_answers_than_personas_are_refused() -> None:
    with pytest.raises(ValidationError, match="as many personas"):
        Diversify(personas=("terse", "tutor"), n=3)


FENCED = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize("reasoning", ["taught", "apart"])
def test_reasoning_is_told_apart_from_the_code_and_kept(reasoning: Any) -> None:
    step = Diversify(n=2, reasoning=reasoning)
    requests = step.ask(TASK, CTX)
    assert all(request.messages[0].content.endswith(REASON) for request in requests)
    ways = ["A sum is one sign away.", "For example:\n```text\nadd(1, 2) gives 3\n```\nso `+` will do."]
    after = "\nIt takes one step."
    made = list(step.read(TASK, [Completion(f"{way}\n\n{FENCED}{after}") for way in ways], CTX))
    rows = [row for row in made if isinstance(row, Sample)]
    assert [row.meta["rationale"] for row in rows] == ways, "two ways to one program are both kept"
    if reasoning == "apart":
        assert [(row.answer, row.system) for row in rows] == [(FENCED + after, "")] * 2
    else:
        assert [row.answer for row in rows] == [f"{way}\n\n{FENCED}{after}" for way in ways]
        assert [row.system for row in rows] == [request.messages[0].content for request in requests]


@pytest.mark.parametrize("reasoning", ["taught", "apart"])
@pytest.mark.parametrize(
    ("reply", "finish", "reason"),
    [
        (FENCED, "stop", "no reasoning"), (f"---\n{FENCED}", "stop", "no reasoning"),
        ("Add the two.", "stop", "no code"), ("Add the two.", "length", "cut off"),
        ("Add.\n```python\ndef add(", "stop", "cut off"), ("", "stop", "empty"),
        ("I'm sorry, but I cannot help with that.", "stop", "refused"),
    ],
)  # fmt: skip
def test_a_reply_without_reasoning_or_code_leaves_by_name(
    reply: str, finish: str, reason: str, reasoning: Any
) -> None:
    step = Diversify(n=1, reasoning=reasoning)
    (made,) = step.read(TASK, [Completion(reply, finish_reason=finish)], CTX)
    assert isinstance(made, Drop) and made.reason == reason


def test_without_the_wish_for_reasoning_nothing_is_asked_or_cut() -> None:
    step = Diversify(n=1)
    (request,) = step.ask(TASK, CTX)
    assert REASON not in request.messages[0].content and "reasoning" not in request.facts
    (made,) = step.read(TASK, [Completion(f"Add.\n{FENCED}")], CTX)
    assert isinstance(made, Sample) and made.answer == f"Add.\n{FENCED}" and "rationale" not in made.meta


def test_the_starter_teacher_tells_the_steps_to_its_program() -> None:
    step, teacher = Diversify(n=3, reasoning="taught"), StarterTeacher(error_rate=0).connect()
    plain = Diversify(n=3)
    for task in world.tasks("train")[:40]:
        row = Sample.born("s", instruction=world.instruction(task, Random(3)), language="python")
        replies = [asyncio.run(teacher.complete(request)) for request in step.ask(row, CTX)]
        made = list(step.read(row, replies, CTX))
        for thing in made:
            child = thing.sample if isinstance(thing, Drop) else thing
            assert all(any(says in child.meta["rationale"] for says in part.says) for part in task.parts)
        bare = [asyncio.run(teacher.complete(request)).text for request in plain.ask(row, CTX)]
        assert {text.startswith("```python") for text in bare} == {True}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("passed", True), ("Not passed.", False), ("**not passed**", False), ("The answer is correct.", True),
        ("No", False), ("YES", True), ("It failed", False), ("incorrect", False), ("Passed, I think", True),
        ("I would rather not say", None), ("nothing", None), ("", None), ("notable", None),
    ],
)  # fmt: skip
def test_a_verdict_is_what_the_reply_begins_with(text: str, label: bool | None) -> None:
    assert PASSED.read(text) is label


def test_p_pass_weighs_the_first_tokens() -> None:
    first = {" passed": math.log(0.6), "not": math.log(0.2), "Hm": math.log(0.2)}
    assert PASSED.probability(first) == pytest.approx(0.75)
    assert PASSED.probability({"Hm": -0.1}) is None


def test_labels_by_execution_need_a_known_verdict_and_no_question() -> None:
    step = SelfEvaluate(labels="verdicts", truth="executed")
    for passed in (True, False, None):
        row = TASK.grow("a", answer="x = 1").judged(Verdict("executed", passed))
        assert step.ask(row, CTX) == []
        (made,) = step.read(row, [], CTX)
        if passed is None:
            assert isinstance(made, Drop) and made.reason == "no verdict"
        else:
            assert isinstance(made, Sample) and made.answer == LABELS[passed]


def test_the_noise_of_a_judge_wrong_on_a_fifth_of_the_rows_is_found_and_execution_has_none() -> None:
    """The starter teacher's judge, turned round on 20% of rows, against what is known of each answer."""
    rows, chosen = [], Random(5)
    for task in world.tasks("train")[:250]:
        passed = chosen.random() < 0.5
        near = [other for other in world.near_misses(task) if other.results() != task.results()]
        program = world.solution(task if passed or not near else near[0], world.STYLES[0])
        row = Sample.born(
            "a",
            instruction=world.instruction(task, chosen),
            answer=f"```python\n{program}```",
            language="python",
        )
        rows.append(row.judged(Verdict("executed", passed or not near)))
    step, judge = SelfEvaluate(), StarterTeacher(error_rate=0.2).connect()

    async def ask_all() -> list[Sample | Drop]:
        made: list[Sample | Drop] = []
        for row in rows:
            made += step.read(row, [await judge.complete(request) for request in step.ask(row, CTX)], CTX)
        return made

    labelled = [row for row in asyncio.run(ask_all()) if isinstance(row, Sample)]
    found = agreement(labelled)
    assert found["audited"] == len(rows)
    assert found["low"] < 0.2 < found["high"]
    by_execution = [next(iter(SelfEvaluate(labels="verdicts").read(row, [], CTX))) for row in rows]
    assert all(isinstance(r, Sample) and r.answer == LABELS[bool(r.meta["executed"])] for r in by_execution)


def test_any_judge_is_audited_by_the_verdicts_of_two_steps() -> None:
    said = [(True, True), (True, False), (False, False), (None, True), (True, None), (False, True)]
    rows = [
        TASK.grow("a", answer=f"{n}").judged(Verdict("accepted", judged)).judged(Verdict("ran", so))
        for n, (judged, so) in enumerate(said)
    ]
    found = agreement(rows, "accepted", "ran")
    assert (found["audited"], found["noise"]) == (4, 0.5)
    assert (found["passed_wrongly"], found["failed_wrongly"]) == (1, 1)
    with pytest.raises(ValidationError, match="judge and truth, or neither"):
        Agreement(judge="accepted")


def test_agreement_of_nothing_is_unknown() -> None:
    assert agreement([TASK])["noise"] is None
