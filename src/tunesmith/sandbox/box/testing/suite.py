"""Runs tests: nothing where every test held, or the class of what they raised and where."""

from __future__ import annotations

import sys
import types
from typing import Any

from ..messages.channel import Ended

LONGEST = 2000
"""Characters kept of a message or a line of tests."""


def attempt(tests: str | Any, entry_point: str, scope: dict[str, Any]) -> tuple[str, str]:
    """Run ``tests`` (source or compiled) in ``scope``, and ``check`` of the entry point if they define it.

    Returns (failure, explanation); both are empty where every test held.

    Raises Ended where the line to the program broke or a limit was passed.
    """
    try:
        code = tests if not isinstance(tests, str) else compile(tests, "<tests>", "exec", dont_inherit=True)
        before = scope.get("check")
        exec(code, scope)
        check = scope.get("check")
        if entry_point and check is not None and check is not before:
            check(scope[entry_point] if entry_point in scope else _missing(entry_point))
    except Ended:
        raise
    except BaseException as error:  # whatever tests raise, even SystemExit, is the verdict
        if type(error) is SystemExit and not error.code and "<program>" not in _files(error):
            return "", ""  # unittest.main() ends so where every test held
        return name_of(error), trace(error)
    return "", ""


def name_of(error: BaseException) -> str:
    """The name of its class, which is never empty: that would be no failure."""
    return type(error).__name__ or "an exception without a name"


def _missing(name: str) -> Any:
    raise NameError(f"name {name!r} is not defined")


def _files(error: BaseException) -> set[str]:
    """The files an exception came through."""
    found = set()
    frame = error.__traceback__
    while frame is not None:
        found.add(frame.tb_frame.f_code.co_filename)
        frame = frame.tb_next
    return found


def as_main(module: types.ModuleType) -> dict[str, Any]:
    """Make ``module`` the script that runs, ``__main__``; gives its names, for tests to run among."""
    module.__name__ = "__main__"
    sys.modules["__main__"] = module
    sys.argv = ["tests"]
    return module.__dict__


def trace(error: BaseException) -> str:
    """Where in the program or the tests it was raised, and what: a few lines, never an exception."""
    lines = []
    frame = error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if name in ("<program>", "<tests>"):
            lines.append(f"{name} line {frame.tb_lineno} in {frame.tb_frame.f_code.co_name}")
        frame = frame.tb_next
    if isinstance(error, SyntaxError):
        lines.append(f"{error.filename} line {error.lineno}")
    try:
        text = str(error)[:LONGEST]
    except (Exception, SystemExit):  # an exception's own str() may raise anything
        text = "?"
    notes = [note[:LONGEST] for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
    return "\n".join(
        [*notes[:1], *lines[-8:], f"{type(error).__name__}: {text}" if text else type(error).__name__]
    )
