"""Go: program and tests in one package, compiled and linked without the ``go`` command.

Tests have a ``main``, or functions for ``go test``, which are then called through package testing. They
are in one file with the program, or in their own where they begin with a package clause or imports.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from . import BuildError, Launch, explain

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools, Stage

SERVERS = ("build", "run")
_PACKAGE = re.compile(r"^package[ \t]+\w+", re.MULTILINE)
_MAIN = re.compile(r"^func[ \t]+main[ \t]*\([ \t]*\)", re.MULTILINE)
_TEST = re.compile(r"^func[ \t]+(Test\w*)[ \t]*\([ \t]*\w+[ \t]+\*testing\.T[ \t]*\)", re.MULTILINE)
_NEEDED = re.compile(r"could not import (\S+) \(")
_CASE = '{"NAME", func(t *testing.T) { enter(); NAME(t) }}, '
_LAST = """package main

import (
	"syscall"
	"unsafe"
)

// A program may not have given these names another meaning.
const _, _ bool = true, false

var _ = map[bool]int{true: 0, 1 != 1: 1}

func _() int { panic(0) }

func main() {
	testsMain()
	token := [2]uint64{FIRST, SECOND}
	syscall.RawSyscall(syscall.SYS_WRITE, 3, uintptr(unsafe.Pointer(&token)), 16)
}
"""
_TESTING = """package main

import (
	"os"
	"syscall"
	"testing"
	"testing/internal/testdeps"
)

// Only flags choose among tests, and this program was given none.
type testsDeps struct{ testdeps.TestDeps }

func (testsDeps) MatchString(_, _ string) (bool, error) {
	os.Exit(1)
	return false, nil
}

func testsMain() {
	os.Args = os.Args[:1]
	entered := 0
	enter := func() {
		if testing.Short() {
			os.Exit(1)
		}
		entered++
	}
	cases := []testing.InternalTest{CASES}
	code := testing.MainStart(testsDeps{}, cases, nil, nil, nil).Run()
	if code == 0 && (entered != COUNT || testing.Short()) {
		code = 1
	}
	if code != 0 {
		syscall.Write(3, []byte("failed"))
		os.Exit(code)
	}
}
"""
"""As the ``go`` command writes it, but that no flag set by the program takes tests out."""


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """Compile, or take what was compiled before."""
    code, tests = job["code"], job["tests"]
    try:
        program, token = tools.kept(code, tests, make=lambda token: _build(code, tests, token, tools))
    except BuildError as error:
        needed = next((name for name in _NEEDED.findall(error.message) if f'"{name}"' in tests), "")
        if needed and error.failure == "CompileError":
            raise BuildError("refused", f"needs package {needed}", error.message) from None
        raise
    return Launch(program, token, of_data=True, explain=_explain)


def _build(code: str, tests: str, token: bytes, tools: BuildTools) -> int:
    settings, flags = tools.settings, ["-importcfg", tools.settings["packages"]]
    sources = _woven(code, tests) if tests else {"program.go": code}
    if tests:
        first, second = struct.unpack("<QQ", token)
        sources["last.go"] = _LAST.replace("FIRST", str(first)).replace("SECOND", str(second))
    compile_ = [settings["compile"], "-o", "main.a", "-p", "main", *flags, *sources]
    link = [settings["link"], "-o", "program", *flags, "-s", "-w", "main.a"]
    stages: list[Stage] = [(sources, compile_), ({}, link)]
    return tools.build(stages, "program", {"CGO_ENABLED": "0"})


def _woven(code: str, tests: str) -> dict[str, str]:
    """Files by name. Raises BuildError where the tests have nothing to call."""
    files = {}
    if _MAIN.search(tests):
        tests = _MAIN.sub("func testsMain()", tests, count=1)
    elif names := _TEST.findall(tests):
        cases = "".join(_CASE.replace("NAME", name) for name in names)
        files["cases.go"] = _TESTING.replace("CASES", cases).replace("COUNT", str(len(names)))
    else:
        raise BuildError(
            "error", "bad tests", "the tests have no func main() and no func Test...(t *testing.T)"
        )
    code = _PACKAGE.sub("package main", code, count=1)
    if tests.lstrip().startswith("import"):
        tests = f"package main\n{tests}"
    if _PACKAGE.search(tests):
        return {"program.go": code, "tests.go": _PACKAGE.sub("package main", tests, count=1), **files}
    return {"program.go": f"{code}\n{tests}", **files}


def _explain(code: int, stderr: str) -> tuple[str, str]:
    if code != 2:
        return explain(code, stderr)
    if "goroutine stack exceeds" in stderr:
        return "failed", "RecursionError"
    if "cannot allocate memory" in stderr or "out of memory" in stderr:
        return "failed", "MemoryError"
    wrong = "panic: assert" in stderr or "panic: test failed" in stderr
    return "failed", "AssertionError" if wrong else "panic"
