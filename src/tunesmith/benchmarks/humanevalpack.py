"""HumanEvalPack (Muennighoff et al. 2023, OctoPack): HumanEval in six languages, three tasks.

| name                           | the model is asked                                                   |
|--------------------------------|----------------------------------------------------------------------|
| ``humanevalsynthesize-LANG``   | to write the function from its description                            |
| ``humanevalfix-LANG``          | to repair a buggy one that it sees with its tests                     |
| ``humanevalexplain-LANG``      | to describe the right code; then to write it from its own description |

LANG is python, js, java, go, cpp or rust; the name without it stands for all six.
"""

from __future__ import annotations

import re

from ..code.braces import header_name
from .data_files import BenchmarkSource, Row, locate, md5, rows
from .problem import Benchmark, Problem

LANGUAGES = {
    "python": ("python", "Python"), "js": ("javascript", "JavaScript"), "java": ("java", "Java"),
    "go": ("go", "Go"), "cpp": ("cpp", "C++"), "rust": ("rust", "Rust"),
}  # fmt: skip
TASKS = ("synthesize", "fix", "explain")
_NEEDS = (
    *("task_id", "prompt", "declaration", "canonical_solution", "buggy_solution"),
    *("test", "entry_point", "instruction", "docstring"),
)
STOP = {
    "python": ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert"),
    "go": ("\n//", "\nfunc main(", "struct", "\nfunc"),
}
_PYTHON_SETUP = (
    "".join(
        f"import {name}\n"
        for name in (
            *("math", "re", "sys", "copy", "datetime", "itertools", "collections", "heapq", "statistics"),
            *("functools", "hashlib", "string"),
        )
    )
    + "from typing import *\nfrom collections import *\n"
)
_CPP_SETUP = "#include <bits/stdc++.h>\nusing namespace std;\n"
SETUP = {"python": _PYTHON_SETUP, "cpp": _CPP_SETUP}
"""What the benchmark's own harness puts before every program."""


def names() -> dict[str, tuple[str, ...]]:
    """Each task with its six benchmarks."""
    return {f"humaneval{task}": tuple(f"humaneval{task}-{lang}" for lang in LANGUAGES) for task in TASKS}


def _source(name: str) -> BenchmarkSource:
    lang = name.partition("-")[2]
    path = f"humanevalpack/humanevalpack-{lang}.jsonl.gz"
    return BenchmarkSource(name, path, hub=("bigcode/humanevalpack", f"data/{lang}/data/humanevalpack.jsonl"))


def version(name: str, data: str | None) -> str:
    """MD5 of the data."""
    return f"md5 {md5(locate(_source(name), data))}"


def load(name: str, data: str | None) -> Benchmark:
    """One task in one language."""
    task, _, lang = name.removeprefix("humaneval").partition("-")
    found = rows(locate(_source(name), data), _NEEDS)
    return Benchmark(name, version(name, data), tuple(_problem(row, task, lang) for row in found))


def _problem(row: Row, task: str, lang: str) -> Problem:
    language, called = LANGUAGES[lang]
    head = row["prompt"].replace("fn main(){}", "", 1) if lang == "rust" else row["prompt"]
    return Problem(
        task_id=row["task_id"],
        instruction=_instruction(row, task, called, language),
        tests=ending_tests(row, lang, _entry_point(row)),
        prompt=head,
        entry_point=_entry_point(row),
        language=language,
        canonical=head + row["canonical_solution"],
        buggy=head + row["buggy_solution"] if task == "fix" else "",
        describe=_describe(row, language) if task == "explain" else "",
        describe_chars=len(row["docstring"]) if task == "explain" else 0,
        setup=SETUP.get(lang, ""),
        cpu_seconds=10.0 if lang in ("python", "js", "java") else None,
        stop=STOP.get(lang, ()),
    )


def _entry_point(row: Row) -> str:
    """The function under test, as its header has it: the field beside it is wrong in a dozen rows."""
    header = row["declaration"].rstrip().rpartition("\n")[2]
    named: str = row["entry_point"]
    return named if re.search(rf"\b{re.escape(named)}\b", header) else header_name(header) or named


def _instruction(row: Row, task: str, called: str, language: str) -> str:
    ask = f"Reply with the whole {called} code in one code block."
    if task == "synthesize":
        return f"{row['instruction'].strip()}\n{ask}\n\n```{language}\n{row['prompt'].rstrip()}\n```"
    if task == "fix":
        code = row["declaration"] + row["buggy_solution"]
        shown = f"```{language}\n{code.strip()}\n\n{row['test'].strip()}\n```"
        return f"{shown}\n\nFix the bugs in `{row['entry_point']}`, so that the tests pass. {ask}"
    shown = f"```{language}\n{row['declaration'].rstrip()}\n```"
    return (
        f"Write {called} code that does what this description says:\n\n{{description}}\n\n"
        f"It begins like this:\n{shown}\n{ask}"
    )


def _describe(row: Row, language: str) -> str:
    code = (row["declaration"] + row["canonical_solution"]).strip()
    return (
        f"```{language}\n{code}\n```\n\nDescribe in plain words what this code does, "
        f"in at most {len(row['docstring'])} characters. Quote no code."
    )


def ending_tests(row: Row, lang: str, entry_point: str) -> str:
    """Tests that end with an error where the program is wrong, and follow it in one file."""
    tests: str = row["test"]
    if lang == "js":  # console.assert only prints; and a program could have replaced it
        own = (
            "const assertHolds = (holds, ...said) => "
            "{ if (!holds) throw new Error(said.join(' ') || 'assertion failed') }\n"
        )
        return own + tests.replace("console.assert(", "assertHolds(")
    if lang == "cpp" and entry_point == "strlen":  # C's own would be tested, given a literal
        return tests.replace("int main(", "#define strlen(text) strlen(std::string(text))\nint main(", 1)
    if lang == "go":
        return f"{row['test_setup']}\n{row['import']}\n{tests}"
    if lang == "rust":
        marked = re.compile(r"#\[test\]((?:\s*//[^\n]*)*\s*)fn\s+(\w+)")
        calls = [found[2] for found in marked.finditer(tests)]
        plain = marked.sub(r"\1pub fn \2", tests.replace("#[cfg(test)]", "", 1))
        body = "".join(f"    tests::{name}();\n" for name in calls)
        return f"{plain}\nfn main() {{\n{body}}}\n"
    return tests
