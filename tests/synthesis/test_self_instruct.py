"""Self-Instruct: new tasks in the manner of a pool, gated one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tables import apart, context, table

from tunesmith import api
from tunesmith.requests import Completion
from tunesmith.rows import Table
from tunesmith.sample import Drop, Sample
from tunesmith.selection.novelty import rouge_l, words
from tunesmith.step import Context
from tunesmith.synthesis.companions import Companions
from tunesmith.synthesis.self_instruct import SelfInstruct

CTX = Context("grown")
SEED = Sample.born("s", instruction="Add two numbers.", answer="x", language="python", license="MIT")


def read(*tasks: object, **fields: object) -> list[tuple[str, str]]:
    """(task, reason or empty) of a reply that holds these tasks."""
    step = SelfInstruct.model_validate(fields)
    made = step.read(SEED, [Completion(json.dumps({"tasks": tasks}))], CTX)
    return [(t.sample.instruction, t.reason) if isinstance(t, Drop) else (t.instruction, "") for t in made]


def test_each_good_task_is_a_child_without_answer_and_each_bad_one_says_why() -> None:
    tasks = ["Count the words of a text.", "Add two numbers!", "Sum it.", "Describe the picture at hand.",
             "- Sort the list by length"]  # fmt: skip
    assert read(*tasks, n=5, min_words=3) == [
        (tasks[0], ""), (tasks[1], "a task that was shown"), (tasks[2], "too short"),
        (tasks[3], "beyond text"), (tasks[4], "begins oddly"),
    ]  # fmt: skip
    assert read("word " * 151) == [(("word " * 151).strip(), "too long")]
    (child,) = SelfInstruct().read(SEED, [Completion('{"tasks": ["Count the words of a text."]}')], CTX)
    assert isinstance(child, Sample) and child.parents == (SEED.id,)
    assert (child.answer, child.license, child.meta["grown_from"]) == ("", "MIT", SEED.instruction)


def test_more_tasks_than_asked_for_are_not_taken() -> None:
    assert len(read(*(f"Count the words of text {n}." for n in range(9)), n=3)) == 3


@pytest.mark.parametrize(
    "reply",
    ["", "I'm sorry, I cannot.", '{"tasks": "one"}', '{"tasks": [1]}', '{"tasks": []}', '{"tasks": ["cut',
     "1. Count words.\n2. Sort.", "null"],
)  # fmt: skip
def test_a_reply_without_a_list_of_tasks_drops_the_row_with_the_reply(reply: str) -> None:
    (made,) = SelfInstruct().read(SEED, [Completion(reply)], CTX)
    assert isinstance(made, Drop) and made.reason and made.sample.id == SEED.id


def test_companions_are_other_rows_and_hang_on_the_row_alone(tmp_path: Path) -> None:
    rows = [Sample.born("s", instruction=f"Task {n}.") for n in range(30)]
    kept, _ = apart(Companions(n=3).table(table(tmp_path, rows), context(seed=3)))
    again, _ = apart(Companions(n=3).table(table(tmp_path, rows), context(seed=3)))
    assert kept == again and len({tuple(row.meta["companions"]) for row in kept}) > 20
    for row in kept:
        assert len(set(row.meta["companions"]) - {row.instruction}) == 3
    (one,) = Companions().table(table(tmp_path, rows[:1]), context())
    assert isinstance(one, Sample) and one.meta["companions"] == []


def test_a_pool_grows_by_new_tasks_only(tmp_path: Path) -> None:
    recipe = tmp_path / "grow.yaml"
    recipe.write_text("""\
name: grow
models: {teacher: {use: starter}}
steps:
  seeds:  {do: sources.starter, tasks: 12}
  shown:  {do: synthesis.companions}
  grown:  {do: synthesis.self_instruct, with: teacher}
  pool:   {do: selection.novelty, from: [seeds, grown]}
""")
    folder = api.run(str(recipe), out=tmp_path / "run").folder
    steps = {path.name.split("-", 1)[1]: path for path in folder.glob("0*-*")}
    grown, pool = (list(Table(sorted(steps[name].glob("rows-*.parquet")))) for name in ("grown", "pool"))
    assert len(grown) == 48 and 12 < len(pool) < 60
    texts = [words(row.instruction) for row in pool]
    assert all(rouge_l(a, b) < 0.7 for place, a in enumerate(texts) for b in texts[:place])
