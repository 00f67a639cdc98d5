"""C++: one translation unit of program and tests, linked with the completion token.

Unoptimised, with the precompiled standard header where the program includes ``<bits/stdc++.h>``, which
includes all others; a program that names its headers gets only those, as it would with any compiler.
"""

from __future__ import annotations

import os
import re
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import BuildError, Launch, explain, native

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools, Stage

SERVERS = ("build", "run")
_INCLUDED = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]+[>\"][ \t]*$", re.MULTILINE)
_OWN_COMPARISON = re.compile(r"\boperator\b|%:|\?\?=|##")
_DEFINE = re.compile(r"^[ \t]*#[ \t]*(?:define|pragma|undef)\b", re.MULTILINE)
_MAIN = re.compile(r"\bmain\s*\(")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
"""Comments and strings, nearly; where this is wrong the compiler fails, and all headers are tried."""
_TAKEN_BACK = (
    "assert", "main", "if", "else", "for", "while", "do", "switch", "case", "default", "break", "continue",
    "return", "goto", "try", "catch", "throw", "int", "bool", "char", "float", "double", "long", "short",
    "unsigned", "signed", "void", "auto", "const", "true", "false", "nullptr", "class", "struct", "template",
    "typename", "operator", "using", "namespace", "static", "sizeof", "new", "delete", "this", "std",
    "vector", "string", "map", "set", "abort", "exit", "abs", "fabs", "static_cast", "NDEBUG",
)  # fmt: skip
_UNDEFINED = "".join(f"#undef {name}\n" for name in _TAKEN_BACK)
"""Names that a program may not have redefined when the tests are read."""
_UNCAUGHT = re.compile(r"terminate called after throwing an instance of '([^']+)'")


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """Compile, or take what was compiled before."""
    code, tests = job["code"], job["tests"]
    if tests and not _MAIN.search(tests):
        raise BuildError("error", "bad tests", "the tests have no main()")
    program, token = tools.kept(code, tests, make=lambda token: _build(code, tests, token, tools))
    return Launch(program, token, explain=_explain)


def _build(code: str, tests: str, token: bytes, tools: BuildTools) -> int:
    """With the light headers where those should be enough, and with all where that does not compile."""
    folder = tools.settings["headers"]
    kind = _headers(code + tests, folder)
    if kind == "light":
        try:
            return _compiled(code, tests, token, tools, ["-include", f"{folder}/light.h", f"-I{folder}"])
        except BuildError as error:
            if error.status != "error":
                raise
    return _compiled(code, tests, token, tools, [] if kind == "named" else ["-include", f"{folder}/whole.h"])


def _compiled(code: str, tests: str, token: bytes, tools: BuildTools, headers: list[str]) -> int:
    """With equality of our own (``equal.h``), or as the tests are where they do not compile with that."""
    own = f"n_{secrets.token_hex(8)}"
    try:
        return tools.build(_stages(code, tests, token, tools.settings, headers, own), "program")
    except BuildError as error:
        # A program with comparisons of its own could have made that fail, to be compared by them after all.
        if error.status != "error" or own not in error.message or _OWN_COMPARISON.search(code):
            raise
    return tools.build(_stages(code, tests, token, tools.settings, headers, ""), "program")


def _stages(
    code: str, tests: str, token: bytes, settings: dict[str, Any], headers: list[str], own: str
) -> list[Stage]:
    compiler: str = settings["compiler"]
    failed = f"f_{secrets.token_hex(16)}"
    sources = {"code.cpp": code + "\n", "tests.cpp": tests + "\n", "main.cpp": _unit(failed if tests else "")}
    if tests and own:
        included = "".join(f"{line}\n" for line in _INCLUDE.findall(tests))
        closes = tests.lstrip().startswith("}")  # MultiPL-E's tests first close the program's function
        rest = _INCLUDE.sub("", tests.replace("}", " ", 1) if closes else tests)
        equal = _equal().replace("NAMESPACE", own).replace("LEFT", f"{own}_left")
        sources |= {
            "equal.h": equal, "tests.cpp": rest + "\n",
            "main.cpp": _unit_with_equal(failed, own, "}" if closes else "", included),
        }  # fmt: skip
    object_ = native.patched(f"{settings['objects']}/fails.o", token, failed)
    return [
        (sources, [compiler, *settings["flags"], *headers, "-c", "main.cpp", "-o", "main.o"]),
        (
            {"token.o": object_},
            [compiler, *settings["link"], *native.WRAP, "main.o", "token.o", "-o", "program"],
        ),
    ]


_SIGNATURE = "(const char *, const char *, unsigned, const char *) noexcept __attribute__((noreturn))"


def _unit(failed: str) -> str:
    """The unit that is compiled: program and tests, whose ``assert`` ends in a function with that name."""
    if not failed:
        return '#include "code.cpp"\n'
    return (
        f'#include <assert.h>\n#undef assert\nextern "C" void {failed}{_SIGNATURE};\n#include "code.cpp"\n'
        f'{_UNDEFINED}#include <assert.h>\n#define __assert_fail {failed}\n#include "tests.cpp"\n'
    )


def _unit_with_equal(failed: str, own: str, brace: str, included: str) -> str:
    """The same, where ``assert`` compares by ``equal.h``. What the tests include comes before that macro,
    since ``<cassert>`` among it would define another."""
    return (
        f'#include "equal.h"\nextern "C" void {failed}{_SIGNATURE};\n#include "code.cpp"\n{brace}\n'
        f"{_UNDEFINED}{included}#undef assert\n#define assert(...) (static_cast<bool>(::{own}::{own}_left() "
        f"<< __VA_ARGS__) ? void(0) : {failed}(#__VA_ARGS__, __FILE__, __LINE__, __func__))\n"
        '#include "tests.cpp"\n'
    )


@lru_cache(maxsize=1)
def _equal() -> str:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "equal.h")) as file:
        return file.read()


def _headers(source: str, folder: str) -> str:
    """Which compiled headers do for a program: ``light`` ones, the ``whole``, or only those it ``named``."""
    found = _INCLUDED.search(source)
    if found is None or _DEFINE.search(source, 0, found.start()):
        return "named"
    return "light" if _heavy(folder).isdisjoint(_WORD.findall(_NOT_CODE.sub(" ", source))) else "whole"


@lru_cache(maxsize=1)
def _heavy(folder: str) -> frozenset[str]:
    """Words that only the headers left out of the light half know."""
    with open(f"{folder}/heavy") as file:
        return frozenset(file.read().split())


def _explain(code: int, stderr: str) -> tuple[str, str]:
    if uncaught := _UNCAUGHT.search(stderr):
        return "failed", "MemoryError" if "bad_alloc" in uncaught[1] else uncaught[1]
    return explain(code, stderr)
