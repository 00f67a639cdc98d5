"""verification.execute and verification.parse mark rows and lose none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_only import SandboxOnly

from tunesmith.cli.progress import listener
from tunesmith.code.grammars import has_grammar
from tunesmith.recipe.load import load_recipe
from tunesmith.runs.run import run_recipe
from tunesmith.sample import Sample, Verdict
from tunesmith.sandbox import Pool, languages, open_sandbox
from tunesmith.step import Context
from tunesmith.verification.execute import Execute
from tunesmith.verification.parse import Parse

RIGHT = "Here it is:\n```python\ndef double(x):\n    return 2 * x\n```\nDone."
TESTS = "assert double(2) == 4"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


def _judge(pool: Pool, folder: Path, *rows: Sample, **fields: object) -> list[Sample]:
    ctx = Context("executed", folder=folder, resources=SandboxOnly(pool))
    out = list(Execute.model_validate(fields).batch(rows, ctx))
    assert all(isinstance(row, Sample) for row in out)
    return [row for row in out if isinstance(row, Sample)]


def _row(answer: str, tests: str = TESTS, **content: object) -> Sample:
    return Sample.born("seeds", answer=answer, tests=tests, **content)


def test_a_right_answer_passes_and_a_wrong_one_fails_with_its_class(pool: Pool, tmp_path: Path) -> None:
    rows = [_row(RIGHT), _row(RIGHT.replace("2 *", "3 *")), _row("def double(x:")]
    verdicts = [row.verdicts[-1] for row in _judge(pool, tmp_path, *rows)]
    assert [(v.passed, v.reason) for v in verdicts] == [
        (True, ""),
        (False, "AssertionError"),
        (False, "SyntaxError"),
    ]
    assert {v.by for v in verdicts} == {"executed"}


def test_every_row_comes_out_as_itself_in_order(pool: Pool, tmp_path: Path) -> None:
    rows = [_row(RIGHT, tests) for tests in (TESTS, "", TESTS, "assert False")]
    assert [row.id for row in _judge(pool, tmp_path, *rows)] == [row.id for row in rows]


def test_a_row_without_tests_is_unknown_not_failed(pool: Pool, tmp_path: Path) -> None:
    (row,) = _judge(pool, tmp_path, _row(RIGHT, tests=""))
    assert (row.verdicts[-1].passed, row.verdicts[-1].reason) == (None, "no tests")


LANGUAGES = {
    "javascript": ("const double = (x) => 2 * x;", "require('assert').equal(double(2), 4);"),
    "java": (
        "class Answer { static int twice(int x) { return 2 * x; } }",
        "class Tests { public static void main(String[] args) { assert Answer.twice(2) == 4; } }",
    ),
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_answers_in_other_languages_get_real_verdicts(pool: Pool, tmp_path: Path, language: str) -> None:
    if why := languages.missing(language):
        pytest.skip(why)
    code, tests = LANGUAGES[language]
    answers = [code, code.replace("2 * x", "3 * x"), code.replace("2 * x", "2 * ")]
    rows = [_row(f"So:\n```{language}\n{answer}\n```", tests, language=language) for answer in answers]
    verdicts = [row.verdicts[-1] for row in _judge(pool, tmp_path, *rows)]
    broken = {"javascript": "SyntaxError", "java": "CompileError"}[language]
    assert [(v.passed, v.reason) for v in verdicts] == [
        (True, ""),
        (False, "AssertionError"),
        (False, broken),
    ]


def test_a_language_without_a_runner_is_unknown_not_failed(pool: Pool, tmp_path: Path) -> None:
    (row,) = _judge(pool, tmp_path, _row("x", language="cobol"))
    assert row.verdicts[-1].passed is None


def test_rows_that_cannot_be_judged_here_are_warned_of(pool: Pool, tmp_path: Path) -> None:
    rows = [_row("x", language="cobol"), _row("y", language="cobol"), _row(RIGHT), _row(RIGHT, tests="")]
    ctx = Context("executed")
    (warning,) = Execute().warnings(_judge(pool, tmp_path, *rows), ctx)
    assert warning == "2 of 4 rows were not judged: no runner for cobol"
    assert Execute().warnings(_judge(pool, tmp_path, *rows[2:]), ctx) == []


def test_a_missing_toolchain_is_warned_of_with_what_to_install() -> None:
    why = "no toolchain: rust (install rustup)"
    row = _row("x", language="rust").judged(Verdict("executed", passed=None, reason=why))
    (warning,) = Execute().warnings([row], Context("executed"))
    assert why in warning and "--fresh" in warning


def test_a_run_without_any_tests_says_how_to_map_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"instruction": "x is 1", "answer": "x = 1", "check": "assert x"}\n' * 3
    )
    recipe = tmp_path / "unmapped.yaml"
    recipe.write_text(
        "name: unmapped\nsteps:\n"
        "  rows: {do: sources.jsonl, path: rows.jsonl, license: mit, columns: {answer: answer}}\n"
        "  ran:  {do: verification.execute}\n"
    )
    for _ in ("fresh", "done before"):
        with listener(quiet=False) as heard:
            run_recipe(load_recipe(recipe), tmp_path / "run", listener=heard)
        assert "rows have no tests: map the column" in capsys.readouterr().err


def test_known_verdicts_need_no_sandbox(pool: Pool, tmp_path: Path) -> None:
    first = _judge(pool, tmp_path, _row(RIGHT), _row("nonsense"))
    ctx = Context("executed", folder=tmp_path)  # lends nothing
    assert list(Execute().batch([_row(RIGHT), _row("nonsense")], ctx)) == first


def test_other_limits_are_another_question(pool: Pool, tmp_path: Path) -> None:
    spin = _row("def double(x):\n    for _ in range(2 * 10**7): pass\n    return 2 * x")
    (row,) = _judge(pool, tmp_path, spin, cpu_seconds=0.1)
    assert (row.verdicts[-1].passed, row.verdicts[-1].reason) == (False, "cpu time")
    (row,) = _judge(pool, tmp_path, spin, cpu_seconds=30)
    assert row.verdicts[-1].passed


@pytest.mark.parametrize(
    ("language", "right", "wrong"),
    [
        ("javascript", "function f(a) { return a; }", "function f(a { return a; }"),
        ("typescript", "const f = (a: number): number => a;", "const f = (a: number: => a;"),
        ("java", "class A { int f() { return 1; } }", "class A { int f( { return 1; } }"),
        ("go", "package p\nfunc F() {}", "package p\nfunc F( {}"),
        ("c", "int f(int a) { return a; }", "int f(int a { return a; }"),
        (
            "cpp",
            "template <typename T> T f(T a) { return a; }",
            "template <typename T T f(T a) {}",
        ),
        ("rust", "fn f(a: i32) -> i32 { a }", "fn f(a: i32 -> { a"),
        ("php", "<?php function f($a) { return $a; }", "<?php function f($a { return $a; }"),
        ("csharp", "class A { int F() => 1; }", "class A { int F( => 1; }"),
        ("ruby", "def f(a)\n  a\nend", "def f(a\n  a"),
    ],
)
def test_other_languages_are_parsed_by_their_grammars(language: str, right: str, wrong: str) -> None:
    if not has_grammar(language):
        pytest.skip(f"needs the grammar of {language}: pip install 'tunesmith[languages]'")
    for answer, passed in ((right, True), (wrong, False)):
        (row,) = Parse().row(_row(answer, language=language), Context("parsed"))
        assert isinstance(row, Sample) and row.verdicts[-1].passed is passed


@pytest.mark.parametrize(
    ("answer", "language", "passed"),
    [(RIGHT, "python", True), ("def f(:", "", False), ("", "python", False), ("x", "cobol", None)],
)
def test_parsing_is_known_only_where_a_grammar_is(answer: str, language: str, passed: bool | None) -> None:
    (row,) = Parse().row(_row(answer, language=language), Context("parsed"))
    assert isinstance(row, Sample)
    assert row.verdicts[-1].passed is passed
