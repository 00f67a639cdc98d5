"""Runs a command and turns whatever ends it into a message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from ..errors import RunStopped, TunesmithError, UserError, visible


def run_app(app: typer.Typer, arguments: list[str]) -> int:
    """The exit code of ``app`` with ``arguments``; user errors end with 2 and no traceback."""
    try:
        status: Any = app(arguments, standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the outermost boundary: every error is shown, none is swallowed
        return _failed(error, arguments)
    if status == 130:  # typer turns KeyboardInterrupt into this
        return _stopped("stopped by Ctrl-C", 130, arguments)
    return status if isinstance(status, int) else 0


def _failed(error: Exception, arguments: list[str]) -> int:
    if isinstance(error, RunStopped):
        return _stopped(str(error), error.exit_code, arguments)
    if isinstance(error, TunesmithError):
        typer.secho("error: ", fg="red", err=True, nl=False)
        typer.echo(visible(str(error)), err=True)
        if error.__cause__ is not None and not isinstance(error, UserError):
            _traceback(error.__cause__)
        return error.exit_code
    show_usage = getattr(error, "show", None)  # click's own usage errors know how to show themselves
    if callable(show_usage):
        show_usage()
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "Abort":
        return _stopped("stopped", 130, arguments)
    _traceback(error)
    return 1


def _traceback(error: BaseException) -> None:
    typer.echo(visible("".join(traceback.format_exception(error))), err=True)


def _stopped(why: str, code: int, arguments: list[str]) -> int:
    command = " ".join(["tunesmith", *arguments])
    kept = "Everything finished is kept; continue with"
    if arguments[:1] == ["eval"]:
        kept = "Answers of models are kept, verdicts are not; start again with"
    typer.echo(visible(f"\n{why}. {kept}:\n    {command}"), err=True)
    return code
