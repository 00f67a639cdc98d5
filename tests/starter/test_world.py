"""The starter world: its tests bite, and nothing that is held out can be learnt from training."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.starter import world
from tunesmith.starter.world.families import FAMILIES
from tunesmith.starter.world.parts import SLOTS
from tunesmith.starter.world.task import Task, pool
from tunesmith.starter.world.wording import FRAMES

TRAIN, DEV, TEST = (world.tasks(split) for split in ("train", "dev", "test"))
ALL = (*TRAIN, *DEV, *TEST)
HELD_OUT = {task.name for task in (*DEV, *TEST)}
any_task = st.sampled_from(ALL)
lucks = st.integers(0, 10**6).map(random.Random)


def solve(program: str) -> Any:
    space: dict[str, Any] = {}
    exec(program, space)
    return space["solve"]


def passes(program: str, tests: str) -> bool:
    space: dict[str, Any] = {}
    exec(program, space)
    try:
        exec(tests, space)
    except AssertionError:
        return False
    return True


def test_there_are_hundreds_of_tasks_in_four_families_with_many_wordings() -> None:
    assert len(ALL) == len({task.name for task in ALL}) >= 600
    assert len({task.family.name for task in ALL}) >= 4
    assert 150 <= len(TEST) <= 200
    assert len(DEV) >= 60
    assert len(world.STYLES) >= 3
    assert len(FRAMES) >= 3
    assert all(
        len(set(part.says)) >= 3 for family in FAMILIES for slot in SLOTS for part in family.parts(slot)
    )


@pytest.mark.parametrize("style", world.STYLES)
def test_every_answer_in_every_style_passes_the_tasks_tests(style: str) -> None:
    assert [t.name for t in ALL if not passes(world.solution(t, style), world.tests(t))] == []


def test_tests_have_at_least_eight_inputs_the_empty_one_among_them() -> None:
    empty = {"numbers": "solve([])", "digits": "solve(0)", "words": "solve([])", "text": "solve('')"}
    for task in ALL:
        assert world.tests(task).count("assert ") >= 8
        assert empty[task.family.name] in world.tests(task)


@given(any_task, st.sampled_from(world.STYLES))
def test_a_program_with_one_part_changed_fails_or_does_the_same_everywhere(task: Task, style: str) -> None:
    near = {miss.name for miss in world.near_misses(task)}
    assert len(near) >= 5
    for variant in task.variants():
        program = world.solution(variant, style)
        if variant.name in near:
            assert not passes(program, world.tests(task)), variant.name
        else:
            same, wanted = solve(program), solve(world.solution(task, style))
            assert all(same(given) == wanted(given) for given in pool(task.family.name)), variant.name


def test_no_two_tasks_do_the_same_so_no_held_out_behaviour_is_taught() -> None:
    seen: dict[tuple[str, str], str] = {}
    for task in ALL:
        program = solve(world.solution(task, "comprehension"))
        results = repr([program(given) for given in pool(task.family.name)])
        assert seen.setdefault((task.family.name, results), task.name) == task.name


def test_held_out_combinations_are_new_but_their_parts_are_not() -> None:
    taught = {(t.family.name, part.name) for t in TRAIN if t.keep and t.change for part in t.parts}
    for task in (*DEV, *TEST):
        assert task.keep
        assert task.change
        assert {(task.family.name, part.name) for part in task.parts} <= taught
    assert HELD_OUT.isdisjoint(task.name for task in TRAIN)
    assert {task.name for task in DEV}.isdisjoint(task.name for task in TEST)


def test_the_corpus_holds_no_held_out_instruction_and_no_held_out_program() -> None:
    texts = list(world.corpus())
    tasks = [world.recognise(text) for text in texts if not text.startswith("```")]
    assert {task.name for task in tasks if task} == {task.name for task in TRAIN}
    assert None not in tasks
    held = {f"```python\n{world.solution(t, s)}```\n" for t in (*DEV, *TEST) for s in world.STYLES}
    assert held.isdisjoint(texts)


@given(any_task, lucks)
def test_any_wording_is_read_back_as_its_task(task: Task, rng: random.Random) -> None:
    wordings = list(world.instructions(task))
    assert len(set(wordings)) == len(wordings) == len(FRAMES) * 3 ** len(task.parts)
    text = world.instruction(task, rng)
    assert text in wordings
    assert world.recognise(text) == task
    assert world.recognise(f"\n  {text.lower()} ") == task
    assert world.recognise(text + " Return it twice.") is None


@given(any_task, any_task, st.booleans(), lucks)
def test_a_demand_and_a_misleading_attempt_are_read_back_too(
    task: Task, other: Task, one_pass: bool, rng: random.Random
) -> None:
    text = world.instruction(task, rng)
    attempt = world.solution(other, rng.choice(world.STYLES))
    demanding = world.demand_one_pass(text, rng) if one_pass else text
    assert world.read(demanding) == world.Reading(task, one_pass)
    assert world.read(world.mislead(demanding, attempt, rng)) == world.Reading(task, one_pass, attempt)


@given(st.text())
def test_words_from_elsewhere_are_not_taken_for_a_task(text: str) -> None:
    assert world.recognise(text) is None
    assert world.recognise(f"Write solve(numbers): {text}.") is None
    assert world.recognise("Write solve(matrix): return the sum.") is None
    assert world.recognise("Write solve(numbers): return the sum, return the count.") is None


@given(st.sampled_from(TRAIN), lucks)
def test_evolution_takes_one_step_at_a_time_and_never_reaches_a_held_out_task(
    task: Task, rng: random.Random
) -> None:
    for how in rng.choices(("constraints", "replace", "reason"), k=4):
        options = world.harder(task, how)
        for option in options:
            assert world.split_of(option) == "train"
            assert option.having("take", None).name not in HELD_OUT, "a take more is no new combination"
            assert sum(option.part(slot) != task.part(slot) for slot in SLOTS) == 1
            assert len(option.parts) == len(task.parts) + (how != "replace")
        task = rng.choice(options or [task])


def test_a_held_out_task_stays_held_out_under_any_take() -> None:
    for task in (*DEV, *TEST):
        kept_apart = {world.split_of(task.having("take", part)) for part in (None, *task.family.takes)}
        assert "train" not in kept_apart


def test_tasks_that_evolution_reaches_by_a_take_are_tested_and_answered_like_the_others() -> None:
    rng = random.Random(0)
    taken = [
        option
        for task in rng.sample(TRAIN, 60)
        for option in world.harder(task, "constraints")
        if option.take
    ]
    assert len(taken) > 60
    for task in rng.sample(taken, 60):
        assert all(passes(world.solution(task, style), world.tests(task)) for style in world.STYLES)
        assert world.recognise(world.instruction(task, rng)) == task


def test_the_world_is_the_same_in_every_process() -> None:
    code = "from tunesmith.starter import world; print(world.version())"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.strip() == world.version()
