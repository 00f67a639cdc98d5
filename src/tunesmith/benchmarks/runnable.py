"""The last step before the sandbox: libraries that it lacks are stood in for, clashes are resolved.

What a problem's tests and a model's program say is not changed otherwise. Programs reach for libraries
that benchmarks allow (boost, javatuples, testify, three crates); a stand-in of what they use is added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..code.braces import bare, defines_main, without_main
from .shims import shim

Prepared = tuple[str, str]
"""(program, tests)"""


def runnable(language: str, program: str, tests: str) -> Prepared:
    """Program and tests as the sandbox is given them; the tests' source follows the program's."""
    if defines_main(tests, language):
        program = without_main(program, language)
    prepare = _BY_LANGUAGE.get(language)
    return prepare(program, tests) if prepare else (program, tests)


def _cpp(program: str, tests: str) -> Prepared:
    for header, name in (("boost/any.hpp", "any.hpp"), ("openssl/md5.h", "md5.hpp")):
        line = re.compile(rf"^[ \t]*#[ \t]*include[ \t]*[<\"]{re.escape(header)}[>\"][^\n]*", re.MULTILINE)
        if line.search(program):
            program = line.sub("", program)
            program = shim(name) + program
    return program, tests


def _javascript(program: str, tests: str) -> Prepared:
    own = "((text) => require('node:crypto').createHash('md5').update(text).digest('hex'))"
    return re.sub(r"""require\(\s*['"]js-md5['"]\s*\)""", own, program), tests


def _java(program: str, tests: str) -> Prepared:
    """Imports come first in a file, whoever brings them; tuples are classes of the same file."""
    line = re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?[\w.*]+[ \t]*;[ \t]*\n?", re.MULTILINE)
    imports = [found.strip() for found in line.findall(program + "\n" + tests)]
    tuples = any("org.javatuples" in found for found in imports)
    kept = [found for found in dict.fromkeys(imports) if "org.javatuples" not in found]
    program, tests = line.sub("", program), line.sub("", tests)
    if tuples and re.search(r"\b(?:Unit|Pair|Triplet|Quartet)\b", bare(program + tests)):
        tests = f"{tests}\n{shim('Tuples.java')}"
    return "\n".join([*kept, program]), tests


_CRATES = {"rand": "rand.rs", "regex": "regex.rs", "md5": "md5.rs"}


def _rust(program: str, tests: str) -> Prepared:
    """Crates that a program only imports are dropped, those that it uses are stood in for."""
    used = bare(program + tests)
    without = re.sub(r"^\s*use\s+(?:rand|regex|md5)\b[^;]*;", "", used, flags=re.MULTILINE)
    names = {"rand": r"\brand::|\brng\b|\bRng\b", "regex": r"\bRegex\b|\bregex::", "md5": r"\bmd5::"}
    for crate, name in _CRATES.items():
        line = rf"^[ \t]*use\s+(?:::)?{crate}\b[^;\n]*;[ \t]*\n?"
        if re.search(names[crate], without):
            program = re.sub(rf"^[ \t]*use\s+{crate}[ \t]*;[ \t]*\n?", "", program, flags=re.MULTILINE)
            program += "\n" + shim(name)
        else:
            program = re.sub(line, "", program, flags=re.MULTILINE)
    return program, tests


_GO_PACKAGES = {
    name.rpartition("/")[2]: name
    for name in (
        *(
            "bufio",
            "bytes",
            "container/heap",
            "container/list",
            "crypto/md5",
            "encoding/hex",
            "encoding/json",
        ),
        *("errors", "fmt", "io", "math", "math/big", "math/bits", "math/rand", "os", "reflect", "regexp"),
        *("sort", "strconv", "strings", "testing", "time", "unicode", "unicode/utf8"),
    )
}
_GO_IMPORT = re.compile(r'^import[ \t]*(?:\(([^)]*)\)|((?:[\w.]+[ \t]+)?"[^"\n]+"))[ \t]*;?', re.MULTILINE)
_GO_SPEC = re.compile(r'(?:([\w.]+)[ \t]+)?"([^"\n]+)"')
_GO_TEST = re.compile(r"^func[ \t]+(Test\w+)[ \t]*\(\w+[ \t]+\*testing\.T\)", re.MULTILINE)


def _go(program: str, tests: str) -> Prepared:
    """One file of package main with exactly the imports that it uses (Go takes no other), and a main.

    Tests written for ``go test`` are called from main; testify's assert is stood in for.
    """
    specs: dict[str, str] = {}
    parts = []
    for source in (program, tests):
        for found in _GO_IMPORT.finditer(source):
            for alias, path in _GO_SPEC.findall(found[1] or found[2]):
                specs[alias or path.rpartition("/")[2]] = f'{alias} "{path}"'.strip()
        unpackaged = re.sub(r"^package[ \t]+\w+[^\n]*", "", _GO_IMPORT.sub("", source), flags=re.MULTILINE)
        parts.append(unpackaged.strip("\n"))
    program, tests = parts
    if specs.pop("assert", None):
        tests += "\n" + shim("testify.go")
    if calls := _GO_TEST.findall(bare(tests)):
        tests = tests.replace("*testing.T", "*testingT") + "\n" + shim("testing.go") + _go_main(calls)
    text = bare(program + "\n" + tests)
    known = {name: f'"{path}"' for name, path in _GO_PACKAGES.items()} | specs
    needed = [spec for name, spec in known.items() if re.search(rf"(?<![\w.]){re.escape(name)}\.[A-Z]", text)]
    lines = "".join(f"\t{spec}\n" for spec in needed)
    return f"package main\n\nimport (\n{lines})\n\n{program}\n", tests


def _go_main(calls: list[str]) -> str:
    tests = "".join(f"\t{name}(t)\n" for name in calls)
    verdict = '\tif t.failed {\n\t\tpanic("test failed")\n\t}\n'
    return f"\nfunc main() {{\n\tt := &testingT{{}}\n{tests}{verdict}}}\n"


_BY_LANGUAGE: Mapping[str, Callable[[str, str], Prepared]] = MappingProxyType(
    {"cpp": _cpp, "javascript": _javascript, "java": _java, "rust": _rust, "go": _go}
)
