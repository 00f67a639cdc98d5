"""Why an attempt failed, in a few countable words.

The sandbox names the exception or signal that ended a program; these are gathered into the classes
that readers of papers know. Wrong answers are told apart from programs that never got that far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ..results import Attempt, Outcome

FailureClass = Literal[
    "", "wrong answer", "syntax", "name", "type", "value", "lookup", "import", "recursion", "memory",
    "timeout", "compile", "exit", "crash", "exception", "no code", "cut off", "no verdict", "no reply",
    "refused",
]  # fmt: skip
"""The empty class is a pass. ``cut off``: the reply hit its length limit inside the program."""

_OF: dict[str, FailureClass] = {
    "AssertionError": "wrong answer",
    "SyntaxError": "syntax", "IndentationError": "syntax", "TabError": "syntax",
    "NameError": "name", "UnboundLocalError": "name", "AttributeError": "type",
    "TypeError": "type", "ValueError": "value", "UnicodeDecodeError": "value", "UnicodeEncodeError": "value",
    "OverflowError": "value", "ZeroDivisionError": "value",
    "IndexError": "lookup", "KeyError": "lookup", "LookupError": "lookup", "StopIteration": "lookup",
    "ImportError": "import", "ModuleNotFoundError": "import",
    "RecursionError": "recursion", "MemoryError": "memory", "TimeoutError": "timeout",
    "SystemExit": "exit", "KeyboardInterrupt": "exit",
}  # fmt: skip

_SIGNS: tuple[tuple[str, FailureClass], ...] = (
    ("signal", "crash"),
    ("memory", "memory"),
    ("compil", "compile"),
    ("no verdict", "no verdict"),
    ("exit", "exit"),
    ("assert", "wrong answer"),
)
"""For what the sandbox says in words of its own, not by an exception's name; the first that fits."""


_NO_ANSWER = frozenset({"syntax", "compile", "import", "name", "no code", "no verdict", "crash", "type"})
"""Failures that, where nearly every program has the same, come from how programs were given and run."""
_NEARLY_ALL, _FEWEST = 0.9, 10


def common_failure(attempts: Sequence[Attempt]) -> str:
    """The failure that nearly all of at least ten attempts share, if it is seldom the model's fault."""
    counts = Counter(attempt.failure for attempt in attempts)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    enough = len(attempts) >= _FEWEST and count >= _NEARLY_ALL * len(attempts)
    return name if enough and name in _NO_ANSWER else ""


def failure_class(outcome: Outcome, *, program: str = "x", finish_reason: str = "stop") -> FailureClass:
    """The class of ``outcome``.

    program: what was run; an empty one means that the reply held no code.
    finish_reason: of the reply; ``length`` turns a syntax error into ``cut off``.
    """
    if outcome.status == "passed":
        return ""
    if outcome.status == "refused":
        return "refused"
    if not program.strip():
        return "no code"
    found = "timeout" if outcome.status == "timeout" else _named(outcome.failure)
    return "cut off" if finish_reason == "length" and found in ("syntax", "compile") else found


def _named(failure: str) -> FailureClass:
    name = failure.rsplit(".", 1)[-1].strip()
    if name in _OF:
        return _OF[name]
    words = failure.lower()
    return next((found for sign, found in _SIGNS if sign in words), "exception")
