"""Prefaces say only what the answer does, in an exact share of the rows, and change nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tunesmith.code.facts import TRAITS, claims, code_facts
from tunesmith.replies import fenced
from tunesmith.requests import Completion
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Drop, Sample
from tunesmith.selection.mark import Mark, misalignment
from tunesmith.step import Context
from tunesmith.synthesis.hindsight import Hindsight

CTX = Context("harmonised", seed=1)
PROGRAM = "import math\n\ndef gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return abs(a)"
GCD = Sample.born(
    "s", instruction="Find the greatest common divisor of two numbers.", language="python", source="a",
    answer=fenced(PROGRAM, "python"),
)  # fmt: skip


def read(text: str, step: Hindsight | None = None, sample: Sample = GCD) -> Sample | Drop:
    (made,) = (step or Hindsight(size=1, rejected="drop")).read(sample, [Completion(text)], CTX)
    return made


def test_a_preface_is_put_before_and_the_rest_stays_byte_for_byte() -> None:
    made = read("Use Python with a while loop.")
    assert isinstance(made, Sample)
    assert made.instruction == f"Use Python with a while loop.\n\n{GCD.instruction}"
    assert made.answer == GCD.answer
    assert made.parents == (GCD.id,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Answer in Python by recursion.", "unfaithful: approach"),
        ("Use a binary search over the numbers.", "unfaithful: approach"),
        ("Use the numpy library.", "unfaithful: import"),
        ("Write it in JavaScript.", "unfaithful: language"),
        ("Write it in C#.", "unfaithful: language"),
        ("Answer in C.", "unfaithful: language"),
        ("Use Go, please.", "unfaithful: language"),
        ("Put the answer in c and go on.", "kept"),
        ("Use Python without recursion.", "kept"),
        ("Use the math module in Python.", "kept"),
        ("Loop: while b: a, b = b, a % b until done.", "gives the answer away"),
        ("Like so:\n```python\nreturn 1\n```", "gives the answer away"),
        ("Here is the new instruction: use Python.", "template leakage"),
        ("word " * 81, "too long"),
    ],
)
def test_a_preface_is_held_to_what_the_answer_does(text: str, reason: str) -> None:
    made = read(text)
    assert (made.reason if isinstance(made, Drop) else "kept") == reason


@pytest.mark.parametrize(
    ("language", "said"),
    [("c", "Answer in C."), ("cpp", "Answer in C++."), ("csharp", "Answer in C#."), ("go", "Use Go."),
     ("javascript", "Use JavaScript."), ("java", "Use Java."), ("bash", "A Bash one.")],
)  # fmt: skip
def test_a_preface_may_name_the_language_of_its_own_answer(language: str, said: str) -> None:
    row = GCD.grow("s", language=language, answer=fenced("int x;", language))
    assert isinstance(read(said, sample=row), Sample)
    assert isinstance(read(said), Drop), "the answer is in Python"


def test_a_row_whose_preface_fails_goes_on_unchanged_and_says_why() -> None:
    made = read("Use recursion.", Hindsight(size=1))
    assert isinstance(made, Sample)
    assert (made.id, made.instruction) == (GCD.id, GCD.instruction)
    assert (made.verdicts[0].passed, made.verdicts[0].reason) == (None, "unfaithful: approach")


def test_about_the_share_of_rows_is_asked_and_the_others_pass() -> None:
    rows = [Sample.born("s", instruction=f"task {n}", answer="x") for n in range(2000)]
    step = Hindsight(size=0.1)
    asked = [row for row in rows if step.ask(row, CTX)]
    assert 150 < len(asked) < 250
    assert list(step.read(rows[0], [], CTX)) == [rows[0]]


def test_marks_are_an_exact_share_of_each_source(tmp_path: Path) -> None:
    rows = [Sample.born("s", instruction=f"{n}", answer="x", source=f"source {n % 3}") for n in range(300)]
    write_rows(tmp_path / "rows-0.parquet", rows, {})
    marked = list(Mark(size=0.05).table(Table([tmp_path / "rows-0.parquet"]), Context("chosen")))
    assert [row.id for row in marked] == [row.id for row in rows]
    counts = Counter(row.source for row in marked if row.meta.get("marks") == ["chosen"])
    assert counts == {"source 0": 5, "source 1": 5, "source 2": 5}
    step = Hindsight(marked="chosen")
    assert sum(bool(step.ask(row, CTX)) for row in marked) == 15


def test_the_most_misaligned_rows_are_marked_first(tmp_path: Path) -> None:
    told = GCD.grow("s", instruction="In Python, find a divisor with a while loop and the math module.")
    plain = Sample.born("s", instruction="In Python, say one.", answer="x = 1", source="a")
    write_rows(tmp_path / "rows-0.parquet", [plain, told, GCD], {})
    table = Table([tmp_path / "rows-0.parquet"])
    marked = [row for row in Mark(size=1, choose="misaligned").table(table, CTX) if row.meta.get("marks")]
    assert [row.id for row in marked] == [GCD.id]
    assert misalignment(GCD) > misalignment(told) == misalignment(plain)


def test_every_trait_is_claimed_by_its_own_name() -> None:
    assert all(name in claims(f"It uses {name} here.") for name in TRAITS)
    assert not any(claims(f"Do it without {name}.") & {name} for name in TRAITS)


def test_facts_of_code_are_read_off_its_tree() -> None:
    facts = code_facts(
        "import re\ndef f(a):\n    for b in a:\n        c = [d for d in b]\n    return sorted(c)"
    )
    assert facts is not None
    assert facts.imports == {"re"} and facts.functions == ("f",) and facts.depth == 2
    assert {"loop", "sorting", "list comprehension", "regular expression"} <= facts.traits
    assert code_facts("def f(:") is None
