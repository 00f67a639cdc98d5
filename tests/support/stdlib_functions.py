"""Real Python functions for tests: those of the running interpreter's standard library."""

from __future__ import annotations

import ast
import functools
import random
import sysconfig
import textwrap
import warnings
from pathlib import Path


def stdlib_functions(size: int) -> tuple[str, ...]:
    """Source text of ``size`` functions and methods of top-level modules, the same ones every time."""
    return _shuffled()[:size]


@functools.cache
def _shuffled() -> tuple[str, ...]:
    found = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        lines = text.split("\n")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                found.append(textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno])))
    random.Random(7).shuffle(found)
    return tuple(found)
