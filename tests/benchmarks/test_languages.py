"""HumanEvalPack, HumanEval-X, and what is done to programs of other languages before they run."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_world import write_gz

from tunesmith.benchmarks import load
from tunesmith.benchmarks.runnable import runnable
from tunesmith.code.braces import header_name, without_main
from tunesmith.errors import DataError
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.scoring.score import Candidate, judge, refused


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


PACK = {
    "python": {
        "prompt": 'def f(x: int) -> int:\n    """Next."""\n',
        "declaration": "def f(x: int) -> int:\n",
        "canonical_solution": "    return x + 1\n",
        "buggy_solution": "    return x - 1\n",
        "test": "def check(f):\n    assert f(1) == 2\ncheck(f)\n",
    },
    "js": {
        "prompt": "/* Next. */\nconst f = (x) => {\n",
        "declaration": "const f = (x) => {\n",
        "canonical_solution": "  return x + 1\n}\n",
        "buggy_solution": "  return x - 1\n}\n",
        "test": "const test = () => {\n  console.assert(f(1) === 2)\n}\ntest()\n",
    },
    "rust": {
        "prompt": "fn main(){}\nuse rand::Rng;\nuse md5;\n/* Next. */\nfn f(x: i32) -> i32 {\n",
        "declaration": "fn f(x: i32) -> i32 {\n",
        "canonical_solution": "x + 1\n}\n",
        "buggy_solution": "x - 1\n}\n",
        "test": "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    // why\n"
        "    fn test_f() {\n        assert_eq!(f(1), 2);\n    }\n}\n",
    },
}


def pack_row(lang: str) -> dict:
    return {
        "task_id": f"{lang}/0",
        "entry_point": "f",
        "instruction": "Write f.",
        "docstring": "Next.",
    } | PACK[lang]


@pytest.mark.parametrize("task", ["synthesize", "fix", "explain"])
def test_the_three_tasks_of_humanevalpack_ask_differently_and_test_alike(
    tmp_path: Path, task: str, pool: Pool
):
    write_gz(tmp_path / "humanevalpack" / "humanevalpack-python.jsonl.gz", [pack_row("python")])
    (problem,) = load(f"humaneval{task}-python", str(tmp_path)).problems
    judged = judge(
        [Candidate(problem, problem.canonical), Candidate(problem, problem.canonical.replace("+", "-"))], pool
    )
    assert [j.base.passed for j in judged] == [True, False]
    assert ("x - 1" in problem.instruction) == (task == "fix")
    assert ("x + 1" in problem.describe) == (task == "explain")
    assert ("{description}" in problem.instruction) == (task == "explain")


def test_a_failed_console_assert_is_an_error_that_programs_cannot_mute(tmp_path: Path):
    write_gz(tmp_path / "humanevalpack" / "humanevalpack-js.jsonl.gz", [pack_row("js")])
    (problem,) = load("humanevalfix-js", str(tmp_path)).problems
    assert "console.assert" not in problem.tests
    if node := shutil.which("node"):
        for program, right in (
            (problem.canonical, True),
            (problem.buggy, False),
            ("console.assert = () => {}\n" + problem.buggy, False),
        ):
            source = "\n".join(runnable("javascript", program, problem.tests))
            assert (
                subprocess.run([node, "-e", source], check=False, capture_output=True).returncode == 0
            ) == right


def test_rust_tests_are_called_from_main_and_unused_crates_dropped(tmp_path: Path):
    write_gz(tmp_path / "humanevalpack" / "humanevalpack-rust.jsonl.gz", [pack_row("rust")])
    (problem,) = load("humanevalfix-rust", str(tmp_path)).problems
    program, tests = runnable("rust", problem.canonical, problem.tests)
    assert "use rand" not in program
    assert "fn main(){}" not in program
    assert "tests::test_f();" in tests
    assert "#[" not in tests


X = {
    "python": {**PACK["python"], "declaration": "def f(x: int) -> int:\n    import math\n"},
    "cpp": {
        "prompt": "/*\nNext.\n*/\n#include<stdio.h>\nusing namespace std;\nint f(int x)\n{\n",
        "declaration": "#include<stdio.h>\nusing namespace std;\nint f(int x)\n{\n",
        "canonical_solution": "    return x + 1;\n}\n",
        "test": "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (f(1) == 2);\n}\n",
    },
    "js": PACK["js"],
}


@pytest.mark.parametrize("lang", X)
def test_humaneval_x_asks_for_the_function_and_tests_it(tmp_path: Path, lang: str, pool: Pool):
    row = {key: value for key, value in X[lang].items() if key != "buggy_solution"}
    write_gz(tmp_path / "humanevalx" / f"humaneval_{lang}.jsonl.gz", [row | {"task_id": f"{lang}/0"}])
    benchmark = load(f"humanevalx-{lang}", str(tmp_path))
    (problem,) = benchmark.problems
    assert problem.entry_point == "f"  # with a line of its body, or its brace, below the header
    assert problem.prompt.rstrip() in problem.instruction
    if not refused(benchmark, pool):
        wrong = problem.canonical.replace("x + 1", "x - 1")
        judged = judge([Candidate(problem, problem.canonical), Candidate(problem, wrong)], pool)
        assert [j.base.passed for j in judged] == [True, False]


def test_a_go_row_of_humaneval_x_needs_its_imports(tmp_path: Path):
    row = {"task_id": "Go/0", "prompt": "", "declaration": "", "canonical_solution": "", "test": ""}
    write_gz(tmp_path / "humanevalx" / "humaneval_go.jsonl.gz", [row])
    with pytest.raises(DataError, match="import"):
        load("humanevalx-go", str(tmp_path))


GO = """import (
	"math"
	"strings"
)
// strings. are fine
func F(x int) int {
	return x + len(strconv.Itoa(x))
}
"""
GO_TESTS = """package main
import (
	"testing"
	"github.com/stretchr/testify/assert"
)
func TestF(t *testing.T) {
	assert := assert.New(t)
	assert.Equal(2, F(1))
}
"""


def test_go_gets_exactly_the_imports_it_uses():
    program, after = runnable("go", GO, GO_TESTS)
    imports = program[program.index("(") : program.index(")")].split()
    assert imports == ["(", '"bytes"', '"fmt"', '"math"', '"reflect"', '"strconv"']
    assert program.startswith("package main\n")
    assert "stretchr" not in program + after
    assert after.rstrip().endswith("}")
    assert "TestF(t)" in after


def test_java_imports_come_first_and_tuples_are_stood_in_for():
    program = (
        "import java.util.*;\nimport org.javatuples.*;\nclass Problem {\n"
        "    static Pair<Long, Long> f() { return Pair.with(1L, 2L); }\n"
    )
    tests = "    public static void main(String[] a) { assert f().getValue1() == 2L; }\n}\n"
    whole, after = runnable("java", program, tests)
    assert whole.startswith("import java.util.*;\n")
    assert "javatuples" not in whole
    assert "final class Pair<A, B>" in after
    plain = program.replace("Pair<Long, Long>", "long").replace("Pair.with(1L, 2L)", "1")
    assert "class Pair" not in runnable("java", plain, tests)[1]


def test_a_main_of_the_programs_own_gives_way_to_the_tests():
    code = "int f() { return '}'; }\n\nint main() {\n  if (1) { /* } */ f(); }\n  return 0;\n}\nint g();\n"
    assert without_main(code, "cpp") == "int f() { return '}'; }\n\n\nint g();\n"


HEADERS = {
    "long string_length(std::string string) {\n": "string_length",
    "fn strlen(s: String) -> isize {\n": "strlen",
    "    public static ArrayList<Long> f(long x) {\n": "f",
    "const f = (x) => {\n": "f",
    "function f(x){\n": "f",
    "func strlen(s string) int {\n": "strlen",
    "f <- function(x) {\n": "f",
}


@pytest.mark.parametrize("header", HEADERS)
def test_the_function_of_a_header_is_known(header: str):
    assert header_name("comment(x)\n" + header) == HEADERS[header]
