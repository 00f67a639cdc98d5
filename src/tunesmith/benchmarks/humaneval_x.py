"""HumanEval-X (Zheng et al. 2023, CodeGeeX): HumanEval's problems written by hand in five languages.

``humanevalx-LANG`` with LANG one of python, cpp, java, js and go; ``humanevalx`` stands for all five. The
task is to write the function. HumanEvalPack began from these rows and mended some of their tests.
"""

from __future__ import annotations

from ..code.braces import header_name
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .humanevalpack import LANGUAGES, SETUP, STOP, ending_tests
from .problem import Benchmark, Problem

_LANGUAGES = ("python", "cpp", "java", "js", "go")
_NEEDS = ("task_id", "prompt", "declaration", "canonical_solution", "test")
_GO_NEEDS = ("import", "test_setup")


def names() -> dict[str, tuple[str, ...]]:
    """The group and its benchmarks."""
    return {"humanevalx": tuple(f"humanevalx-{lang}" for lang in _LANGUAGES)}


def _source(name: str) -> BenchmarkSource:
    lang = name.partition("-")[2]
    path = f"humanevalx/humaneval_{lang}.jsonl.gz"
    return BenchmarkSource(name, path, hub=("THUDM/humaneval-x", f"data/{lang}/data/humaneval.jsonl"))


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    return f"md5 {md5(locate(_source(name), data))}"


def load(name: str, data: str | None) -> Benchmark:
    """The problems in one language."""
    lang = name.partition("-")[2]
    found = rows(locate(_source(name), data), (*_NEEDS, *_GO_NEEDS) if lang == "go" else _NEEDS)
    return Benchmark(name, version(name, data), tuple(_problem(row, lang) for row in found))


def _problem(row: Row, lang: str) -> Problem:
    language, called = LANGUAGES[lang]
    entry_point = _declared(row["declaration"])
    return Problem(
        task_id=row["task_id"],
        instruction=(
            f"Complete this {called} function. Reply with the whole {called} code in one code block.\n\n"
            f"```{language}\n{row['prompt'].rstrip()}\n```"
        ),
        tests=ending_tests(row, lang, entry_point),
        prompt=row["prompt"],
        entry_point=entry_point,
        language=language,
        canonical=row["prompt"] + row["canonical_solution"],
        setup=SETUP.get(lang, ""),
        cpu_seconds=10.0 if lang in ("python", "js", "java") else None,
        stop=STOP.get(lang, ()),
    )


def _declared(declaration: str) -> str:
    """The function that a declaration ends with: a line of its body, or a brace, may stand below."""
    headers = (line for line in reversed(declaration.splitlines()) if "(" in line)
    return next((name for line in headers if (name := header_name(line))), "")
