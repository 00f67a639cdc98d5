"""C++: g++ or clang++, with the standard headers compiled once, twice over.

``<bits/stdc++.h>`` is every header of the standard library. Most programs that include it need few of
them, and every program pays for all, even precompiled (templates that their inline functions want are
made anew each time). So there is a lighter half, for programs that say no word of the heavy rest; the
words are counted out here, from what the preprocessor makes of each.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import native
from .language import Language, Toolchain, home, kept, run, said

FLAGS = ("-std=c++17", "-O0", "-pipe", "-w", "-pthread")
_COMPILERS = ("g++", "clang++")
_LIGHT = (
    "cassert", "cctype", "cerrno", "cfloat", "cinttypes", "climits", "clocale", "cmath", "csetjmp",
    "csignal", "cstdarg", "cstddef", "cstdint", "cstdio", "cstdlib", "cstring", "ctime", "cwchar",
    "cwctype", "algorithm", "any", "array", "bitset", "deque", "exception", "forward_list",
    "functional", "initializer_list", "ios", "iosfwd", "iostream", "istream", "iterator", "limits",
    "list", "map", "memory", "new", "numeric", "optional", "ostream", "queue", "ratio", "set",
    "sstream", "stack", "stdexcept", "streambuf", "string", "string_view", "system_error", "tuple",
    "type_traits", "typeindex", "typeinfo", "unordered_map", "unordered_set", "utility", "variant",
    "vector",
)  # fmt: skip
_MADE = 1
"""Counted up when what ``_make`` makes changes."""
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
_MACRO = re.compile(r"^#define (\w+)", re.MULTILINE)
_NAMESPACE = re.compile(r"\bnamespace (\w+)")
_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def _find() -> Toolchain | None:
    for name in _COMPILERS:
        if (path := shutil.which(name)) and (version := said(path, "--version")):
            return Toolchain(version, {"compiler": path, "flags": list(FLAGS)}, home(path))
    return None


def _prepare(found: Toolchain) -> Toolchain:
    compiler = found.settings["compiler"]
    shared = native.prepared(compiler)
    key = [found.version, compiler, FLAGS, _LIGHT, _MADE]
    folder = kept("cpp", key, lambda folder: _make(compiler, folder))
    return replace(
        found,
        settings={**found.settings, **shared, "headers": str(folder)},
        readable=(*found.readable, str(folder), shared["objects"]),
    )


def _make(compiler: str, folder: Path) -> None:
    """``whole.h`` and ``light.h``, compiled; ``bits/stdc++.h`` as the light one; the ``heavy`` words."""
    (folder / "whole.h").write_text("#include <bits/stdc++.h>\n")
    (folder / "light.h").write_text("".join(f"#include <{name}>\n" for name in _LIGHT))
    kind = "gch" if _is_gcc(compiler) else "pch"
    for name in ("whole.h", "light.h"):
        run([compiler, *FLAGS, "-x", "c++-header", name, "-o", f"{name}.{kind}"], folder)
    (folder / "heavy").write_text("\n".join(sorted(_heavy(compiler, folder))))
    (folder / "bits").mkdir()
    (folder / "bits" / "stdc++.h").write_text("#pragma once\n")


def _heavy(compiler: str, folder: Path) -> set[str]:
    """What only the heavy headers declare: macros, namespaces, and names in ``std`` or in none.

    A name within a type or a namespace cannot be used without saying that.
    """
    preprocess = [compiler, *FLAGS, "-x", "c++", "-E", "-P"]
    whole, light = (_STRING.sub(" ", run([*preprocess, name], folder)) for name in ("whole.h", "light.h"))
    macros = [set(_MACRO.findall(run([*preprocess, "-dM", name], folder))) for name in ("whole.h", "light.h")]
    spaces = [set(_NAMESPACE.findall(text)) for text in (whole, light)]
    words = sorted(set(_IDENTIFIER.findall(whole)) - set(_IDENTIFIER.findall(light)))
    declared = {
        word
        for scope in ("::std::", "::")
        for word, fails in zip(words, _errors(compiler, folder, scope, words), strict=True)
        if not fails
    }
    return declared | (macros[0] - macros[1]) | (spaces[0] - spaces[1])


def _errors(compiler: str, folder: Path, scope: str, words: Sequence[str]) -> list[bool]:
    """For each word, whether the compiler knows nothing of that name in that scope."""
    lines = "".join(f"namespace n{number} {{ using {scope}{word}; }}\n" for number, word in enumerate(words))
    (folder / "names.cpp").write_text(lines)
    all_of_them = "-fmax-errors=0" if _is_gcc(compiler) else "-ferror-limit=0"
    command = [compiler, *FLAGS, all_of_them, "-fsyntax-only", "-include", "whole.h", "names.cpp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wrong = {int(line) for line in re.findall(r"^names\.cpp:(\d+):\d+: error", done.stderr, re.MULTILINE)}
    return [number + 1 in wrong for number in range(len(words))]


def _is_gcc(compiler: str) -> bool:
    return Path(compiler).name == "g++"


LANGUAGE = Language("cpp", "install g++, e.g. `apt-get install g++`; `mold` makes it faster", _find, _prepare)
