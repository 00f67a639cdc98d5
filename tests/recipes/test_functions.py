"""The raw code of the tiny stories: right, and of a kind that the starter teacher can work with."""

from __future__ import annotations

import asyncio
import calendar
import itertools
import math
from typing import Any

import pytest
from pydantic import ValidationError
from tables import apart, context

from tunesmith.code.markdown import parse
from tunesmith.models.starter import REFUSAL, StarterTeacher
from tunesmith.requests import Request
from tunesmith.sources.folder import Folder
from tunesmith.sources.starter import StarterTasks as Tasks

SIMPLE, _ = apart(Folder(path="builtin:functions", license="Apache-2.0").source(context("simple")))


def reply(intent: str, **facts: Any) -> str:
    backend = StarterTeacher(error_rate=0.0).connect()
    return asyncio.run(backend.complete(Request((), intent=intent, facts=facts))).text


def function(name: str) -> Any:
    world: dict[str, Any] = {}
    exec(next(row.code for row in SIMPLE if row.meta["name"] == name), world)
    return world[name]


def test_the_functions_on_numbers_do_what_they_say() -> None:
    every = itertools.product(range(4), repeat=3)
    assert all(function("median_of_three")(*three) == sorted(three)[1] for three in every)
    assert all(function("is_leap_year")(year) == calendar.isleap(year) for year in range(1890, 2110))
    days = [function("days_in_month")(month, False) for month in range(1, 13)]
    assert days == [calendar.monthrange(2023, month)[1] for month in range(1, 13)]
    assert [function("factorial")(n) for n in range(9)] == [math.factorial(n) for n in range(9)]
    assert [function("fibonacci")(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]
    assert [n for n in range(20) if function("is_prime")(n)] == [2, 3, 5, 7, 11, 13, 17, 19]
    assert all(
        function("greatest_common_divisor")(a, b) == math.gcd(a, b) for a in range(12) for b in range(12)
    )


def test_the_starter_teacher_can_translate_every_one_of_them() -> None:
    for row in SIMPLE:
        facts = {"code": row.code, "language": "python", "docstring": row.meta["docstring"]}
        name = row.meta["name"]
        assert reply("four_tasks.translation", target="javascript", name=name, **facts) != REFUSAL, name


def test_starter_tasks_can_come_as_raw_code_with_their_task_as_docstring() -> None:
    rows, _ = apart(Tasks(tasks=30, as_code=True).source(context("known")))
    assert len(rows) == 30 and not any(row.instruction or row.answer for row in rows)
    for row in rows:
        assert parse(row.code) and row.tests and f'"""{row.meta["docstring"]}"""' in row.code
        world: dict[str, Any] = {}
        exec(f"{row.code}\n{row.tests}", world)
    with pytest.raises(ValidationError, match="raw code has no answer"):
        Tasks(as_code=True, answered=True)


def test_the_teacher_reads_a_task_off_an_account_only_when_it_is_told_that_it_is_one() -> None:
    rows, _ = apart(Tasks(tasks=1, as_code=True).source(context("known")))
    account = f"{rows[0].meta['docstring']} It takes `x`. Besides, raise ValueError where it is empty."
    assert reply("answer", instruction=account, language="python", head="solve(x)") != REFUSAL
    assert reply("answer", instruction=account, language="python") == REFUSAL
