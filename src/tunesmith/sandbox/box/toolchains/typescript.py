"""TypeScript: a checker and compiler that stays warm, then what JavaScript has.

Type errors are errors, as ``tsc --target esnext`` finds them; declarations of node are not there, so a
program declares what it takes from it (``declare var require: any``). Tests need not declare ``require``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from . import Fault, Launch
from .imports import needed, required
from .javascript import launch

if TYPE_CHECKING:
    from .toolchain_judge import Shop

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
_FLAGS = ["--no-warnings", "--max-old-space-size=700", "--stack-size=3900"]


def make(job: dict[str, Any], shop: Shop) -> Launch:
    """Program and tests are checked as one file, and compiled apart where each is a whole."""
    node, package = shop.settings["node"], shop.settings["typescript"]
    order = {"program": node, "arguments": [node, *_FLAGS, f"{_HERE}/compile.js", package]}
    tests = required(job["tests"])
    sources = json.dumps({"code": job["code"], "tests": tests})
    try:
        parts = json.loads(shop.compiler(order).compile(sources))
    except Fault as fault:
        if fault.failure == "CompileError" and (module := needed(tests, fault.said)):
            raise Fault("refused", f"needs module {module}", fault.said) from None
        raise
    return launch(job, shop.settings, parts["code"], parts["tests"], "program.js")
