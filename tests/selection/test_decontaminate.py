"""``selection.decontaminate``: planted leaks are found, what merely resembles is not."""

from __future__ import annotations

import email
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_data
from tables import apart, context, ids_in_order, rows

from tunesmith.benchmarks import load
from tunesmith.benchmarks.problem import Benchmark, Problem
from tunesmith.code.words import words
from tunesmith.errors import DataError, UserError
from tunesmith.selection._overlap import BOILERPLATE, SHORTEST, TELLING, Overlap
from tunesmith.selection.decontaminate import Decontaminate
from tunesmith.sources.folder import Folder
from tunesmith.sources.jsonl import Jsonl

ASKED = "Count how many of the vowels in the given text stand directly before a capital letter."
SHORT = "Sort a list of dates by weekday."
SOLUTION = "def count(text):\n    return sum(a in 'aeiou' and b.isupper() for a, b in zip(text, text[1:]))"
WRAPPED = "You get the name of a file, and then\ncount its lines that end in two blanks or in a tab."
BENCHMARK = Benchmark(
    "vowels",
    "1",
    (
        Problem("v/1", f"{ASKED}\nSay how many of them there are.", "", canonical=SOLUTION),
        Problem("v/2", "Add.", ""),
        Problem("v/3", SHORT, ""),
        Problem("v/4", WRAPPED, ""),
    ),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ASKED, True),
        (f"Please: {ASKED.upper()} Thanks!", True),
        ("the vowels in the given text stand directly before a comma", True),
        ("the vowels in the given text stand directly", False),
        (f"```python\n{SOLUTION}\n```", True),
        (SOLUTION.replace("sum(", "sum(  "), True),
        (SOLUTION.replace("'aeiou'", '"aeiou"').replace("1:", " 1 : "), True),
        (SOLUTION.replace("text", "t"), False),
        (SOLUTION.replace("[1:]", "[-1:]"), False),
        (SHORT, True),
        (WRAPPED, True),
        (WRAPPED.split("\n", maxsplit=1)[0], False),
        ("Say how many of them there are.", False),
        ("Sort a list of dates by month.", False),
        ("Add.", False),
        ("", False),
    ],
)
def test_runs_of_words_are_found_and_shorter_ones_are_not(text, found):
    assert (Overlap([BENCHMARK], 10).find(text) is not None) == found


def test_without_n_grams_only_whole_descriptions_long_sentences_and_solutions_count():
    overlap = Overlap([BENCHMARK], None)
    assert overlap.find(ASKED) and overlap.find(SHORT) and overlap.find(SOLUTION)
    assert overlap.find("the vowels in the given text stand directly before a comma") is None


@pytest.mark.parametrize("problems", [BOILERPLATE, BOILERPLATE + 1])
def test_what_many_problems_of_a_benchmark_share_is_its_boilerplate(problems):
    frame = "Reply with the whole function in one fenced block of code please."
    shared_by = Benchmark("b", "1", tuple(Problem(f"b/{i}", frame, "") for i in range(problems)))
    assert (Overlap([shared_by], 10).find(frame) is None) == (problems > BOILERPLATE)


@pytest.mark.parametrize(
    "phrase",
    [
        "Write a function that takes a string as input and returns the",
        "You are given a list of numbers. You need to return the",
        "that takes an array of integers as input and returns a list of",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "one two three four five six seven eight nine ten",
    ],
)
def test_a_phrase_of_words_that_many_tasks_share_is_not_a_leak(phrase):
    statement = f"{phrase} weekdays on which the ferry to the northern island is cancelled"
    overlap = Overlap([Benchmark("b", "1", (Problem("b/1", statement, ""),))], 10)
    assert overlap.find(f"Please help me. {phrase} result of it.") is None
    assert overlap.find(f"Please help me. {statement}.")


def test_a_statement_in_a_script_without_blanks_is_found_in_part_and_not_by_a_clause():
    asked = (
        "请写一个函数，计算一个列表里所有偶数的平方和，并返回结果。不要使用任何第三方库，输入为空时返回零。"
    )
    overlap = Overlap([Benchmark("b", "1", (Problem("b/1", asked, ""),))], 10)
    assert overlap.find(f"你好。{asked[8:28]}")
    assert overlap.find("请写一个程序读取文件并统计每个单词出现的次数。") is None


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_every_problem_of_the_benchmark_is_found_where_it_is_repeated(name):
    problems = load(name, str(real_data("humaneval").parent)).problems
    overlap = Overlap([Benchmark(name, "1", problems)], 10)
    for text in ("instruction", "prompt", "canonical"):
        assert [p.task_id for p in problems if not overlap.find(getattr(p, text))] == []


def test_of_real_instructions_at_most_three_in_a_thousand_are_lost():
    data = str(real_data("humaneval").parent)
    step = Decontaminate(against=["humaneval", "mbpp"], data=data)
    found = []
    for name in ("code_alpaca_2k", "new_codealpaca"):
        path = real_data(f"instructions/{name}.json.gz")
        found += list(Jsonl(path=str(path)).source(context("seeds")))
    kept, drops = apart(thing for row in apart(found)[0] for thing in step.row(row, context()))
    assert len(kept) + len(drops) > 5000
    assert len(drops) <= 0.003 * (len(kept) + len(drops))


def test_runs_of_numbers_are_no_evidence():
    counting = Benchmark("b", "1", (Problem("b/1", "f(0 1 2 3 4 5 6 7 8 9) of 10 11 12 13", ""),))
    assert Overlap([counting], 10).find("0 1 2 3 4 5 6 7 8 9 of 10 11 12 13") is None


def naive(text: str, evidence: list[tuple[str, ...]]) -> bool:
    padded = f" {' '.join(words(text))} "
    return any(f" {' '.join(run)} " in padded for run in evidence)


FRUITS = ("apple", "pear", "plum", "fig")


@given(
    st.lists(st.sampled_from(FRUITS), max_size=60).map(" ".join),
    st.lists(st.sampled_from(FRUITS[:3]), max_size=30),
)
def test_the_search_finds_what_plain_search_finds(statement, text):
    overlap = Overlap([Benchmark("b", "1", (Problem("b/1", statement, ""),))], 8)
    whole = words(statement)
    evidence = [whole[i : i + 8] for i in range(len(whole) - 7)]
    evidence = [run for run in evidence if len(set(run)) >= TELLING]
    evidence += [whole] * (len(whole) >= SHORTEST)
    assert (overlap.find(" ".join(text)) is not None) == naive(" ".join(text), evidence)


def humaneval() -> list[dict[str, str]]:
    path = (
        real_data("humanevalplus/HumanEvalPlus.jsonl.gz").parents[1]
        / "humanevalpack/humanevalpack-python.jsonl.gz"
    )

    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_planted_leaks_of_every_humaneval_problem_are_found_and_real_code_is_kept():
    step = Decontaminate(against=["humaneval"], data=str(real_data("humaneval").parent))
    problems = humaneval()
    leaks = rows(
        code=[p["declaration"] + p["canonical_solution"] for p in problems],
        instruction=[f"Solve this: {p['docstring']}" for p in problems],
    )
    found = [thing for row in leaks for thing in step.row(row, context())]
    assert ids_in_order(found) == [row.id for row in leaks]
    kept, drops = apart(found)
    assert not kept
    assert {drop.reason for drop in drops} == {"repeats humaneval"}
    own = [
        d.sample.meta["leak"]["problem"] == p["task_id"].replace("Python", "HumanEval")
        for d, p in zip(drops, problems, strict=True)
    ]
    assert sum(own) > 155  # a few problems of HumanEval share a line

    real, _ = apart(Folder(path=str(Path(email.__file__).parent), methods=True).source(context("raw")))
    kept, drops = apart(thing for row in real for thing in step.row(row, context()))
    assert len(drops) <= 2 and len(kept) + len(drops) == len(real)


def test_a_fingerprint_of_the_data_stands_for_it_and_unknown_names_are_refused():
    data = str(real_data("humaneval").parent)
    assert Decontaminate(against=["humaneval"], data=data).outside(context("clean")).startswith("md5 ")
    with pytest.raises(UserError, match=r"steps\.clean\.against: no benchmark is called 'humanevil'"):
        Decontaminate(against=["humanevil"], data=data).outside(context("clean"))


def test_a_folder_without_the_data_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"HumanEval\.jsonl"):
        Decontaminate(against=["humaneval"], data=str(tmp_path)).outside(context("clean"))
