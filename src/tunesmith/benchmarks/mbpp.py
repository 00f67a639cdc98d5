"""MBPP (Austin et al. 2021): short Python problems told in a sentence, each with three asserts.

``mbpp`` is the test split of 500 (ids 11 to 510), ``mbpp_dev`` the validation and training problems (511
to 974), for choices that must not see the test. ``mbpp_sanitized`` are the 427 that were checked by hand,
of all splits; ``mbpp_sanitized_test`` the 257 of them in the test split. MBPP+ is made of the sanitized ones,
so ``mbpp_dev`` holds 147 of its 378 problems; ``mbpp_dev_apart`` are the 301 that were not checked by hand,
for choices whose result is then scored on MBPP+.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from ..code.markdown import defined, parse
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .problem import Benchmark, Problem

_URL = "https://raw.githubusercontent.com/google-research/google-research/master/mbpp"
SOURCES = {
    "mbpp": BenchmarkSource("mbpp", "mbpp/mbpp.jsonl", f"{_URL}/mbpp.jsonl"),
    "mbpp_dev": BenchmarkSource("mbpp_dev", "mbpp/mbpp.jsonl", f"{_URL}/mbpp.jsonl"),
    "mbpp_sanitized": BenchmarkSource(
        "mbpp_sanitized", "mbpp/sanitized-mbpp.json", f"{_URL}/sanitized-mbpp.json"
    ),
}
SOURCES["mbpp_sanitized_test"] = SOURCES["mbpp_sanitized"]
SOURCES["mbpp_dev_apart"] = SOURCES["mbpp_dev"]
_TEST = range(11, 511)
_DEV = range(511, 975)
_RANGES = {
    "mbpp": _TEST, "mbpp_dev": _DEV, "mbpp_dev_apart": _DEV, "mbpp_sanitized": range(975),
    "mbpp_sanitized_test": _TEST,
}  # fmt: skip
_EXAMPLES = (2, 3, 4)
"""The three problems that the paper shows (Section 3.1), from the part that is meant for prompts."""
_IMPORT = re.compile(r"(?:import|from)\s")
_NEEDS = ("task_id", "code", "test_list")


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    own = f"md5 {md5(locate(SOURCES[name], data))}"
    return f"{own} less {version('mbpp_sanitized', data)}" if name == "mbpp_dev_apart" else own


def load(name: str, data: str | None) -> Benchmark:
    """The problems of one split."""
    found = rows(locate(SOURCES[name], data), _NEEDS)
    ids = set(_RANGES[name])
    if name == "mbpp_dev_apart":
        ids -= {int(row["task_id"]) for row in rows(locate(SOURCES["mbpp_sanitized"], data), _NEEDS)}
    problems = tuple(_problem(row) for row in found if int(row["task_id"]) in ids)
    examples = tuple(_problem(row) for row in found if int(row["task_id"]) in _EXAMPLES)
    return Benchmark(name, version(name, data), problems, examples)


def _problem(row: Row) -> Problem:
    """One problem; the two files name the sentence and the set-up differently."""
    text = str(row.get("text") or row.get("prompt") or "")
    tests = [str(test) for test in row["test_list"]]
    setup = "\n".join(filter(None, [*row.get("test_imports", []), row.get("test_setup_code", "")]))
    canonical = str(row["code"]).replace("\r\n", "\n")
    asserts = "\n".join(tests)
    return Problem(
        task_id=f"Mbpp/{row['task_id']}",
        instruction=asked(text, tests),
        tests=f"{setup}\n{asserts}\n".lstrip("\n"),
        prompt=f'"""\n{text}\n{asserts}\n"""\n',
        entry_point=called(asserts, canonical),
        canonical=canonical,
        setup="".join(line + "\n" for line in setup.splitlines() if _IMPORT.match(line)),
        stop=("\nclass ", "\nassert", '\n"""', "\nprint", "\nif ", "\n```"),
    )


def asked(text: str, tests: Sequence[str]) -> str:
    """What an instruction-tuned model is asked: the sentence and the asserts it must satisfy."""
    shown = "\n".join(test.strip() for test in tests)
    return f"{text.strip()}\nYour Python code must pass these tests:\n```python\n{shown}\n```"


def called(asserts: str, canonical: str) -> str:
    """The function under test: the one that the asserts call and the reference defines."""
    tree = parse(asserts)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree else set()
    own = [name for name in defined(canonical) if name in names]
    return own[-1] if own else ""
