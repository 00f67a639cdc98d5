"""The languages that are not run by this interpreter: how each is built and run, inside the walls.

One file a language, with one function:

    make(job, shop) -> Launch

It weaves the program and its tests together with a last word, builds them with ``shop.build`` (where
there is something to build; then its file has the constant ``SERVERS``) and says what to run. Raises
Fault where there is nothing to run. The caller's half of a language is ``sandbox/languages/NAME.py``;
its ``settings`` arrive as ``shop.settings``.

The last word is random, known to the judge and spoken on descriptor 3 once the last test has returned;
a pass is exit code 0 and exactly that word. So ending early, in whatever way, passes nothing.
"""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FAILED = b"failed"
"""What a test says on descriptor 3, before it ends the program, where it can say that it failed."""


@dataclass
class Launch:
    """What to run once built.

    program: its descriptor, or its path.  word: what must be heard.  feed: what stands on descriptor 3
    from the start.  files: written to its folder first.  of_data: its memory is counted by what it
    writes to, not by what it reserves (runtimes that reserve much).  stated: the status and failure
    of a program that ended with an exit code or signal and what it printed as errors.
    """

    program: int | str
    word: bytes
    arguments: list[str] = field(default_factory=lambda: ["program"])
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    feed: bytes = b""
    of_data: bool = False
    stated: Callable[[int, str], tuple[str, str]] | None = None


class Fault(Exception):
    """There is nothing to run: the outcome's status, its failure, and what the compiler said."""

    def __init__(self, status: str, failure: str, said: str = "") -> None:
        super().__init__(failure)
        self.status, self.failure, self.said = status, failure, said


def servers(language: str) -> tuple[str, ...]:
    """The kinds of fork servers that a language needs for every program, by its constant ``SERVERS``."""
    kinds: tuple[str, ...] = getattr(importlib.import_module(f".{language}", __name__), "SERVERS", ("run",))
    return kinds


def maker(language: str) -> Callable[[dict[str, Any], Any], Launch]:
    """The ``make`` of a language, imported when it is first wanted."""
    make: Callable[[dict[str, Any], Any], Launch] = importlib.import_module(f".{language}", __name__).make
    return make


def stated(code: int, stderr: str) -> tuple[str, str]:
    """Status and failure of an exit code where a language knows no better."""
    if code < 0:
        return "error", f"killed by {signal.Signals(-code).name}"
    return "failed", f"exit code {code}"
