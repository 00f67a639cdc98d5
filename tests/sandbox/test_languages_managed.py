"""JavaScript, TypeScript and Java: a fresh runtime for each program, compilers that stay warm."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tunesmith.benchmarks import humanevalpack, multipl_e
from tunesmith.benchmarks.problem import Problem
from tunesmith.benchmarks.runnable import runnable
from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, languages, open_sandbox
from tunesmith.sandbox.languages import typescript
from tunesmith.sandbox.levels import levels

TWICE = {
    "javascript": "function twice(x) { return BODY; }",
    "typescript": "declare var process: any;\nfunction twice(x: number): number { return BODY; }",
    "java": "class Some { static int twice(int x) { return BODY; }\n"
    "  static int leave() { System.exit(0); return 0; } }",
}
CHECK = {
    "javascript": "const assert = require('node:assert');\nassert.strictEqual(twice(3), 6);",
    "typescript": "declare var require: any;\nrequire('node:assert').equal(twice(3), 6);",
    "java": "public class Main { public static void main(String[] args) { assert Some.twice(3) == 6; } }",
}
LEAVE = {"javascript": "process.exit(0)", "typescript": "process.exit(0)", "java": "leave()"}
HELLO = {
    "javascript": "console.log(require('fs').readFileSync(0, 'utf8').trim());\nCODE",
    "typescript": "declare var require: any, process: any;\n"
    "console.log(require('fs').readFileSync('/dev/stdin', 'utf8').trim());\nCODE",
    "java": "import java.util.*;\nclass Hello { public static void main(String[] args) {\n"
    "  System.out.println(new Scanner(System.in).nextLine()); CODE } }",
}
THREE = {"javascript": "process.exit(3);", "typescript": "process.exit(3);", "java": "System.exit(3);"}
LANGS = {"javascript": "js", "typescript": "ts", "java": "java"}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


@pytest.fixture(params=sorted(TWICE))
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need(name)
    return name


def need(name: str) -> None:
    if why := languages.missing(name):
        pytest.skip(why)


def one(pool: Pool, language: str, code: str, tests: str = "", **rest: Any) -> Outcome:
    (outcome,) = pool.run([Program(code, tests, language, **rest)])
    return outcome


def test_each_way_to_end_has_its_status(pool: Pool, language: str) -> None:
    bodies = {"2 * x": "passed", "3 * x": "failed", "wrong +": "error", LEAVE[language]: "error"}
    programs = [Program(TWICE[language].replace("BODY", b), CHECK[language], language) for b in bodies]
    outcomes = list(pool.run(programs))
    assert [outcome.status for outcome in outcomes] == list(bodies.values())
    broken = "SyntaxError" if language == "javascript" else "CompileError"
    assert [o.failure for o in outcomes] == ["", "AssertionError", broken, "no verdict"]
    assert {outcome.judged for outcome in outcomes} == {"same_process"}


def test_a_program_without_tests_must_only_run(pool: Pool, language: str) -> None:
    good = one(pool, language, HELLO[language].replace("CODE", ""), stdin="hi\n")
    assert (good.status, good.stdout, good.judged) == ("passed", "hi\n", "")
    bad = one(pool, language, HELLO[language].replace("CODE", THREE[language]), stdin="hi\n")
    assert (bad.status, bad.failure) == ("failed", "exit code 3")


@pytest.mark.slow
def test_every_level_runs_it(language: str) -> None:
    for level in levels():
        if level.available:
            with open_sandbox(1, level.name) as pool:
                outcome = one(pool, language, TWICE[language].replace("BODY", "2 * x"), CHECK[language])
            assert (outcome.passed, outcome.isolation) == (True, level.name), outcome


ENDLESS = {
    "javascript": "for (;;);",
    "typescript": "for (;;);",
    "java": "class A { public static void main(String[] a) { for (;;); } }",
}
HUNGRY = {
    "javascript": "const kept = []; for (;;) kept.push(Buffer.alloc(1 << 22, 1));",
    "typescript": "const kept: number[][] = []; for (;;) kept.push(new Array(1 << 18).fill(1.5));",
    "java": "class A { public static void main(String[] a) { var k = new java.util.ArrayList<int[]>();\n"
    "for (;;) k.add(new int[1 << 20]); } }",
}


def test_time_and_memory_are_limited(pool: Pool, language: str) -> None:
    outcome = one(pool, language, ENDLESS[language], cpu_seconds=0.3)
    assert (outcome.status, outcome.failure) == ("timeout", "cpu time")
    outcome = one(pool, language, HUNGRY[language], memory_bytes=400 << 20)
    assert (outcome.status, outcome.failure) in [("error", "MemoryError"), ("error", "OutOfMemoryError")]


def test_the_tests_hold_what_programs_change(pool: Pool) -> None:
    """Polyfills, own methods and additions to prototypes stay possible all the same."""
    need("javascript")
    honest = """
if (!Array.prototype.flat) Array.prototype.flat = function () { return this; };
Array.prototype.last = function () { return this[this.length - 1]; };
String.prototype.shout = function () { return this.toUpperCase() + '!'; };
class Failure extends Error {
  constructor(said) { super(said); this.name = 'Failure'; this.toString = () => said; }
}
const point = { x: 1 };
point.toString = function () { return 'point'; };
point.valueOf = () => 3;
point.toJSON = () => 'p';
function Old() { this.hasOwnProperty = 1; }
Old.prototype.toString = () => 'old';
Old.prototype.constructor = Old;
const name = 'a', escape = (x) => x;
function twice(x) { return [x, x].last() + (`${point}${new Old()}` === 'pointold' ? x : 0) + (point - 3); }
if (JSON.stringify([point]) !== '["p"]' || 'a'.shout() !== 'A!' || String(new Failure('s')) !== 's') throw 1;
if (require.main !== module) throw new Error('not main');
"""
    assert one(pool, "javascript", honest, CHECK["javascript"]).passed


@pytest.mark.parametrize(
    ("tests", "passed"),
    [
        ("(async () => { if (await slow(2) !== 4) throw new Error('no'); })();", True),
        ("(async () => { if (await slow(2) !== 5) throw new Error('no'); })();", False),
        ("(async () => { await never(); })();", False),
        ("setTimeout(() => { if (twice(1) !== 2) throw new Error('no'); }, 10);", True),
        ("setTimeout(() => { if (twice(1) !== 3) throw new Error('no'); }, 10);", False),
        ("twice(1) === 2 ? process.exit(0) : process.exit(1);", True),
        ("twice(1) === 3 ? process.exit(0) : process.exit(1);", False),
        ("total = twice(1);\nif (total !== 2) throw new Error('no');", True),
        ("const twice = 1;", False),
        ("require('node:test')('it', () => { if (twice(1) !== 2) throw new Error('no'); });", True),
        ("require('node:test')('it', () => { if (twice(1) !== 3) throw new Error('no'); });", False),
    ],
)
def test_javascript_tests_may_be_asynchronous_and_may_exit(pool: Pool, tests: str, passed: bool) -> None:
    need("javascript")
    code = "const twice = (x) => 2 * x;\nconst never = () => new Promise(() => {});\n"
    code += "const slow = (x) => new Promise((done) => setTimeout(() => done(2 * x), 5));"
    assert one(pool, "javascript", code, tests).passed is passed


def test_tests_that_close_what_the_program_opened_are_one_file_with_it(pool: Pool) -> None:
    need("javascript")
    need("java")
    opened = "function twice(x) { return 2 * x;"
    assert one(pool, "javascript", opened, "}\n" + CHECK["javascript"]).passed
    assert not one(pool, "javascript", opened.replace("2", "3"), "}\n" + CHECK["javascript"]).passed
    begun = "class Problem {\n  static int twice(int x) { return 2 * x;"
    rest = "}\n public static void main(String[] args) { assert twice(3) == 6; }\n}"
    assert one(pool, "java", begun, rest).passed
    assert one(pool, "java", begun.replace("2", "3"), rest).failure == "AssertionError"


def test_a_program_sees_its_scratch_folder_and_no_other_file(pool: Pool, shared: Path) -> None:
    need("javascript")
    code = f"""
const fs = require('fs');
fs.writeFileSync('mine.txt', 'kept');
console.log(fs.readFileSync('mine.txt', 'utf8'), fs.existsSync('mine.txt'), fs.existsSync({str(shared)!r}));
"""
    assert one(pool, "javascript", code).stdout == "kept true false\n"


def test_type_errors_are_compile_errors(pool: Pool) -> None:
    need("typescript")
    code = "function twice(x: number): number { return 'a'; }"
    outcome = one(pool, "typescript", code, CHECK["typescript"])
    assert (outcome.status, outcome.failure) == ("error", "CompileError")
    assert "program.ts(1): error TS2322" in outcome.stderr


def test_one_source_leaves_nothing_in_the_compiler_for_the_next(pool: Pool) -> None:
    need("typescript")
    polluted = "interface Array<T> { twice(): number; }\nfunction f() { return [1].twice; }\nlet shared = 1;"
    user = "const n: number = [1].twice();"
    outcomes = list(pool.run([Program(code, "", "typescript") for code in (polluted, user) * 3]))
    assert [outcome.status for outcome in outcomes] == ["passed", "error"] * 3


def test_a_compiler_that_dies_of_a_source_serves_the_next(pool: Pool) -> None:
    need("java")
    deep = "class A { static int f() { return " + "(" * 60_000 + "1" + ")" * 60_000 + "; } }"
    assert one(pool, "java", deep, "").status == "error"
    assert one(pool, "java", TWICE["java"].replace("BODY", "2 * x"), CHECK["java"]).passed


IMPORTS = (
    "import assert from 'assert';",
    "'use strict';\n// of node\nimport * as assert from 'node:assert';\nimport \"node:fs\";",
    "import assert, { AssertionError as Wrong } from 'node:assert';",
    "import path from 'path';\nimport {\n  strictEqual,\n  deepEqual as same,\n} from 'node:assert/strict';\n"
    "const assert = { strictEqual };",
    "const assert = require('assert');",
)


@pytest.mark.parametrize("language", ["javascript", "typescript"])
@pytest.mark.parametrize("imports", IMPORTS)
def test_tests_may_import_what_node_has(pool: Pool, language: str, imports: str) -> None:
    need(language)
    tests = f"{imports}\nassert.strictEqual(twice(3), 6);"
    codes = [TWICE[language].replace("BODY", body) for body in ("2 * x", "3 * x")]
    found = [one(pool, language, code, tests) for code in codes]
    assert [outcome.status for outcome in found] == ["passed", "failed"], found


ABSENT = {
    "import { expect } from 'chai';\nexpect(twice(3)).to.equal(6);": ("javascript", "typescript"),
    "const { expect } = require('chai');\nexpect(twice(3)).to.equal(6);": ("javascript", "typescript"),
    "import type { Chai } from 'chai';\ntwice(3);": ("typescript",),
}


@pytest.mark.parametrize(
    ("tests", "language"), [(tests, language) for tests in ABSENT for language in ABSENT[tests]]
)
def test_tests_that_need_a_module_that_is_not_there_are_refused(
    pool: Pool, tests: str, language: str
) -> None:
    need(language)
    outcome = one(pool, language, TWICE[language].replace("BODY", "2 * x"), tests)
    assert (outcome.status, outcome.failure) == ("refused", "needs module chai")


def test_no_program_is_refused_by_what_it_says_or_needs_itself(pool: Pool) -> None:
    need("javascript")
    lies = "throw new Error(\"Cannot find module 'node:assert'\")"
    bodies = {"require('chai')": "failed", f"(() => {{ {lies} }})()": "failed"}
    codes = [TWICE["javascript"].replace("BODY", body) for body in bodies]
    found = [one(pool, "javascript", code, CHECK["javascript"]).status for code in codes]
    assert found == list(bodies.values())


def test_java_tests_without_a_main_are_bad_tests(pool: Pool) -> None:
    need("java")
    outcome = one(pool, "java", TWICE["java"].replace("BODY", "2 * x"), "class Nothing { }")
    assert (outcome.status, outcome.failure) == ("error", "bad tests")


def test_the_typescript_package_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("javascript")
    package = tmp_path / "typescript"
    (package / "lib").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "5.0.1"}')
    monkeypatch.setenv(typescript.VARIABLE, str(package))
    before = typescript.LANGUAGE.find()
    assert before is None or "5.0.1" not in before.version  # version 7 has no typescript.js
    (package / "lib" / "typescript.js").touch()
    found = typescript.LANGUAGE.find()
    assert found is not None and found.version.startswith("typescript 5.0.1, node v")
    assert found.readable[-1] == str(package)


def program(problem: Problem, code: str) -> Program:
    code, tests = runnable(problem.language, problem.setup + code, problem.tests)
    return Program(code, tests, problem.language, cpu_seconds=problem.cpu_seconds)


def recorded(shared: Path, lang: str) -> Iterator[tuple[str, bool, Program]]:
    """Task, recorded result, and the whole program with its tests apart."""
    path = shared / "generations" / f"qwen2.5coder_7b_base_multipl-e_{lang}.json.gz"
    known = {p.task_id: p for p in multipl_e.load(f"multipl_e-{lang}", str(shared)).problems}
    for ((_, row),) in json.loads(gzip.decompress(path.read_bytes())).values():
        code, tests = row["code"], ""
        if (asked := known.get(row["task_id"])) and asked.tests.strip() in code:
            place = code.rindex(asked.tests.strip())
            code, tests = code[:place], code[place:]
        code, tests = runnable(multipl_e.LANGUAGES[lang], code, tests)
        yield row["task_id"], row["passed"], Program(code, tests, multipl_e.LANGUAGES[lang], cpu_seconds=15.0)


def disagreements(pool: Pool, rows: list[tuple[str, bool, Program]]) -> list[str]:
    outcomes = pool.run([program for _, _, program in rows])
    return [
        task for (task, passed, _), outcome in zip(rows, outcomes, strict=True) if outcome.passed != passed
    ]


@pytest.mark.parametrize("lang", ["js", "java"])
def test_a_sample_of_recorded_results_is_found_again(pool: Pool, shared: Path, lang: str) -> None:
    need(multipl_e.LANGUAGES[lang])
    assert disagreements(pool, list(recorded(shared, lang))[::16]) == []


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["js", "java"])
def test_all_recorded_results_are_found_again(pool: Pool, shared: Path, lang: str) -> None:
    need(multipl_e.LANGUAGES[lang])
    assert disagreements(pool, list(recorded(shared, lang))) == []


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["js", "java"])
def test_canonical_solutions_pass_and_buggy_ones_fail(pool: Pool, shared: Path, lang: str) -> None:
    problems = humanevalpack.load(f"humanevalfix-{lang}", str(shared)).problems
    need(problems[0].language)
    good = pool.run([program(p, p.canonical) for p in problems])
    assert [p.task_id for p, outcome in zip(problems, good, strict=True) if not outcome.passed] == []
    bad = pool.run([program(p, p.buggy) for p in problems])
    assert [p.task_id for p, outcome in zip(problems, bad, strict=True) if outcome.passed] == []


def translated(shared: Path) -> Iterator[Program]:
    """TypeScript by a model: its JavaScript bodies under TypeScript's headers, with TypeScript's tests."""
    asked = {
        lang: {p.task_id: p for p in multipl_e.load(f"multipl_e-{lang}", str(shared)).problems}
        for lang in ("js", "ts")
    }
    for task, _, made in recorded(shared, "js"):
        script, typed = asked["js"].get(task), asked["ts"].get(task)
        if script and typed and made.code.startswith(head := script.prompt.rstrip()):
            body = made.code.removeprefix(head)
            yield Program(typed.prompt.rstrip() + body, typed.tests, "typescript", cpu_seconds=15.0)


@pytest.mark.slow
def test_typescript_is_judged_as_by_tsc_and_node(pool: Pool, shared: Path, tmp_path: Path) -> None:
    need("typescript")
    found = languages.toolchain("typescript")
    assert found is not None
    programs = list(translated(shared))[::12]
    passed = [bool(outcome.passed) for outcome in pool.run(programs)]
    assert passed == [cold(each, found.settings, tmp_path) for each in programs]
    assert 3 < sum(passed) < len(passed)


def cold(made: Program, tools: Any, folder: Path) -> bool:
    (folder / "program.ts").write_text(f"{made.code}\n{made.tests}")
    compiler = [tools["node"], f"{tools['typescript']}/bin/tsc", "--target", "esnext", "program.ts"]
    if subprocess.run(compiler, cwd=folder, capture_output=True, check=False).returncode:
        return False
    try:
        run = [tools["node"], "program.js"]
        return subprocess.run(run, cwd=folder, capture_output=True, check=False, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@pytest.mark.slow
def test_typescript_programs_of_the_benchmark_run(pool: Pool, shared: Path) -> None:
    need("typescript")
    outcomes = list(pool.run(list(translated(shared))[::20]))
    assert {outcome.status for outcome in outcomes} <= {"passed", "failed", "error", "timeout"}
    assert sum(outcome.status == "passed" for outcome in outcomes) >= 3


def test_doctor_names_the_versions(language: str) -> None:
    found = languages.toolchain(language)
    assert found is not None
    assert {"javascript": "node v", "typescript": "typescript ", "java": "javac "}[language] in found.version
    assert shutil.which({"java": "java"}.get(language, "node")) is not None
