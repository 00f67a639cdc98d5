"""TypeScript: a checker and compiler that stays warm, then JavaScript.

Type errors are errors, as ``tsc --target esnext`` finds them; there are no declarations of node, so a
program declares what it uses of it (``declare var require: any``). Tests need not declare ``require``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from . import BuildError, Launch
from .imports import needed, required
from .javascript import launch

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
_FLAGS = ["--no-warnings", "--max-old-space-size=700", "--stack-size=3900"]


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """Program and tests are checked as one file, and compiled separately where each is complete."""
    node, package = tools.settings["node"], tools.settings["typescript"]
    order = {"program": node, "arguments": [node, *_FLAGS, f"{_HERE}/compile.js", package]}
    tests = required(job["tests"])
    sources = json.dumps({"code": job["code"], "tests": tests})
    try:
        parts = json.loads(tools.compiler(order).compile(sources))
    except BuildError as error:
        if error.failure == "CompileError" and (module := needed(tests, error.message)):
            raise BuildError("refused", f"needs module {module}", error.message) from None
        raise
    return launch(job, tools.settings, parts["code"], parts["tests"], "program.js")
