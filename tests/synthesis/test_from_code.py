"""Instructions made from real code: inspired by a fragment, or read backwards from a program."""

from __future__ import annotations

import orjson
import pytest
from stdlib_functions import stdlib_functions

from tunesmith.code.markdown import code_of
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample
from tunesmith.starter import world
from tunesmith.starter.teacher import reply
from tunesmith.step import Context
from tunesmith.synthesis.inverse import OPENINGS, Inverse
from tunesmith.synthesis.oss_instruct import OssInstruct

CTX = Context("made", seed=9)
CODE = "def add(a, b):\n    total = a + b\n\n    return total"
RAW = Sample.born("raw", code=CODE, language="python", meta={"docstring": "Add two numbers up."})


def test_fragments_are_consecutive_lines_of_the_code_within_the_bounds() -> None:
    step = OssInstruct(min_lines=2, max_lines=6)
    for number, code in enumerate(stdlib_functions(100)):
        row = Sample.born("raw", code=code, draw=number)
        for request in step.ask(row, CTX):
            fragment = request.facts["fragment"].split("\n")
            solid = [line for line in code.split("\n") if line.strip()]
            assert 2 <= len(fragment) <= 6
            assert any(solid[i : i + len(fragment)] == fragment for i in range(len(solid)))


@pytest.mark.parametrize(
    ("problem", "solution", "reason"),
    [
        ("Give the sum of two numbers.", "```python\nprint(1 + 2)\n```", "kept"),
        ("Give the sum of two numbers.", "print(1 + 2)", "kept"),
        ("What does the fragment do?", "print(1)", "about the fragment"),
        ("Give the sum.", CODE, "solution is the fragment"),
        ("Give the sum.", "def f(:", "solution does not parse"),
        ("Give the sum.", "", "empty field"),
        ("Give the sum.", "```python\nx = 1", "cut off"),
    ],
)
def test_problems_stand_alone_and_solutions_are_their_own(problem: str, solution: str, reason: str) -> None:
    record = orjson.dumps({"problem": problem, "solution": solution}).decode()
    (made,) = OssInstruct(min_lines=1, max_lines=4).read(RAW, [Completion(record)], CTX)
    assert (made.reason if isinstance(made, Drop) else "kept") == reason


def test_the_starter_teacher_is_inspired_to_tasks_that_it_solves() -> None:
    made = 0
    for code in stdlib_functions(150):
        row = Sample.born("raw", code=code, language="python")
        step = OssInstruct(min_lines=3)
        for request in step.ask(row, CTX):
            record = reply(request)
            if record:
                (made_row,) = step.read(row, [Completion(record)], CTX)
                assert isinstance(made_row, Sample)
                task = world.recognise(made_row.instruction)
                assert task is not None and world.split_of(task) == "train"
                made += 1
    assert made >= 8


def test_candidates_open_differently_and_repeats_are_dropped() -> None:
    step = Inverse(n=4)
    requests = step.ask(RAW, CTX)
    assert len({request.facts["opening"] for request in requests} & set(OPENINGS)) == 4
    made = list(step.read(RAW, [Completion("Write a sum of two numbers.")] * 2, CTX))
    assert isinstance(made[0], Sample)
    assert code_of(made[0].answer).strip() == CODE
    assert isinstance(made[1], Drop) and made[1].reason == "same instruction again"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Write a function that gives a sum.", "kept"),
        ("Sum it.", "too short"),
        (CODE, "gives the answer away"),
        ("word " * 401, "too long"),
        ("", "empty"),
    ],
)
def test_instructions_read_backwards_do_not_hold_the_answer(text: str, reason: str) -> None:
    (made,) = Inverse(n=1).read(RAW, [Completion(text)], CTX)
    assert (made.reason if isinstance(made, Drop) else "kept") == reason


def test_the_starter_teacher_reads_its_own_programs_backwards() -> None:
    for task in world.tasks("train")[:30]:
        row = Sample.born("raw", code=world.solution(task, world.STYLES[2]), language="python")
        (request,) = Inverse(n=1).ask(row, CTX)
        found = world.recognise(reply(request) or "")
        assert found is not None and found.results() == task.results()


def test_real_functions_are_read_backwards_by_their_docstring() -> None:
    step = Inverse(n=2)
    first, second = (reply(request) for request in step.ask(RAW, CTX))
    assert first and second and first != second and "Add two numbers up." in first
    assert reply(step.ask(Sample.born("raw", code="def f(x):\n    return g(x)"), CTX)[0]) is None
