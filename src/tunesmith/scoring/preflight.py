"""Problems that no program can pass on this machine: a library is missing, or data comes over the network.

They are left out and counted, since failing every model on them would say nothing of the models (DS-1000).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..benchmarks.ds1000 import NEEDS_NETWORK
from ..benchmarks.problem import Problem
from ..results import Program

if TYPE_CHECKING:
    from ..step import Sandbox

_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_SECONDS, _MEMORY = 120.0, 8 << 30  # importing tensorflow takes many seconds and gigabytes of address space


def passable(problems: Sequence[Problem], sandbox: Sandbox) -> tuple[list[Problem], list[str]]:
    """The problems that can pass here, and a line per reason for those that cannot."""
    needs = {p.task_id: _libraries(p) for p in problems if p.as_text}
    if not needs:
        return list(problems), []
    names = sorted({name for some in needs.values() for name in some})
    imports = [Program(f"import {name}\n", cpu_seconds=_SECONDS, memory_bytes=_MEMORY) for name in names]
    outcomes = zip(names, sandbox.run(imports), strict=True)
    missing = {name for name, outcome in outcomes if not outcome.passed}
    kept: list[Problem] = []
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        lacking = sorted(needs.get(problem.task_id, frozenset()) & missing)
        reason = f"{', '.join(lacking)} cannot be imported here" if lacking else ""
        if problem.task_id in NEEDS_NETWORK:
            reason = "their tests fetch data over the network, which the sandbox has not"
        if reason:
            reasons.setdefault(reason, []).append(problem.task_id)
        else:
            kept.append(problem)
    return kept, [f"{len(tasks)} problems ({tasks[0]} ...): {reason}" for reason, tasks in reasons.items()]


def _libraries(problem: Problem) -> frozenset[str]:
    text = f"{problem.tests}\n{problem.canonical}"
    return frozenset(_IMPORT.findall(text)) - frozenset(sys.stdlib_module_names)
