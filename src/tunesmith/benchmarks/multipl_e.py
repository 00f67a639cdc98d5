"""MultiPL-E (Cassano et al. 2022): HumanEval's problems, prompts and tests translated to other languages.

``multipl_e-LANG`` with LANG as its files name it (js, ts, java, cpp, rs, go, cs, ...); ``multipl_e`` stands
for those whose toolchain the sandbox may have. A prompt ends inside a function; the tests close it.
"""

from __future__ import annotations

from ..code.braces import header_name
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .problem import Benchmark, Problem

LANGUAGES = {
    "js": "javascript", "ts": "typescript", "java": "java", "cpp": "cpp", "rs": "rust", "go": "go",
    "cs": "csharp", "php": "php", "rb": "ruby", "sh": "bash", "pl": "perl", "lua": "lua", "r": "r",
    "jl": "julia", "scala": "scala", "swift": "swift", "d": "d", "rkt": "racket",
}  # fmt: skip
"""MultiPL-E's own name of a language, and ours."""
RUNNABLE = ("js", "ts", "java", "cpp", "rs", "go")
_NEEDS = ("name", "prompt", "tests", "stop_tokens")


def names() -> dict[str, tuple[str, ...]]:
    """The group and its benchmarks."""
    return {"multipl_e": tuple(f"multipl_e-{lang}" for lang in RUNNABLE)}


def _source(name: str) -> BenchmarkSource:
    lang = name.partition("-")[2]
    path = f"multipl-e/deepseekfmt-humaneval-{lang}.jsonl.gz"
    return BenchmarkSource(
        name, path, hub=("nuprl/MultiPL-E", f"humaneval-{lang}/test-00000-of-00001.parquet")
    )


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    return f"md5 {md5(locate(_source(name), data))}"


def load(name: str, data: str | None) -> Benchmark:
    """The problems in one language."""
    language = LANGUAGES[name.partition("-")[2]]
    found = rows(locate(_source(name), data), _NEEDS)
    return Benchmark(name, version(name, data), tuple(_problem(row, language) for row in found))


def _problem(row: Row, language: str) -> Problem:
    return Problem(
        task_id=row["name"],
        instruction=(
            f"Complete this {language} function. Reply with the whole function in one code block.\n\n"
            f"```{language}\n{row['prompt'].rstrip()}\n```"
        ),
        tests=row["tests"],
        prompt=row["prompt"],
        entry_point=header_name(row["prompt"]),
        language=language,
        cpu_seconds=15.0,
        stop=tuple(row["stop_tokens"]),
    )
