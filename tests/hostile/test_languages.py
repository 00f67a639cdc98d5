"""Hostile programs in other languages than Python gain nothing, when they are compiled or when they run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, languages, open_sandbox
from tunesmith.sandbox.levels import obstacle

from .observers import Targets, attacks, descendants

SCRIPT_TESTS = """
const assert = require('node:assert');
function check() {
  assert.strictEqual(square(2), 4);
  assert.deepEqual([square(3), square(4)], [9, 16]);
}
check();
if (JSON.stringify([square(5)]) !== '[25]') throw new Error('not 25');
if (![1, 6].every((x) => square(x) === x * x)) throw new Error('not its square');
"""
RIGHT = {
    "cpp": "int square(int x) { return x * x; }\n",
    "rust": "fn square(x: i32) -> i32 { x * x }\n",
    "go": "package main\nfunc Square(x int) int { return x * x }\n",
    "javascript": "function square(x) { return x * x; }\n",
    "typescript": "function square(x: number): number { return x * x; }\n",
    "java": "class Squares { static long square(long x) { return x * x; } }\n",
}
TESTS = {
    "cpp": "#undef NDEBUG\n#include <assert.h>\nint main() {\n  assert(square(2) == 4);\n"
    "  assert(square(5) == 25);\n  if (square(7) != 49) return 1;\n}\n",
    "rust": "mod tests {\n    pub fn squares() {\n        assert_eq!(super::square(2), 4);\n"
    "        assert!(super::square(5) == 25);\n    }\n}\nfn main() { tests::squares(); }\n",
    "go": "func main() {\n\tif Square(2) != 4 || Square(5) != 25 || true == false {\n"
    '\t\tpanic("wrong")\n\t}\n}\n',
    "javascript": SCRIPT_TESTS,
    "typescript": "declare var require: any;\n" + SCRIPT_TESTS,
    "java": "public class Main {\n  public static void main(String[] args) throws Exception {\n"
    "    assert Squares.square(2) == 4;\n    if (Squares.square(3) != 9) throw new RuntimeException();\n"
    "    assert java.util.List.of(Squares.square(5)).equals(java.util.List.of(25L));\n  }\n}\n",
}
GO_TESTS = """
import "testing"

func TestTwo(t *testing.T) {
	t.Run("two", func(t *testing.T) { if Square(2) != 4 { t.Error("no") } })
}

func TestFive(t *testing.T) {
	if testing.Short() { t.Skip() }
	t.Run("five", func(t *testing.T) { if Square(5) != 25 { t.Fatal("no") } })
}
"""
PIECES = (
    "const assert = require('node:assert');\nassert.strictEqual(square(2), 4);",
    "const { deepEqual } = require('assert');\nlet candidate = square;\ndeepEqual([candidate(3)], [9]);",
    "import { strictEqual as same } from 'node:assert/strict';\nsame(square(2), 4);",
    "if (JSON.stringify([square(5)]) !== JSON.stringify([25])) throw new Error('no');",
    "if (![1, 6].every((x) => square(x) === x * x)) throw new Error('no');",
    "if (square(3) !== 9) { console.error('no'); process.exit(1); }",
    "(async () => { require('assert').equal(await square(2), 4); })();",
    "try { require('assert')(square(2) === 4); } catch (error) { process.exitCode = 1; }",
)
"""Tests in JavaScript that each lean on one thing of the language alone."""
ALONE = [*(("javascript", tests) for tests in PIECES), ("go", GO_TESTS)]
Ran = dict[str, tuple[Outcome, Outcome, Path]]


def _attacks(language: str) -> dict[str, str]:
    """Those in a language; TypeScript takes JavaScript's too, where it does not check types."""
    found = attacks(language)
    if language != "typescript":
        return found
    return found | {name: f"// @ts-nocheck\n{code}" for name, code in attacks("javascript").items()}


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    if why := obstacle(request.param):
        pytest.skip(f"no isolation {request.param!r} here ({why})")
    with open_sandbox(2, request.param) as opened:
        yield opened


@pytest.fixture(scope="module", params=sorted(RIGHT))
def ran(request: pytest.FixtureRequest, pool: Pool, targets: Targets) -> tuple[str, Ran]:
    """Every attack in a language, each followed by an honest program: both outcomes, and its folder."""
    language = request.param
    if why := languages.missing(language):
        pytest.skip(why)
    honest = Program(RIGHT[language], TESTS[language], language)
    programs, folders = [], {}
    for number, (name, source) in enumerate(_attacks(language).items()):
        folders[name] = targets.folder / f"{pool.isolation}-{language}{number}"
        code = targets.aim(source, folders[name])
        programs += [
            Program(code, TESTS[language], language, cpu_seconds=0.5, memory_bytes=512 << 20),
            honest,
        ]
    outcomes = list(pool.run(programs))
    return language, {
        name: (*outcomes[2 * n : 2 * n + 2], folder) for n, (name, folder) in enumerate(folders.items())
    }


@pytest.mark.slow
def test_a_hostile_program_gains_nothing(ran: tuple[str, Ran], targets: Targets) -> None:
    gained = {}
    for name, (outcome, honest, folder) in ran[1].items():
        said = outcome.stdout + outcome.stderr
        found = targets.damage(folder) + (["passed"] if outcome.status in ("passed", "refused") else [])
        found += ["escaped"] if "ESCAPED" in outcome.stdout or targets.secret in said else []
        if found or not honest.passed:
            gained[name] = (found, outcome, honest)
    assert gained == {}
    assert targets.disturbed() == []


@pytest.mark.slow
def test_no_process_and_no_file_is_left(ran: tuple[str, Ran], pool: Pool) -> None:
    (outcome,) = pool.run([Program(RIGHT[ran[0]], TESTS[ran[0]], ran[0])])
    assert outcome.passed
    for worker in pool._workers:
        commands = [
            Path(f"/proc/{pid}/cmdline").read_bytes()
            for pid in descendants(worker.process.pid)
            if Path(f"/proc/{pid}").exists()
        ]
        assert len(commands) <= 4, commands  # judge, fork servers of compilers and programs, a warm compiler


def test_there_are_attacks_for_each_language() -> None:
    assert [len(_attacks(language)) >= 20 for language in RIGHT] == [True] * len(RIGHT)


@pytest.mark.slow
@pytest.mark.parametrize(("language", "tests"), ALONE)
def test_no_single_thing_that_tests_lean_on_gives_way(
    pool: Pool, targets: Targets, language: str, tests: str
) -> None:
    if why := languages.missing(language):
        pytest.skip(why)
    folder = targets.folder / f"{pool.isolation}-alone-{ALONE.index((language, tests))}"
    folder.mkdir()
    aimed = {
        name: targets.aim(code, folder / str(n)) for n, (name, code) in enumerate(attacks(language).items())
    }
    programs = [
        Program(code, tests, language, cpu_seconds=0.5, memory_bytes=512 << 20) for code in aimed.values()
    ]
    outcomes = pool.run(programs)
    assert [name for name, outcome in zip(aimed, outcomes, strict=True) if outcome.passed] == []
    assert next(pool.run([Program(RIGHT[language], tests, language)])).passed
