"""The command line: ``main`` is the console script."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; by default with the arguments of this process.

    0 done, 1 a fault in a step or in tunesmith, 2 the user can fix it, 3 stopped cleanly (budget, provider),
    130 Ctrl-C. Errors are printed on standard error.
    """
    from .app import app
    from .exit_codes import run_app

    return run_app(app, list(sys.argv[1:] if arguments is None else arguments))
