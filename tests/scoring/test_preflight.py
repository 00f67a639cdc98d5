"""What no program can pass on this machine is left out of a score, and said."""

from collections.abc import Iterator

import pytest

from tunesmith.benchmarks.problem import Problem
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.scoring.preflight import passable


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as made:
        yield made


def problem(number: int, imports: str) -> Problem:
    return Problem(f"DS1000/{number}", "", f"import re\n{imports}\n", as_text=True)


def test_problems_whose_library_is_missing_or_that_need_the_network_are_left_out_and_counted(pool):
    given = [
        problem(1, "import json"),
        problem(2, "from no_such_library import x"),
        problem(819, "import json"),
    ]
    kept, lines = passable(given, pool)
    assert [one.task_id for one in kept] == ["DS1000/1"]
    assert lines == [
        "1 problems (DS1000/2 ...): no_such_library cannot be imported here",
        "1 problems (DS1000/819 ...): their tests fetch data over the network, which the sandbox has not",
    ]


def test_other_benchmarks_are_not_looked_into(pool):
    other = Problem("HumanEval/0", "", "import no_such_library")
    assert passable([other], pool) == ([other], [])
