"""Write docs/commands.md and docs/python.md from the code: help texts, signatures, docstrings.

Run from the repository root: python docs/generate_reference.py  (a test says when a page is out of date)
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import tunesmith
from tunesmith import api
from tunesmith.cli.app import app

HERE = Path(__file__).parent


def commands() -> str:
    """The page of the command line."""
    from typer.main import get_command

    group: Any = get_command(app)
    parts = [
        "# Command line",
        "Written from the code by `docs/generate_reference.py`. Exit codes: 0 done; 1 a fault in a step or "
        "in tunesmith; 2 the user can fix it; 3 stopped cleanly (budget, provider); 130 Ctrl-C.",
    ]
    for name, command in group.commands.items():
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        arguments = [p.metavar or p.name.upper() for p in shown if p.param_type_name == "argument"]
        parts += [f"## tunesmith {name}", f"```\ntunesmith {' '.join([name, *arguments])}\n```", command.help]
        rows = [f"| {_names(p)} | {_default(p)} | {_cell(p.help or '')} |" for p in shown if p.name != "help"]
        if rows:
            parts.append("\n".join(["| | default | |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_cell(parameter.metavar or parameter.name.upper())}`"
    return ", ".join(f"`{name}`" for name in parameter.opts)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, False, "") else f"`{parameter.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def python() -> str:
    """The page of the Python API: what ``import tunesmith`` offers, and the results of its functions."""
    parts = [
        "# Python",
        "Written from the code by `docs/generate_reference.py`. Everything here is imported from "
        "`tunesmith`, but `preview` and the results, which are in `tunesmith.api`.",
    ]
    named: dict[str, Any] = {name: getattr(tunesmith, name) for name in tunesmith.__all__}
    named["preview"] = api.preview
    functions = {name: thing for name, thing in named.items() if inspect.isfunction(thing)}
    for name, function in sorted(functions.items()):
        parts += [f"## {name}", f"```\n{name}{_signature(function)}\n```", _about(function)]
    for name, kind in {**named, "Finished": api.Finished, "Retried": api.Retried}.items():
        if inspect.isclass(kind):
            parts += [f"## {name}", _about(kind)]
    return "\n\n".join(parts) + "\n"


def _signature(function: Any) -> str:
    """The signature, one parameter a line, annotations without their quotes."""
    text = re.sub(r"(: |-> )'([^']+)'", r"\1\2", str(inspect.signature(function)))
    inside, _, after = text[1:].rpartition(") -> ")
    return (
        "("
        + "".join(f"\n    {part}," for part in re.split(r", (?=\w+:|\*)", inside) if part)
        + f"\n) -> {after}"
    )


def _about(thing: Any) -> str:
    return f"```text\n{inspect.getdoc(thing)}\n```"


PAGES = {"commands.md": commands, "python.md": python}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (HERE / file).write_text(page(), encoding="utf-8")
