"""Faults planted by the score are caught by the mechanism that is there for them, and good rows are kept.

Forty failed evolutions, wrong fixes, wrong translations and wrong labels each, twenty unfaithful prefaces,
and as many good ones of every kind: at least 95% caught, at most 2% lost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sandbox_only import SandboxOnly
from stdlib_functions import stdlib_functions
from tables import table

from tunesmith.replies import fenced
from tunesmith.requests import Request
from tunesmith.sample import Drop, Sample
from tunesmith.sandbox import open_sandbox
from tunesmith.selection.failed_evolution import FailedEvolution
from tunesmith.starter import world
from tunesmith.starter.teacher import mistake, reply
from tunesmith.starter.teacher.python import rework
from tunesmith.starter.teacher.python.bugs import injected
from tunesmith.step import Context
from tunesmith.synthesis.hindsight import Hindsight
from tunesmith.synthesis.hindsight import fault as unfaithful
from tunesmith.verification.consensus import Consensus
from tunesmith.verification.repair import Repair
from tunesmith.verification.translation import Translation

Count = tuple[int, int, int, int]
"""caught, planted, good ones lost, good ones."""
TASKS = [
    task
    for task in world.tasks("train")
    if any(near.results() != task.results() for near in world.near_misses(task))
]


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    with open_sandbox(2) as pool:
        yield Context("planted", resources=SandboxOnly(pool))


def near(task: world.Task) -> world.Task:
    """A neighbouring task with other results: its program is a fault."""
    return next(other for other in world.near_misses(task) if other.results() != task.results())


def failed(things: Sequence[Sample | Drop]) -> int:
    return sum(isinstance(t, Drop) or t.verdicts[-1].passed is False for t in things)


def evolutions(ctx: Context, _: Path) -> Count:
    good: list[Sample] = []
    for number, code in enumerate(stdlib_functions(120)):
        task = rework.evolved("Write this.", code, "constraints", Random(number))
        solved = reply(Request.of("", intent="answer", facts={"instruction": task})) if task else None
        if task and solved and len(good) < 40:
            parent = f"Write this.\n\n{fenced(code, 'python')}"
            meta = {"evolved_from": parent, "heuristic": "constraints"}
            good.append(Sample.born("e", instruction=task, answer=solved, language="python", meta=meta))
    spoilt = [row.grow("p", **_spoilt(row, number % 5)) for number, row in enumerate(good)]
    lost, caught = (failed([t for row in rows for t in _kept(row, ctx)]) for rows in (good, spoilt))
    return caught, len(spoilt), lost, len(good)


def _kept(row: Sample, ctx: Context) -> list[Sample | Drop]:
    reason = FailedEvolution().fault(row)
    return [Drop(row, reason)] if reason else []


def _spoilt(row: Sample, how: int) -> dict[str, Any]:
    return (
        {"instruction": str(row.meta["evolved_from"]).upper()},
        {"answer": "I'm sorry, but I cannot do this."},
        {"answer": row.answer[: len(row.answer) // 2]},
        {"instruction": "#Given Prompt#: " + row.instruction},
        {"answer": "Yes, it is."},
    )[how]


def shows(bug: str, program: str) -> bool:
    """Whether our own mutant differs from its program on any short list; not every mutation has an effect."""
    worlds: list[dict[str, Any]] = [{}, {}]
    for names, code in zip(worlds, (program, bug), strict=True):
        exec(code, names)
    for xs in itertools.chain.from_iterable(itertools.product(range(-2, 4), repeat=n) for n in range(4)):
        try:
            if worlds[1]["solve"](list(xs)) != worlds[0]["solve"](list(xs)):
                return True
        except Exception:  # a mutant may raise anything
            return True
    return False


def fixes(ctx: Context, _: Path) -> Count:
    """A bug in each program with another bug for a fix, or with the task solved in any style for one.

    Bugs without any effect are not planted: a row about one is no good row, and none is lost with it.
    """
    right: list[Sample] = []
    wrong: list[Sample] = []
    for number, task in enumerate(TASKS):
        program = world.solution(task, "loop")
        bug, other = injected(program, Random(number)), injected(program, Random(number + 5000))
        if bug and other and bug[0] != other[0] and len(right) < 40 and shows(bug[0], program):
            good = world.solution(task, world.STYLES[number % len(world.STYLES)])
            for fix, rows in ((good, right), (other[0], wrong)):
                meta = {"information": fenced(bug[0], "python")}
                rows.append(
                    Sample.born("s", task="repair", language="python", code=program, meta=meta,
                                tests=world.tests(task), answer=fenced(fix, "python"))
                )  # fmt: skip
    lost, caught = (failed(list(Repair().batch(rows, ctx))) for rows in (right, wrong))
    return caught, len(wrong), lost, len(right)


def translations(ctx: Context, _: Path) -> Count:
    """Python in one style to Python in another: the same comparison as between languages."""
    rows: dict[bool, list[Sample]] = {True: [], False: []}
    for task in TASKS[:40]:
        source = world.solution(task, "loop")
        for right, told in ((True, task), (False, near(task))):
            target = fenced(world.solution(told, "functional"), "python")
            meta = {"information": fenced(source, "python")}
            rows[right].append(
                Sample.born("s", task="translation", language="python", code=source, answer=target, meta=meta,
                            tests=world.tests(task))
            )  # fmt: skip
    lost, caught = (failed(list(Translation().batch(rows[right], ctx))) for right in (True, False))
    return caught, 40, lost, 40


def labels(ctx: Context, folder: Path) -> Count:
    """Three right answers and one wrong to each task, with a wrong test planted in each."""
    rows, wrong = [], set()
    for task in TASKS[:40]:
        asked, other = world.instruction(task, Random(1)), near(task)
        tests = [
            "\n".join(world.tests(task).splitlines()[-5:]),
            "",
            "",
            world.tests(other).splitlines()[-1],
        ]
        codes = [
            *(world.solution(task, style) for style in world.STYLES),
            world.solution(other, "loop"),
        ]
        for code, test in zip(codes, tests, strict=True):
            rows.append(Sample.born("s", instruction=asked, answer=fenced(code, "python"), tests=test))
        wrong.add(rows[-1].id)
    made = list(Consensus().table(table(folder, rows), ctx))
    caught = failed([t for t in made if isinstance(t, Sample) and t.id in wrong])
    lost = failed([t for t in made if isinstance(t, Sample) and t.id not in wrong])
    return caught, len(wrong), lost, len(rows) - len(wrong)


def prefaces(ctx: Context, _: Path) -> Count:
    caught = lost = planted = 0
    for code in stdlib_functions(60):
        row = Sample.born("s", instruction="Do it.", answer=fenced(code, "python"), language="python")
        (request,) = Hindsight(size=1).ask(row, ctx)
        true, false = reply(request), mistake(request)
        if true and false:
            planted += 1
            caught += bool(unfaithful(row, false, 80))
            lost += bool(unfaithful(row, true, 80))
    return caught, planted, lost, planted


def test_planted_faults_are_caught_and_good_rows_kept(ctx: Context, tmp_path: Path) -> None:
    kinds = {"failed evolutions": evolutions, "wrong fixes": fixes, "wrong translations": translations,
             "wrong labels": labels, "unfaithful prefaces": prefaces}  # fmt: skip
    counts = {name: count(ctx, tmp_path) for name, count in kinds.items()}
    for name, (caught, planted, lost, good) in counts.items():
        print(f"{name}: caught {caught} of {planted}, lost {lost} of {good} good ones")  # noqa: T201 - figures
    for name, (caught, planted, lost, good) in counts.items():
        assert planted >= (20 if name == "unfaithful prefaces" else 40), name
        assert caught >= 0.95 * planted and lost <= 0.02 * good, name
