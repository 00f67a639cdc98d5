"""TypeScript: node and the package ``typescript``, wherever one of the usual ways has put it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .javascript import INSTALL, node
from .language import Language, Toolchain

VARIABLE = "TUNESMITH_TYPESCRIPT"
"""The folder of the package, where it is in none of the usual places."""
_INSTALL = (
    f"{INSTALL}; then `npm install -g typescript@5`, or name the package's folder in {VARIABLE}. "
    "Version 7 has no compiler that node can keep warm"
)


def _find() -> Toolchain | None:
    found = node()
    if found is None:
        return None
    for folder in _places(Path(found.settings["node"])):
        version = _version(folder)
        if version and (folder / "lib" / "typescript.js").is_file():
            real = str(folder.resolve())
            settings = {**found.settings, "typescript": real}
            return replace(
                found,
                version=f"typescript {version}, {found.version}",
                settings=settings,
                readable=(*found.readable, real),
            )
    return None


def _places(node: Path) -> Iterator[Path]:
    """Where the package may be, likeliest first."""
    if named := os.environ.get(VARIABLE):
        yield Path(named)
    if tsc := shutil.which("tsc"):
        yield Path(tsc).resolve().parent.parent
    for modules in (
        Path(sys.prefix) / "node_modules",
        Path(sys.prefix) / "lib" / "node_modules",
        node.parent.parent / "lib" / "node_modules",
        Path("/usr/local/lib/node_modules"),
        Path("/usr/share/nodejs"),
    ):
        yield modules / "typescript"


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return ""


LANGUAGE = Language("typescript", _INSTALL, _find)
