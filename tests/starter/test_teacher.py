"""The starter teacher in its own world, its seeds, and the benchmark that is kept from it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import replies
from tunesmith.benchmarks import load
from tunesmith.code.find_program import code_of
from tunesmith.errors import UserError
from tunesmith.models.starter import StarterTeacher
from tunesmith.requests import Completion, Request
from tunesmith.sample import Sample
from tunesmith.sources.starter import StarterTasks as Seeds
from tunesmith.starter import world
from tunesmith.step import Context

HEURISTICS = ("constraints", "replace", "reason", "misdirect", "complexity")
HELD_OUT = {task.name for split in ("dev", "test") for task in world.tasks(split)}
EVEN_SUM = "Write solve(numbers): keep the even numbers, then return the sum."


def ask(intent: str, instruction: str, draw: int = 0, error_rate: float = 0.0, **facts: str) -> Completion:
    async def once() -> Completion:
        async with StarterTeacher(error_rate=error_rate).connect() as rules:
            request = Request.of(
                instruction, intent=intent, draw=draw, facts={"instruction": instruction, **facts}
            )
            return await rules.complete(request)

    return asyncio.run(once())


def passes(answer: str, tests: str) -> bool:
    space: dict[str, Any] = {}
    exec(code_of(answer), space)
    try:
        exec(tests, space)
    except AssertionError:
        return False
    return True


def seeds(**fields: Any) -> list[Sample]:
    ctx = Context("seeds", seed=fields.pop("seed", 1))
    return [row for row in Seeds(**fields).source(ctx) if isinstance(row, Sample)]


SOME = seeds(tasks=40)


def test_answers_are_right_and_differ_between_draws() -> None:
    for row in SOME:
        answers = {ask("answer", row.instruction, draw).text for draw in range(12)}
        assert all(passes(answer, row.tests) for answer in answers)
        assert len(answers) >= 2


@given(st.sampled_from(SOME), st.integers(0, 99))
def test_a_careless_teacher_answers_wrongly_and_the_tests_notice(row: Sample, draw: int) -> None:
    assert not passes(ask("answer", row.instruction, draw, error_rate=1.0).text, row.tests)


def test_the_error_rate_is_the_share_of_wrong_answers() -> None:
    answers = [
        ask("answer", row.instruction, draw, error_rate=0.2).text for row in SOME for draw in range(25)
    ]
    wrong = sum(not passes(answer, SOME[i // 25].tests) for i, answer in enumerate(answers))
    assert 0.15 < wrong / len(answers) < 0.25


@given(st.sampled_from(SOME), st.sampled_from(HEURISTICS), st.integers(0, 99))
def test_the_same_question_has_the_same_answer(row: Sample, how: str, draw: int) -> None:
    assert ask(f"evolve.{how}", row.instruction, draw) == ask(f"evolve.{how}", row.instruction, draw)


@given(st.sampled_from(SOME), st.lists(st.sampled_from(HEURISTICS), min_size=1, max_size=4))
def test_an_evolved_task_can_be_tested_and_answered_and_is_never_held_out(
    row: Sample, hows: list[str]
) -> None:
    text = row.instruction
    for how in hows:
        reply = ask(f"evolve.{how}", text)
        if replies.defect(reply) == "refused":
            continue
        assert reply.text != text
        text = reply.text
        reading = world.read(text)
        assert reading is not None
        assert reading.task.having("take", None).name not in HELD_OUT
        tests = code_of(ask("write_tests", text).text)
        assert passes(ask("answer", text).text, tests)
        assert not (reading.misleading and passes(reading.misleading, tests))


def test_a_failed_evolution_is_the_old_task() -> None:
    for how in HEURISTICS:
        assert ask(f"evolve.{how}", EVEN_SUM, error_rate=1.0).text == EVEN_SUM


def test_tighter_complexity_is_answered_in_one_pass_and_refused_where_a_list_is_needed() -> None:
    harder = ask("evolve.complexity", EVEN_SUM).text
    assert all("result += n" in ask("answer", harder, draw).text for draw in range(6))
    assert (
        replies.defect(ask("evolve.complexity", "Write solve(numbers): return a sorted list.")) == "refused"
    )


def test_a_demand_for_one_pass_outlives_further_evolution() -> None:
    harder = ask("evolve.complexity", EVEN_SUM).text
    for how in ("constraints", "replace", "reason", "misdirect"):
        reading = world.read(ask(f"evolve.{how}", harder).text)
        assert reading
        assert reading.one_pass
        assert reading.task.finish.folds


def test_a_persona_with_one_manner_gets_its_style() -> None:
    assert all("filter(lambda" in ask("answer", EVEN_SUM, d, persona="functional").text for d in range(6))


@pytest.mark.parametrize("intent", ["answer", "write_tests", "evolve.reason", "no.such.intent"])
def test_what_no_rule_knows_is_refused_plainly(intent: str) -> None:
    reply = ask(intent, "Write an essay on autumn.")
    assert replies.defect(reply) == "refused"
    assert "not a language model" in reply.text


def test_the_teacher_says_that_it_is_rules_and_counts_words() -> None:
    reply = ask("answer", EVEN_SUM)
    assert "not a language model" in reply.model
    assert reply.usage.input == len(EVEN_SUM.split())
    assert reply.usage.output == len(reply.text.split())
    assert StarterTeacher(error_rate=0.1).identity() != StarterTeacher(error_rate=0.2).identity()
    assert StarterTeacher.reads_facts


def test_seeds_are_as_many_as_asked_for_each_in_other_words_and_from_the_training_split() -> None:
    rows = seeds(tasks=50, phrasings=3)
    assert len(rows) == len({row.instruction for row in rows}) == len({row.id for row in rows}) == 150
    assert len({row.meta["name"] for row in rows}) == 50
    assert HELD_OUT.isdisjoint(row.meta["name"] for row in rows)
    assert {(row.source, row.license, row.language, row.task) for row in rows} == {
        ("starter", "CC0-1.0", "python", "generation")
    }
    assert all(row.tests and not row.answer for row in rows)
    assert all(row.meta["parts"] <= 2 for row in seeds(tasks=50, parts=2))
    assert len(seeds()) == len(world.tasks("train"))


def test_seeds_follow_from_the_recipes_seed() -> None:
    assert seeds(tasks=20, seed=5) == seeds(tasks=20, seed=5) != seeds(tasks=20, seed=6)


def test_seeds_may_come_with_a_right_answer() -> None:
    assert all(passes(row.answer, row.tests) for row in seeds(tasks=30, answered=True))


def test_more_tasks_than_there_are_is_a_mistake_that_says_how_many_there_are() -> None:
    with pytest.raises(UserError, match=r"steps\.seeds\.tasks: 9999 tasks .* there are \d+"):
        Seeds(tasks=9999).outside(Context("seeds"))


def test_the_benchmarks_are_the_held_out_tasks_and_their_reference_programs_pass() -> None:
    reported, steering = load("starter"), load("starter_dev")
    assert 150 <= len(reported.problems) <= 200
    problems = (*reported.problems, *steering.problems)
    assert {problem.task_id.removeprefix("starter/") for problem in problems} == HELD_OUT
    assert len({problem.task_id for problem in problems}) == len(problems)
    assert all(passes(problem.canonical, problem.tests) for problem in problems)
    assert reported.version == world.version()
    asked = {problem.instruction for problem in problems}
    assert asked.isdisjoint(row.instruction for row in seeds(phrasings=15))
