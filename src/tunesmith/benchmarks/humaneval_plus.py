"""HumanEval+ (Liu et al. 2023): HumanEval with 80 times the tests and its references put right."""

from __future__ import annotations

from . import humaneval
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .differential import UNPREPARED
from .problem import Benchmark, Cases, Problem

SOURCE = BenchmarkSource(
    "humaneval_plus",
    "humanevalplus/HumanEvalPlus.jsonl.gz",
    "https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
)
MEMORY = 4 << 30
"""Bytes; some references hold far more than a program usually may (evalplus allows the same)."""
INPUTS = ("base_input", "plus_input")
_NEEDS = ("task_id", "prompt", "entry_point", "canonical_solution", *INPUTS, "atol")
_RELEASES = {"fe585eb4df8c88d844eeb463ea4d0302": "v0.1.10", "84f4b93a1270b492e4c54d5212da7a5b": "v0.1.9"}


def version(name: str, data: str | None) -> str:
    """The release, where its MD5 is known, and the MD5 of the data."""
    found = md5(locate(SOURCE, data))
    return " ".join(filter(None, (_RELEASES.get(found, ""), f"md5 {found}")))


def load(name: str, data: str | None) -> Benchmark:
    """The problems; ``cases`` are the base inputs, ``plus_cases`` the further ones."""
    found = version(name, data)
    return Benchmark(name, found, tuple(map(_problem, rows(locate(SOURCE, data), _NEEDS, INPUTS))))


def _problem(row: Row) -> Problem:
    oracle = "root" if row["entry_point"] == "find_zero" else "equal"
    return differential(row, oracle, "", humaneval.instruction(row["prompt"]), humaneval.STOP)


def differential(row: Row, oracle: str, shape: str, instruction: str, stop: tuple[str, ...]) -> Problem:
    """One problem in evalplus's format."""
    reference = row["prompt"] + row["canonical_solution"]
    base, plus = (
        Cases(reference, row["entry_point"], row[part], shape, float(row["atol"]), oracle) for part in INPUTS
    )
    return Problem(
        task_id=row["task_id"],
        instruction=instruction,
        tests=UNPREPARED,
        plus_tests=UNPREPARED,
        cases=base,
        plus_cases=plus,
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        canonical=reference,
        cpu_seconds=30.0,
        memory_bytes=MEMORY,
        stop=stop,
    )
