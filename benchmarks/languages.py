"""Seconds a program, from source to verdict: a cold compiler as harnesses call it, and our sandbox.

    python benchmarks/languages.py --data DIR [--programs 20] [cpp rust go ...]

Both take the same programs in turns (HumanEvalPack's canonical solutions with their tests), one at a
time, in one run; so the load of the machine is the same for both. Each program is new to either.
``own`` is the CPU time of the programs themselves.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tunesmith.benchmarks.humanevalpack import load
from tunesmith.benchmarks.runnable import runnable
from tunesmith.results import Program
from tunesmith.sandbox import languages, open_sandbox

COLD = {
    "cpp": ("main.cpp", ["g++ -std=c++17 main.cpp -o program", "./program"]),
    "rust": ("main.rs", ["rustc --edition=2021 -A warnings main.rs -o program", "./program"]),
    "go": ("main.go", ["go build -o program main.go", "./program"]),
    "java": ("Main.java", ["javac Main.java", "java Main"]),
    "javascript": ("main.js", ["node main.js"]),
    "typescript": ("main.ts", ["node {typescript}/bin/tsc --target esnext main.ts", "node main.js"]),
}
DECLARED = "declare var require: any;\n"
_NAMES = {"javascript": "js"}


def programs(language: str, data: str, count: int) -> list[Program]:
    """The first canonical solutions in a language, prepared for the sandbox."""
    if language == "typescript":
        return typed(programs("javascript", data, 3 * count))[:count]
    found = load(f"humanevalsynthesize-{_NAMES.get(language, language)}", data).problems[:count]
    prepared = [runnable(language, problem.setup + problem.canonical, problem.tests) for problem in found]
    return [Program(code, tests, language) for code, tests in prepared]


def typed(found: list[Program]) -> list[Program]:
    """JavaScript programs that pass as TypeScript too: no benchmark has canonical ones in it."""
    tried = [replace(program, code=DECLARED + program.code, language="typescript") for program in found]
    with open_sandbox() as pool:
        return [program for program, outcome in zip(tried, pool.run(tried), strict=True) if outcome.passed]


def cold(program: Program) -> float:
    """Seconds that the language's own commands take, one after another."""
    name, commands = COLD[program.language]
    found = languages.toolchain(program.language)
    settings = found.settings if found else {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(f"{program.code}\n{program.tests}")
        began = time.perf_counter()
        for command in commands:
            subprocess.run(command.format(**settings).split(), cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - began


def compare(language: str, data: str, count: int) -> None:
    """Print one line: both figures and their ratio."""
    theirs, ours, own = 0.0, 0.0, 0.0
    with open_sandbox(1) as pool:
        given = programs(language, data, count + 1)
        list(pool.run(given[-1:]))  # starts the worker, as the first program of any run does
        for program in given[:-1]:
            theirs += cold(program)
            began = time.perf_counter()
            (outcome,) = pool.run([program])
            ours += time.perf_counter() - began
            own += outcome.seconds
            assert outcome.passed, outcome
    per = [1000 * total / count for total in (theirs, ours, own)]
    print(
        f"{language:12} cold {per[0]:7.0f} ms   ours {per[1]:7.0f} ms   own {per[2]:5.1f} ms   "
        f"ratio {theirs / ours:5.1f}   ({count} programs, isolation {pool.isolation})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("languages", nargs="*", default=[n for n in COLD if not languages.missing(n)])
    parser.add_argument("--data", required=True)
    parser.add_argument("--programs", type=int, default=20)
    given = parser.parse_args()
    for language in given.languages:
        if why := languages.missing(language):
            print(f"{language:12} {why}")
        else:
            compare(language, given.data, given.programs)


if __name__ == "__main__":
    main()
