"""Go: its compiler and linker called directly, with the standard library compiled once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from .language import Language, Toolchain, kept, run, said

_LIST = "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}"


def _find() -> Toolchain | None:
    path = shutil.which("go")
    version = said(path, "version") if path else ""
    if not path or not version:
        return None
    root = Path(said(path, "env", "GOROOT")).resolve()
    tools = Path(said(path, "env", "GOTOOLDIR")).resolve()
    settings = {"go": path, "compile": str(tools / "compile"), "link": str(tools / "link")}
    return Toolchain(version, settings, (str(root), str(tools)))


def _prepare(found: Toolchain) -> Toolchain:
    go = found.settings["go"]
    folder = kept("go", [found.version, found.readable], lambda folder: _make(go, folder))
    settings = {**found.settings, "packages": str(folder / "packages")}
    return replace(found, settings=settings, readable=(*found.readable, str(folder)))


def _make(go: str, folder: Path) -> None:
    """Write where each package of the standard library is, compiled; what Go brings so is not copied."""
    cache = folder / "cache"
    cache.mkdir()
    environment = {"GOCACHE": str(cache), "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": ""}
    (folder / "packages").write_text(run([go, "list", "-export", "-f", _LIST, "std"], folder, **environment))


LANGUAGE = Language("go", "install Go, e.g. `apt-get install golang-go`", _find, _prepare)
