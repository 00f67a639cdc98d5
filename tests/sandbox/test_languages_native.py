"""C++, Rust and Go: built and run inside the isolation, a pass spoken only after the last test."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.errors import SetupError
from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, languages, open_sandbox
from tunesmith.sandbox.box.toolchains import cpp, native
from tunesmith.sandbox.languages.language import home
from tunesmith.sandbox.levels import levels

NATIVE = ("cpp", "rust", "go")
TWICE = {
    "cpp": "int twice(int x) { return BODY; }",
    "rust": "fn twice(x: i32) -> i32 { BODY }",
    "go": 'package main\nimport "os"\nfunc twice(x int) int { if x < 0 { os.Exit(0) }; return BODY }',
}
CHECK = {
    "cpp": "#include <cassert>\nint main() { assert(twice(3) == 6); }",
    "rust": "fn main() { assert_eq!(twice(3), 6); }",
    "go": 'func main() { if twice(3) != 6 { panic("assert") } }',
}
LEAVE = {"cpp": "(std::exit(0), 0)", "rust": "std::process::exit(0)", "go": "twice(-1)"}
HELLO = {
    "cpp": "#include <iostream>\nint main() { std::string s; std::cin >> s; std::cout << s; CODE }",
    "rust": "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); "
    'print!("{}", s.trim()); CODE }',
    "go": 'package main\nimport ("fmt"; "os")\nvar _ = os.Args\n'
    "func main() { var s string; fmt.Scan(&s); fmt.Print(s); CODE }",
}
THREE = {"cpp": "return 3;", "rust": "std::process::exit(3);", "go": "os.Exit(3)"}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


@pytest.fixture(params=NATIVE)
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if why := languages.missing(name):
        pytest.skip(why)
    return name


def _one(pool: Pool, language: str, code: str, tests: str = "", **rest: object) -> Outcome:
    (outcome,) = pool.run([Program(code, tests, language, **rest)])  # type: ignore[arg-type]
    return outcome


def test_each_way_to_end_has_its_status(pool: Pool, language: str) -> None:
    whole = "#include <cstdlib>\n" if language == "cpp" else ""
    bodies = {"2 * x": "passed", "3 * x": "failed", "wrong +": "error", LEAVE[language]: "error"}
    programs = [
        Program(whole + TWICE[language].replace("BODY", b), CHECK[language], language) for b in bodies
    ]
    outcomes = list(pool.run(programs))
    assert [outcome.status for outcome in outcomes] == list(bodies.values())
    assert [o.failure for o in outcomes] == ["", "AssertionError", "CompileError", "no verdict"]
    assert {outcome.judged for outcome in outcomes} == {"same_process"}
    assert "error" in outcomes[2].stderr


def test_a_program_without_tests_must_only_run(pool: Pool, language: str) -> None:
    good = _one(pool, language, HELLO[language].replace("CODE", ""), stdin="hi\n")
    assert (good.status, good.stdout, good.judged) == ("passed", "hi", "")
    bad = _one(pool, language, HELLO[language].replace("CODE", THREE[language]), stdin="hi\n")
    assert (bad.status, bad.failure) == ("failed", "exit code 3")


def test_tests_that_test_nothing_are_bad_tests(pool: Pool, language: str) -> None:
    outcome = _one(pool, language, TWICE[language].replace("BODY", "2 * x"), "// nothing")
    assert (outcome.status, outcome.failure) == ("error", "bad tests")


def test_functions_marked_as_tests_are_called(pool: Pool) -> None:
    marked = {
        "rust": "#[cfg(test)]\nmod tests {\n  use super::*;\n  #[test] fn a() { assert_eq!(twice(3), 6); }\n"
        '  #[test]\n  #[should_panic(expected = "no")]\n  fn b() { assert_eq!(twice(3), 7, "no"); }\n}\n',
        "go": 'package main\nimport "testing"\nfunc TestTwice(t *testing.T) {\n'
        '  t.Run("three", func(t *testing.T) { if twice(3) != 6 { t.Errorf("%d", twice(3)) } })\n}\n',
    }
    for language, tests in marked.items():
        if not languages.missing(language):
            code = TWICE[language]
            assert _one(pool, language, code.replace("BODY", "2 * x"), tests).passed
            failed = _one(pool, language, code.replace("BODY", "x"), tests)
            assert (failed.status, failed.failure) == ("failed", "AssertionError")


def test_tests_that_need_a_library_are_refused_and_programs_that_do_fail(pool: Pool) -> None:
    need = {
        "rust": ("use rand::Rng;\n", "needs crate rand"),
        "go": ('package main\nimport "example.com/assert"\n', "needs package example.com/assert"),
    }
    for language, (line, failure) in need.items():
        if not languages.missing(language):
            code = TWICE[language].replace("BODY", "2 * x")
            refused = _one(pool, language, code, line + CHECK[language])
            assert (refused.passed, refused.failure) == (None, failure)
    if not languages.missing("rust"):
        code = "use rand::Rng;\n" + TWICE["rust"].replace("BODY", "2 * x")
        assert _one(pool, "rust", code, CHECK["rust"]).failure == "CompileError"


def test_go_tests_with_imports_of_their_own_stand_in_a_file_of_their_own(pool: Pool) -> None:
    if why := languages.missing("go"):
        pytest.skip(why)
    tests = 'import "errors"\nfunc main() { if twice(3) != 6 { panic(errors.New("assert")) } }'
    assert _one(pool, "go", TWICE["go"].replace("BODY", "2 * x"), tests).passed
    assert not _one(pool, "go", TWICE["go"].replace("BODY", "x"), tests).passed


def test_every_level_builds_and_runs(language: str) -> None:
    for level in levels():
        if level.available:
            with open_sandbox(1, level.name) as pool:
                outcome = _one(pool, language, TWICE[language].replace("BODY", "2 * x"), CHECK[language])
            assert (outcome.passed, outcome.isolation) == (True, level.name), outcome


def test_languages_take_turns_in_one_pool_and_outcomes_keep_their_order(pool: Pool) -> None:
    there = [name for name in NATIVE if not languages.missing(name)]
    programs = [
        Program(TWICE[name].replace("BODY", body), CHECK[name], name)
        for body in ("2 * x", "x")
        for name in there
    ] + [Program("x = 1", "assert x == 1")]
    passed = [outcome.passed for outcome in pool.run(programs * 2)]
    assert passed == ([True] * len(there) + [False] * len(there) + [True]) * 2


def test_a_program_is_built_once_and_run_each_time(pool: Pool) -> None:
    if why := languages.missing("cpp"):
        pytest.skip(why)
    code = "#include <iostream>\nint main() { std::string s; std::cin >> s; std::cout << s; }"
    said = [_one(pool, "cpp", code, stdin=text).stdout for text in ("a", "b", "c")]
    assert said == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["c++", "C++", "cpp", "cxx"])
def test_a_language_has_one_name_and_some_others(pool: Pool, name: str) -> None:
    assert languages.canonical(name) == "cpp"
    if not languages.missing("cpp"):
        assert _one(pool, name, TWICE["cpp"].replace("BODY", "2 * x"), CHECK["cpp"]).passed


HEADERS = {
    "#include <bits/stdc++.h>\nint async_ = 1; // future\n": "light",
    "#include <bits/stdc++.h>\nstd::future<int> f;\n": "whole",
    '#include <bits/stdc++.h>\nauto s = std::setw(3); auto t = "regex";\n': "whole",
    "#include <vector>\n": "named",
    "#define _GLIBCXX_DEBUG\n#include <bits/stdc++.h>\n": "named",
}


def test_a_program_gets_the_headers_that_it_speaks_of() -> None:
    if why := languages.missing("cpp"):
        pytest.skip(why)
    folder = languages.prepared("cpp").settings["headers"]
    assert {source: cpp._headers(source, folder) for source in HEADERS} == HEADERS


def test_what_the_light_headers_lack_is_found_all_the_same(pool: Pool) -> None:
    if why := languages.missing("cpp"):
        pytest.skip(why)
    code = "#include <bits/stdc++.h>\nusing namespace std;\natomic<int> n; mutex m; valarray<int> v(3);\n"
    assert _one(pool, "cpp", code + TWICE["cpp"].replace("BODY", "2 * x"), CHECK["cpp"]).passed


def test_a_program_gets_no_header_that_it_does_not_name(pool: Pool) -> None:
    if why := languages.missing("cpp"):
        pytest.skip(why)
    code = "#include <cstdio>\nstd::map<int, int> m;\n" + TWICE["cpp"].replace("BODY", "2 * x")
    assert _one(pool, "cpp", code, CHECK["cpp"]).failure == "CompileError"


def test_the_completion_token_is_new_for_every_program(tmp_path: Path) -> None:
    made = tmp_path / "token.o"
    made.write_bytes(b"\0" + native._TOKEN + native.NAME.encode() + b"\0")
    name = "f_" + "1" * 32
    first = native.patched(str(made), b"1" * 16, name)
    assert bytes.fromhex(first["hex"]) == b"\0" + b"1" * 16 + name.encode() + b"\0"
    with pytest.raises(ValueError, match="not what was prepared"):
        native.patched(str(made), b"short", name)


def test_a_missing_toolchain_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, pool: Pool
) -> None:
    monkeypatch.setattr(languages, "toolchain", lambda name: None)
    outcome = _one(pool, "go", TWICE["go"], CHECK["go"])
    assert (outcome.status, outcome.passed) == ("refused", None)
    assert outcome.failure.startswith("no toolchain: go (install Go")


def test_the_box_never_shows_the_user_s_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "user"))
    found = {
        name: home(f"{tmp_path}/{name}/cc") for name in ("home/user/bin", "home/user/.local/bin", "tools/bin")
    }
    assert found == {"home/user/bin": (), "home/user/.local/bin": (), "tools/bin": (str(tmp_path / "tools"),)}
    assert home("/usr/bin/g++") == home("/bin/cc") == ()


def test_a_broken_toolchain_is_an_error_of_the_setup(tmp_path: Path) -> None:
    """In another process, since toolchains are looked for once."""
    compiler = tmp_path / "g++"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "g++ broken 1.0" || exit 1\n')
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    script = (
        "from tunesmith.sandbox import open_sandbox\nfrom tunesmith.results import Program\n"
        "with open_sandbox(1) as pool: list(pool.run([Program('int main() {}', '', 'cpp')]))\n"
    )
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TUNESMITH_TOOLCHAINS": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert SetupError.__name__ in done.stderr and "cannot prepare" in done.stderr


def test_what_is_prepared_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    script = (
        "import time\nfrom tunesmith.sandbox.languages.language import kept\ndef make(folder):\n"
        "    (folder / 'half').touch()\n    print(1)\n    time.sleep(0.2)\n    (folder / 'whole').touch()\n"
        "assert (kept('thing', [1], make) / 'whole').exists()\n"
    )
    environment = {**os.environ, "TUNESMITH_TOOLCHAINS": str(tmp_path)}
    both = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
        for _ in "ab"
    ]
    assert sorted(one.communicate()[0] for one in both) == [b"", b"1\n"]
    assert [one.returncode for one in both] == [0, 0]
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
