"""Tasks beside the four, given in the recipe."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample
from tunesmith.step import Context
from tunesmith.synthesis.four_tasks import FourTasks

CTX = Context("made")
CODE = Sample.born("raw", code="def add(a, b):\n    return a + b\n", language="python")
STEP = FourTasks(
    shares={"complexity": 1.0},
    further={"complexity": "Say how the running time of {language} code {grows}; the solution is prose."},
)


def read(**changes: str) -> Sample | Drop:
    record = {
        "task": "complexity", "instruction": "How does this Python code grow?", "information": "none",
        "solution": "In constant time.",
    } | changes  # fmt: skip
    (made,) = STEP.read(CODE, [Completion(json.dumps(record))], CTX)
    return made


def test_a_further_task_is_asked_for_by_its_definition() -> None:
    (request,) = STEP.ask(CODE, CTX)
    assert "running time of python code {grows}" in request.messages[-1].content
    assert request.intent == "four_tasks.complexity"
    assert "holds code only" not in request.messages[-1].content


def test_its_solution_may_be_prose_or_code_that_parses() -> None:
    made = read()
    assert isinstance(made, Sample) and (made.task, made.answer) == ("complexity", "In constant time.")
    assert isinstance(read(solution="See:\n```python\nx = 1\n```"), Sample)
    spoilt = read(solution="See:\n```python\nx = (1\n```")
    assert isinstance(spoilt, Drop) and spoilt.reason == "solution does not parse"
    other = read(task="repair")
    assert isinstance(other, Drop) and other.reason == "wrong task"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shares": {"speed": 1}}, "no task is called 'speed'"),
        ({"shares": {"repair": 0}}, "needs a share above 0"),
        ({"further": {"repair": "Another repair."}}, "the four tasks have their definitions"),
    ],
)
def test_shares_of_unknown_tasks_are_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FourTasks.model_validate(fields)
