"""Rust: rustc, with the standard library as a shared library, which saves most of the linking."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from . import cpp
from .language import Language, Toolchain, said


def _find() -> Toolchain | None:
    on_path, linker = shutil.which("rustc"), shutil.which("cc") or shutil.which("gcc")
    if on_path is None or linker is None:
        return None
    root, folder = said(on_path, "--print", "sysroot"), said(on_path, "--print", "target-libdir")
    compiler = Path(root) / "bin" / "rustc"
    libraries = [
        next((str(path) for path in sorted(Path(folder).glob(name))), "")
        for name in ("libstd-*.so", "libcompiler_builtins-*.rlib")
    ]
    version = said(str(compiler), "--version")
    if not version or not all(libraries):
        return None
    settings = {
        "compiler": str(compiler), "linker": linker, "libraries": libraries, "library_folder": folder,
    }  # fmt: skip
    return Toolchain(version, settings, (root,))


def _prepare(found: Toolchain) -> Toolchain:
    """The same linker as for C++, where that is there to tell which works."""
    link = ["-pthread"]
    if there := cpp.LANGUAGE.find():
        link = list(cpp.LANGUAGE.prepare(there).settings["link"])
    return replace(found, settings={**found.settings, "link": link})


LANGUAGE = Language("rust", "install Rust from https://rustup.rs, and a C compiler", _find, _prepare)
