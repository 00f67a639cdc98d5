"""What languages of machine code share: the object with the completion token, and the fastest linker."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ..box.toolchains import native
from .language import kept, run, said

_LINKERS = ("mold", "lld")


def prepared(compiler: str) -> dict[str, Any]:
    """Settings: ``link``, options for ``compiler`` when it links; ``objects``, the folder of objects."""
    key = [compiler, said(compiler, "--version"), native.source(), native.COMPILE]
    key += [said(linker, "--version") for linker in _LINKERS]
    folder = kept("native", key, lambda folder: _make(compiler, folder))
    linker = (folder / "linker").read_text()
    return {"link": ["-pthread", *([f"-fuse-ld={linker}"] if linker else [])], "objects": str(folder)}


def _make(compiler: str, folder: Path) -> None:
    (folder / "token.c").write_text(native.source())
    for name, options in (("fails.o", ()), ("ends.o", ("-DENDS",))):
        run([compiler, *native.COMPILE, *options, "-x", "c", "-c", "token.c", "-o", name], folder)
    (folder / "try.c").write_text("int main(void) { return 0; }\n")
    (folder / "linker").write_text(next((name for name in _LINKERS if _links(compiler, name, folder)), ""))


def _links(compiler: str, linker: str, folder: Path) -> bool:
    try:
        run([compiler, "-x", "c", "try.c", f"-fuse-ld={linker}", "-o", "try"], folder)
    except subprocess.SubprocessError:
        return False
    return True
