"""JavaScript: node. Where it has a permission model (20 and later), that stands inside our own isolation."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .language import Language, Toolchain, said

INSTALL = "install node 20 or later, e.g. from nodejs.org"


def node() -> Toolchain | None:
    """Node as it was found."""
    path = shutil.which("node")
    version = said(path, "--version") if path else ""
    found = re.match(r"v(\d+)\.(\d+)", version)
    if path is None or found is None:
        return None
    release = int(found[1]), int(found[2])
    permission = "--permission" if release >= (23, 5) else "--experimental-permission"
    real = Path(path).resolve()
    settings = {"node": str(real), "permission": permission if release >= (20, 0) else ""}
    return Toolchain(f"node {version}", settings, _files(real))


def _files(node: Path) -> tuple[str, ...]:
    """Node itself, where that is not among the system's folders, and its library where that is apart."""
    if str(node).startswith(("/usr/bin/", "/bin/")):
        return ()
    return str(node), *map(str, sorted((node.parent.parent / "lib").glob("libnode.so*")))


LANGUAGE = Language("javascript", INSTALL, node)
