"""The languages that are not run by this interpreter: how each is built and run, in isolation.

One file a language, with one function:

    make(job, tools) -> Launch

It joins the program, its tests and a completion token, builds them with ``tools.build`` (where there is
something to build; then its file has the constant ``SERVERS``) and returns what to run. Raises BuildError
where there is nothing to run. The caller's half of a language is ``sandbox/languages/NAME.py``; its
``settings`` arrive as ``tools.settings``.

The completion token is random, known to the judge and written to descriptor 3 once the last test has
returned. A pass is exit code 0 and exactly that token, so ending early, in whatever way, passes nothing.
"""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FAILED = b"failed"
"""What a test writes to descriptor 3, before it ends the program, where it can tell that it failed."""


@dataclass
class Launch:
    """What to run once built.

    program: its descriptor, or its path.  token: what must be read from descriptor 3.  feed: what can be
    read there at the start.  files: written to its folder first.  of_data: its memory is counted by what
    it writes to, not by what it reserves (runtimes that reserve much).  explain: the status and failure of
    a program from its exit code or signal and what it printed as errors.
    """

    program: int | str
    token: bytes
    arguments: list[str] = field(default_factory=lambda: ["program"])
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    feed: bytes = b""
    of_data: bool = False
    explain: Callable[[int, str], tuple[str, str]] | None = None


class BuildError(Exception):
    """There is nothing to run: the outcome's status, its failure, and the compiler's message."""

    def __init__(self, status: str, failure: str, message: str = "") -> None:
        super().__init__(failure)
        self.status, self.failure, self.message = status, failure, message


def servers(language: str) -> tuple[str, ...]:
    """The kinds of fork servers that a language needs for every program, by its constant ``SERVERS``."""
    kinds: tuple[str, ...] = getattr(importlib.import_module(f".{language}", __name__), "SERVERS", ("run",))
    return kinds


def maker(language: str) -> Callable[[dict[str, Any], Any], Launch]:
    """The ``make`` of a language, imported when it is first needed."""
    make: Callable[[dict[str, Any], Any], Launch] = importlib.import_module(f".{language}", __name__).make
    return make


def explain(code: int, stderr: str) -> tuple[str, str]:
    """Status and failure of an exit code, for languages that cannot tell more."""
    if code < 0:
        return "error", f"killed by {signal.Signals(-code).name}"
    return "failed", f"exit code {code}"
