"""Names, core words and nearness to benchmark problems; and the form of answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_data
from tables import apart, context, ids_in_order, rows, table

from tunesmith.benchmarks import load
from tunesmith.benchmarks.problem import Benchmark, Problem
from tunesmith.embed import open_embedder
from tunesmith.sample import Sample
from tunesmith.selection._core_words import CoreWords, core
from tunesmith.selection._overlap import Names
from tunesmith.selection._vectors import whole
from tunesmith.selection.answer_format import AnswerFormat
from tunesmith.selection.decontaminate import Decontaminate
from tunesmith.selection.near_benchmark import NearBenchmark
from tunesmith.sources.starter import StarterTasks


def test_function_names_of_several_words_are_found_and_common_ones_are_not():
    asked = [("count_vowels", "b/1"), ("add", "b/2"), ("closestPair", "b/3"), ("", "b/4")]
    names = Names([Benchmark("b", "1", tuple(Problem(i, "", "", entry_point=n) for n, i in asked))])
    assert names.find("def count_vowels(x):").task_id == "b/1"
    assert names.find("closestPair()").task_id == "b/3"
    assert names.find("add(count_vowel, my_count_vowels, closestpair)") is None


def test_core_words_are_stems_in_any_order_without_the_benchmarks_frame():
    statements = [
        "Sorting dates of distant planets by weekday",
        "Rotate matrices",
        "Merge intervals overlapping",
        "Fold",
    ]
    problems = tuple(Problem(f"b/{i}", f"Dear student: {s}", "") for i, s in enumerate(statements))
    found = CoreWords([Benchmark("b", "1", problems)], 0.7)
    assert found.find("By weekday, planet by planet, sort a date").task_id == "b/0"
    assert found.find("Dear student: sort planets") is None
    assert core("sorted sorting SORTS") == {"sort"} and core("rotate rotated rotation") == {"rotat"}


def test_every_starter_problem_is_recognised_and_no_training_task_is_taken_for_one():
    step = Decontaminate(against=["starter"], ngram=None)
    seeds, _ = apart(StarterTasks().source(context("seeds")))
    kept, drops = apart(thing for seed in seeds for thing in step.row(seed, context()))
    assert len(kept) == len(seeds) > 300 and not drops
    for problem in load("starter").problems:
        for column, text in (("instruction", problem.instruction), ("answer", problem.canonical)):
            assert apart(step.row(Sample.born("x", **{column: text}), context()))[1]


def test_the_rows_nearest_to_each_problem_are_dropped_as_plain_search_would(tmp_path):
    data = str(real_data("humaneval").parent)
    step = NearBenchmark(against=["humaneval"], field="code", data=data, top=2)
    solutions = [problem.canonical for problem in load("humaneval", data).problems][:40]
    samples = rows(code=[f"def f{i}(x):\n    return x + {i}" for i in range(700)] + solutions)
    things = list(step.table(table(tmp_path, samples, 256), context()))
    assert ids_in_order(things) == [sample.id for sample in samples]

    embed = open_embedder("hashing").embed
    problems, codes = (
        whole(embed(texts)).values.astype(np.int64)
        for texts in (
            [problem.canonical for problem in load("humaneval", data).problems],
            [sample.code for sample in samples],
        )
    )
    alike = problems @ codes.T
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :2]
    _, drops = apart(things)
    assert {drop.sample.id for drop in drops} == {samples[i].id for i in set(nearest.ravel().tolist())}
    assert {drop.sample.id for drop in drops} >= {sample.id for sample in samples[700:]}

    few = step.model_copy(update={"top": 1})
    _, drops = apart(few.table(table(tmp_path, samples, 256), context()))
    assert {drop.sample.id for drop in drops} == {samples[i].id for i in set(nearest[:, 0].tolist())}

    strict = step.model_copy(update={"threshold": 0.99})
    _, drops = apart(strict.table(table(tmp_path, samples, 256), context()))
    assert {drop.sample.id for drop in drops} == {sample.id for sample in samples[700:]}
    assert all(drop.sample.meta["near"]["similarity"] > 0.99 for drop in drops)


LONG = "word " * 60
CODE = "```python\na = 1\nb = 2\nc = 3\n```"


@pytest.mark.parametrize(
    ("instruction", "answer", "reason"),
    [
        (LONG, f"{LONG}\n{CODE}", ""),
        ("short", f"{LONG}\n{CODE}", "under 10 instruction words"),
        (LONG, CODE, "under 50 answer words"),
        (LONG, LONG, "under 1 fenced blocks"),
        (LONG, f"{LONG}\n{CODE}\n{CODE}", "over 1 fenced blocks"),
        (LONG, f"{LONG}\n```python\na\n```", "under 3 lines of code"),
        (LONG, f"{LONG}\n```python\n" + "a\n" * 101 + "```", "over 100 lines of code"),
        (LONG, f"{LONG}\n{CODE[:-3]}", "the fenced block is not closed"),
        (LONG, f"{LONG * 4}\n{CODE}", "over 200 words before the code"),
        (LONG * 20, f"{LONG}\n{CODE}", "over 1000 instruction words"),
        (LONG, f"{CODE}\n{LONG * 40}", "over 2000 answer words"),
    ],
)
def test_an_answer_out_of_form_is_dropped_with_what_is_wrong(instruction, answer, reason):
    row = Sample.born("x", instruction=instruction, answer=answer)
    _, drops = apart(AnswerFormat().row(row, context()))
    assert [drop.reason for drop in drops] == ([reason] if reason else [])


@given(st.text("`ab \n", max_size=60))
def test_any_answer_comes_out_once(answer):
    step = AnswerFormat(
        min_instruction_words=0,
        min_answer_words=0,
        max_answer_words=9,
        min_blocks=0,
        max_blocks=9,
        min_code_lines=0,
        max_code_lines=2,
        max_lead_words=2,
    )
    row = Sample.born("x", answer=answer)
    assert ids_in_order(step.row(row, context())) == [row.id]
