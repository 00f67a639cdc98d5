"""C++: one translation unit of program and tests, each a file of its own, and the last word linked to it.

Unoptimised, with the precompiled standard header where the program includes ``<bits/stdc++.h>``, which
holds all others; a program that names its headers gets those only, as it would elsewhere.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from . import Fault, Launch, native, stated

if TYPE_CHECKING:
    from .workshop import Shop, Stage

_WHOLE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*(?:define|pragma|undef)\b", re.MULTILINE)
_MAIN = re.compile(r"\bmain\s*\(")
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


def make(job: dict[str, Any], shop: Shop) -> Launch:
    """Compile, or take what was compiled before."""
    code, tests = job["code"], job["tests"]
    if tests and not _MAIN.search(tests):
        raise Fault("error", "bad tests", "the tests have no main()")
    program, word = shop.kept(
        code, tests, make=lambda word: shop.build(_stages(code, tests, word, shop), "program")
    )
    return Launch(program, word, stated=_stated)


def _stages(code: str, tests: str, word: bytes, shop: Shop) -> list[Stage]:
    compiler: str = shop.settings["compiler"]
    flags: list[str] = shop.settings["flags"]
    header = ["-include", shop.settings["header"]] if _takes_whole_library(code + tests) else []
    failed = f"failed_{secrets.token_hex(16)}" if tests else ""
    sources = {"code.cpp": code + "\n", "tests.cpp": tests + "\n", "main.cpp": _unit(failed)}
    link = [compiler, *native.FLAGS, *shop.settings["link"], *native.WRAP]
    return [
        (sources, [compiler, *flags, *header, "-c", "main.cpp", "-o", "main.o"]),
        ({"last.cpp": native.last_word(word, failed=failed)}, [*link, "main.o", "last.cpp", "-o", "program"]),
    ]


def _unit(failed: str) -> str:
    """The unit that is compiled: program and tests, whose ``assert`` ends in a function with that name."""
    if not failed:
        return '#include "code.cpp"\n'
    signature = "(const char *, const char *, unsigned, const char *) noexcept __attribute__((noreturn))"
    return (
        f'#include <assert.h>\n#undef assert\nextern "C" void {failed}{signature};\n#include "code.cpp"\n'
        f'{_UNDEFINED}#include <assert.h>\n#define __assert_fail {failed}\n#include "tests.cpp"\n'
    )


def _takes_whole_library(source: str) -> bool:
    """Whether every header is included anyway, and nothing is said before that could change them."""
    found = _WHOLE.search(source)
    return found is not None and _DEFINE.search(source, 0, found.start()) is None


def _stated(code: int, stderr: str) -> tuple[str, str]:
    if uncaught := _UNCAUGHT.search(stderr):
        return "failed", "MemoryError" if "bad_alloc" in uncaught[1] else uncaught[1]
    return stated(code, stderr)
