"""From raw code and seed instructions to an instruction-tuned code model, everything traceable.

    import tunesmith

    print(tunesmith.plan("starter", tiny=True))
    result = tunesmith.run("starter", tiny=True)
    print(result.scores, result.report)

Names are loaded at first use, so importing the package is quick and loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

_HOMES = {
    "check": "api",
    "plan": "api",
    "recipes": "api",
    "run": "api",
    "read": "api",
    "retry": "api",
    "trace": "api",
    "Completion": "requests",
    "Context": "step",
    "Drop": "sample",
    "Request": "requests",
    "Sample": "sample",
    "Step": "step",
    "UserError": "errors",
    "Verdict": "sample",
}

__all__ = [
    "Completion",
    "Context",
    "Drop",
    "Request",
    "Sample",
    "Step",
    "UserError",
    "Verdict",
    "check",
    "plan",
    "read",
    "recipes",
    "retry",
    "run",
    "trace",
]

if TYPE_CHECKING:
    from .api import check, plan, read, recipes, retry, run, trace
    from .errors import UserError
    from .requests import Completion, Request
    from .sample import Drop, Sample, Verdict
    from .step import Context, Step


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tunesmith' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
