"""Rust: rustc, with the standard library as a shared library, which saves most of the linking."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from . import native
from .language import Language, Toolchain, home, said


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
    return Toolchain(version, settings, (root, *home(linker)))


def _prepare(found: Toolchain) -> Toolchain:
    shared = native.prepared(found.settings["linker"])
    readable = (*found.readable, shared["objects"])
    return replace(found, settings={**found.settings, **shared}, readable=readable)


LANGUAGE = Language("rust", "install Rust from https://rustup.rs, and a C compiler", _find, _prepare)
