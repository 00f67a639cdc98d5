"""Java: a compiler that stays warm, and a fresh virtual machine for every program (``jvm/``).

A program and its tests are one source, started at its last ``main``; assertions are on. Public classes may
have any name.
"""

from __future__ import annotations

import re
import secrets
import struct
from typing import TYPE_CHECKING, Any

from . import BuildError, Launch, explain

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools

_NO_MAIN = "error: no main method"
_APART = '\n/*"""*/\n'
"""Ends a comment or a text block that the program left open, lest it swallow the tests."""
_UNCAUGHT = re.compile(r'^Exception in thread "main" (?:[\w$]+\.)*([\w$]+)', re.MULTILINE)
_MACHINE = [
    "-Xshare:auto", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+DisableAttachMechanism",
    "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/null", "-XX:TieredStopAtLevel=1", "-Xlog:disable",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
]  # fmt: skip
_BESIDE_HEAP = 192 << 20
_LEAST_HEAP = 64 << 20


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """The compiled classes go to the program's machine over its line: nothing is written to disk."""
    order = {"program": tools.settings["java"], "arguments": _command(tools.settings, "Compiler", 512 << 20)}
    source = job["code"] + _APART + job["tests"] if job["tests"] else job["code"]
    try:
        classes = tools.compiler(order).compile(source)
    except BuildError as error:
        if error.message == _NO_MAIN:
            raise BuildError("error", "bad tests" if job["tests"] else "no main", error.message) from None
        raise
    token = secrets.token_bytes(16)
    heap = max(_LEAST_HEAP, job["memory_bytes"] - _BESIDE_HEAP)
    return Launch(
        program=tools.settings["java"],
        token=token,
        arguments=_command(tools.settings, "Launcher", heap),
        feed=token + struct.pack(">I", len(classes)) + classes,
        of_data=True,
        explain=_explain,
    )


def _command(settings: dict[str, Any], name: str, heap: int) -> list[str]:
    archive = f"-XX:SharedArchiveFile={settings['archives']}/{name}.jsa"
    return [
        *(settings["java"], *_MACHINE, f"-Xmx{heap >> 20}m", archive),
        *("-cp", settings["jar"], f"box.{name}"),
    ]


def _explain(code: int, stderr: str) -> tuple[str, str]:
    uncaught = _UNCAUGHT.search(stderr)
    if code < 0 or uncaught is None:
        return explain(code, stderr)
    return ("error" if uncaught[1] == "OutOfMemoryError" else "failed"), uncaught[1]
