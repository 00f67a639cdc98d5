"""HumanEval (Chen et al. 2021): 164 Python functions to write from header and docstring."""

from __future__ import annotations

from .data_files import BenchmarkSource, Row, locate, md5, rows
from .problem import Benchmark, Problem

SOURCE = BenchmarkSource(
    "humaneval",
    "humaneval/HumanEval.jsonl.gz",
    "https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
)
STOP = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n@", "\nassert ", "\n```")
"""Where a base model's completion of a function ends."""


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    return f"md5 {md5(locate(SOURCE, data))}"


def load(name: str, data: str | None) -> Benchmark:
    """The problems; tests are the original ``check(candidate)``."""
    found = rows(locate(SOURCE, data), ("task_id", "prompt", "entry_point", "canonical_solution", "test"))
    return Benchmark(name, version(name, data), tuple(map(problem, found)))


def problem(row: Row) -> Problem:
    """One problem in human-eval's format."""
    return Problem(
        task_id=row["task_id"],
        instruction=instruction(row["prompt"]),
        tests=row["test"],
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        canonical=row["prompt"] + row["canonical_solution"],
        stop=STOP,
    )


def instruction(prompt: str, language: str = "Python", tag: str = "python") -> str:
    """What an instruction-tuned model is asked for a function whose header and comment are given."""
    return (
        f"Complete this {language} function. Reply with the whole function in one code block.\n\n"
        f"```{tag}\n{prompt.rstrip()}\n```"
    )
