"""C++: g++ or clang++, with every standard header compiled once, and the fastest linker there is."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from .language import Language, Toolchain, kept, run, said

FLAGS = ("-std=c++17", "-O0", "-pipe", "-w", "-pthread")
_COMPILERS = ("g++", "clang++")
_LINKERS = ("mold", "lld")


def _find() -> Toolchain | None:
    for name in _COMPILERS:
        if (path := shutil.which(name)) and (version := said(path, "--version")):
            return Toolchain(version, {"compiler": path, "flags": list(FLAGS)})
    return None


def _prepare(found: Toolchain) -> Toolchain:
    compiler = found.settings["compiler"]
    folder = kept("cpp", [found.version, compiler, FLAGS], lambda folder, _: _make(compiler, folder))
    linker = (folder / "linker").read_text()
    link = ["-pthread", *([f"-fuse-ld={linker}"] if linker else [])]
    return replace(
        found,
        settings={**found.settings, "header": str(folder / "whole.h"), "link": link},
        readable=(str(folder),),
    )


def _make(compiler: str, folder: Path) -> None:
    header = folder / "whole.h"
    header.write_text("#include <bits/stdc++.h>\n")
    kind = "gch" if Path(compiler).name == "g++" else "pch"
    run([compiler, *FLAGS, "-x", "c++-header", "whole.h", "-o", f"whole.h.{kind}"], folder)
    (folder / "try.cpp").write_text("int main() { return 0; }\n")
    (folder / "linker").write_text(next((name for name in _LINKERS if _links(compiler, name, folder)), ""))


def _links(compiler: str, linker: str, folder: Path) -> bool:
    try:
        run([compiler, "try.cpp", f"-fuse-ld={linker}", "-o", "try"], folder)
    except subprocess.SubprocessError:
        return False
    return True


LANGUAGE = Language("cpp", "install g++, e.g. `apt-get install g++`; `mold` makes it faster", _find, _prepare)
