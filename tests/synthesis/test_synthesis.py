"""Evolution, answers, tests, four tasks and their examples: what becomes of a reply, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from pydantic import ValidationError

from tunesmith.requests import Completion
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Drop, Sample
from tunesmith.step import Context
from tunesmith.synthesis.answer import Answer
from tunesmith.synthesis.evolve import METHODS, Evolve, Heuristic
from tunesmith.synthesis.examples import Examples
from tunesmith.synthesis.four_tasks import SCHEMA, SHARES, FourTasks
from tunesmith.synthesis.write_tests import WriteTests

CTX = Context("asked", seed=3)
SEED = Sample.born(
    "seeds", instruction="Write a function that adds two numbers.", answer="def add(a, b):\n    return a + b",
    language="python", code="def add(a, b):\n    return a + b", source="unit", license="mit",
)  # fmt: skip


def read(step: Any, *texts: str, sample: Sample = SEED, finish: str = "stop") -> list[Sample | Drop]:
    return list(step.read(sample, [Completion(text, finish_reason=finish) for text in texts], CTX))


def reasons(made: Sequence[Sample | Drop]) -> list[str]:
    return [thing.reason if isinstance(thing, Drop) else "kept" for thing in made]


def test_code_that_prints_an_apology_is_no_refusal() -> None:
    code = "```python\nprint('Sorry, I cannot do that')\n```"
    assert reasons(read(Answer(), code)) == ["kept"]


# evolve


def test_an_evolved_row_records_heuristic_parent_text_and_round_and_drops_the_old_answer() -> None:
    step = Evolve(weights={"reason": 1})
    (once,) = read(step, "Write a function that adds any number of numbers, given as strings.")
    (twice,) = read(step, "Write a function that adds numbers in any base.", sample=once)  # type: ignore[arg-type]
    assert isinstance(once, Sample) and isinstance(twice, Sample)
    assert (once.answer, once.tests, once.code) == ("", "", "")
    assert once.meta["heuristic"] == "reason"
    assert once.meta["evolved_from"] == SEED.instruction
    assert (once.meta["evolutions"], twice.meta["evolutions"]) == (1, 2)
    assert twice.parents == (once.id,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("WRITE a function, that adds two numbers!", "same as parent"),
        ("<task>\nWrite a function that adds two numbers.\n</task>", "same as parent"),
        ("Add three numbers. #Given Prompt#: add two", "template leakage"),
        ("Here is the rewritten task for you. Add three numbers. </task>", "template leakage"),
        ("word " * 700, "too long"),
        ("```python\ndef add(a, b, c):\n    return a + b + c\n```", "answered, not evolved"),
        ("def add(a, b, c):\n    return a + b + c", "answered, not evolved"),
        ("#Rewritten Prompt#: Add three numbers.", "kept"),
        ("**New task:** Write a function that adds three numbers.", "kept"),
        ("Here is a list of numbers: 1, 2. Write a function that adds them.", "kept"),
        ("Fix this:\n```python\ndef add(a, b):\n    return a - b\n```\nIt must add.", "kept"),
    ],
)
def test_failed_evolutions_are_told_from_harder_tasks(text: str, reason: str) -> None:
    assert reasons(read(Evolve(), text)) == [reason]


def test_titles_and_marks_around_a_new_task_are_taken_off() -> None:
    for text in ("Here is the new task:\n\nAdd three numbers.", "<task>Add three numbers.</task>"):
        (child,) = read(Evolve(), text)
        assert isinstance(child, Sample)
        assert child.instruction == "Add three numbers."


def test_heuristics_are_chosen_by_weight_and_the_same_ones_again() -> None:
    step = Evolve(weights={"constraints": 3, "misdirect": 1})
    rows = [Sample.born("s", instruction=f"task {n}") for n in range(800)]
    chosen = [step.ask(row, CTX)[0].intent for row in rows]
    counts = Counter(chosen)
    assert set(counts) == {"evolve.constraints", "evolve.misdirect"}
    assert 2.3 < counts["evolve.constraints"] / counts["evolve.misdirect"] < 3.9
    assert chosen == [step.ask(row, CTX)[0].intent for row in rows]


def test_each_heuristic_says_its_own_method_and_shows_the_task_only() -> None:
    for heuristic in get_args(Heuristic):
        (request,) = Evolve(weights={heuristic: 1}).ask(SEED, CTX)
        assert METHODS[heuristic] in request.messages[-1].content
        assert SEED.instruction in request.messages[-1].content
        assert "return a + b" not in request.messages[-1].content


@pytest.mark.parametrize("weights", [{}, {"reason": 0}, {"reason": -1}, {"deepen": 1}])
def test_weights_that_choose_nothing_or_something_unknown_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Evolve(weights=weights)  # type: ignore[arg-type]


# answer


def test_each_draw_is_a_child_of_its_own_even_with_equal_text() -> None:
    step = Answer(n=3, system="Be brief.")
    requests = step.ask(SEED, CTX)
    made = read(step, "x = 1", "x = 1", "x = 1")
    assert [request.draw for request in requests] == [0, 1, 2]
    assert len({child.id for child in made if isinstance(child, Sample)}) == 3
    assert all(
        isinstance(c, Sample) and (c.system, c.meta["old_answer"]) == ("Be brief.", SEED.answer) for c in made
    )


def test_an_answer_that_ends_inside_a_code_block_is_cut_off() -> None:
    assert reasons(read(Answer(), "```python\nx = 1")) == ["cut off"]


# write_tests


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```python\nassert add(1, 2) == 3\n```", "kept"),
        ("```python\nassert add(1, 2 ==\n```", "tests do not parse"),
        ("```python\nadd(1, 2)\n```", "tests check nothing"),
        ("```python\nassert True\n```", "tests check nothing"),
        ("```javascript\nconsole.assert(add(1, 2) === 3);\n```", "tests do not parse"),
    ],
)
def test_only_tests_that_check_something_are_kept(text: str, reason: str) -> None:
    assert reasons(read(WriteTests(), text)) == [reason]


def test_tests_are_asked_for_without_the_answer_and_only_where_there_are_none() -> None:
    (request,) = WriteTests().ask(SEED, CTX)
    assert "return a + b" not in request.messages[-1].content
    assert "`add`" in request.messages[-1].content
    tested = SEED.grow("t", tests="assert add(1, 1) == 2")
    assert WriteTests().ask(tested, CTX) == []
    assert list(WriteTests().read(tested, [], CTX)) == [tested]


# four_tasks


def record(**changes: Any) -> str:
    usual = {
        "task": "generation", "instruction": "Write a Python function that adds two numbers.",
        "information": "none", "solution": "def add(a, b):\n    return a + b",
    }  # fmt: skip
    return orjson.dumps(usual | changes).decode()


GENERATION, REPAIR = FourTasks(shares={"generation": 1}), FourTasks(shares={"repair": 1})
TRANSLATION = FourTasks(shares={"translation": 1}, targets=["javascript"])


def test_a_good_record_becomes_an_instruction_with_its_information_and_a_fenced_answer() -> None:
    buggy = "```python\ndef add(a, b):\n    return a - b\n```"
    (row,) = read(REPAIR, record(task="repair", information=buggy))
    assert isinstance(row, Sample)
    assert row.instruction == f"Write a Python function that adds two numbers.\n\n{buggy}"
    assert row.answer == "```python\ndef add(a, b):\n    return a + b\n```"
    assert (row.task, row.language, row.code, row.meta["information"]) == (
        "repair",
        "python",
        SEED.code,
        buggy,
    )


def test_none_is_read_as_no_information() -> None:
    for nothing in ("", "None.", "N/A", "(none)"):
        (row,) = read(GENERATION, record(information=nothing))
        assert isinstance(row, Sample)
        assert row.instruction == "Write a Python function that adds two numbers."


@pytest.mark.parametrize(
    ("step", "text", "reason"),
    [
        (GENERATION, "Here you are:\n```json\n" + record() + "\n```", "kept"),
        (GENERATION, record(task="Code Generation"), "kept"),
        (GENERATION, "no record at all", "not one record"),
        (GENERATION, f"[{record()}, {record()}]", "not one record"),
        (GENERATION, record()[:-30], "not one record"),
        (GENERATION, "[" * 300, "not one record"),
        (GENERATION, '{"task": "generation"}', "missing field"),
        (GENERATION, record(solution=["x"]), "missing field"),
        (GENERATION, record(task="poetry"), "wrong task"),
        (GENERATION, record(instruction=" "), "empty field"),
        (GENERATION, record(solution=""), "empty field"),
        (GENERATION, record(instruction="One. Two. Three."), "instruction over two sentences"),
        (GENERATION, record(information="One. Two. Three."), "information over two sentences"),
        (GENERATION, record(information="x = 1\ny = 2\nz = 3"), "kept"),
        (GENERATION, record(solution="def add(a, b:\n  return"), "solution does not parse"),
        (GENERATION, record(solution="```java\nint x;\n```"), "wrong language"),
        (GENERATION, record(solution="```python\nx = 1"), "cut off"),
        (REPAIR, record(task="repair"), "no information"),
        (REPAIR, record(task="repair", information="def add(a, b):\n    return a + b"), "nothing repaired"),
        (TRANSLATION, record(task="translation", information="def f(): pass", solution="def f(): pass"),
         "wrong language"),
        (TRANSLATION, record(task="translation", information="x = 1", solution="function f() {}"), "kept"),
        (FourTasks(shares={"summarisation": 1}),
         record(task="summarization", information="x = 1", solution="It sets x."), "kept"),
    ],
)  # fmt: skip
def test_records_pass_the_gates_or_fail_by_name(step: FourTasks, text: str, reason: str) -> None:
    assert reasons(read(step, text)) == [reason]


def test_tasks_come_in_their_shares_and_translations_name_another_language() -> None:
    rows = [Sample.born("raw", code=f"x = {n}", language="python") for n in range(1500)]
    requests = [FourTasks().ask(row, CTX)[0] for row in rows]
    counts = Counter(request.intent.removeprefix("four_tasks.") for request in requests)
    shares = {task: count / len(rows) for task, count in counts.items()}
    for task, share in SHARES.items():
        assert abs(shares[task] - share) < 0.04
    targets = {request.facts["target"] for request in requests if "target" in request.facts}
    assert "python" not in targets and len(targets) > 3
    assert all(request.schema == SCHEMA for request in requests)


def test_judged_rows_of_earlier_waves_are_shown_with_the_reason_and_end_there(tmp_path: Path) -> None:
    raw = [Sample.born("raw", code=f"x = {n}", language="python") for n in range(4)]
    judged = SEED.grow("g", instruction="A good task.").noted(analysis={"readable": "clear names"})
    spoilt = SEED.grow("g", instruction="A bad task.").noted(
        analysis={"readable": "no names"}, dropped="rule broken"
    )
    write_rows(tmp_path / "rows-0.parquet", [*raw, judged, spoilt], {})
    made = list(Examples().table(Table([tmp_path / "rows-0.parquet"]), CTX))
    assert reasons(made) == ["kept"] * 4 + ["shown as an example"] * 2
    first = made[0]
    assert isinstance(first, Sample)
    (request,) = GENERATION.ask(first, CTX)
    prompt = request.messages[-1].content
    assert "A good task." in prompt and "clear names" not in prompt
    assert "A bad task." in prompt and "Reason for the rejection: no names" in prompt
    (child,) = read(GENERATION, record(), sample=first)
    assert isinstance(child, Sample) and "examples" not in child.meta


def test_the_store_of_examples_is_bounded_and_hangs_on_no_order(tmp_path: Path) -> None:
    judged = [SEED.grow("g", draw=n, instruction=f"Task {n}.").noted(analysis={"r": "so"}) for n in range(30)]
    raw = [Sample.born("raw", code=f"x = {n}") for n in range(40)]
    shown = []
    for place, rows in enumerate(([*raw, *judged], [*judged[::-1], *raw])):
        write_rows(tmp_path / f"rows-{place}.parquet", rows, {})
        made = Examples(good=2, max_store=5).table(Table([tmp_path / f"rows-{place}.parquet"]), CTX)
        kept = [row for row in made if isinstance(row, Sample)]
        shown.append({row.id: [case["instruction"] for case in row.meta["examples"]["good"]] for row in kept})
    assert shown[0] == shown[1]
    assert len({text for texts in shown[0].values() for text in texts}) == 5


def test_a_row_without_code_is_dropped_without_a_question() -> None:
    empty = Sample.born("raw", instruction="no code here")
    assert FourTasks().ask(empty, CTX) == []
    assert reasons(list(FourTasks().read(empty, [], CTX))) == ["no code"]
