"""Java: a compiler that stays warm, and a fresh virtual machine for every program (``jvm/``).

A program and its tests are one source, in one file's worth, started at its last ``main``; assertions are
on. Public classes may have any name.
"""

from __future__ import annotations

import re
import secrets
import struct
from typing import TYPE_CHECKING, Any

from . import Fault, Launch, stated

if TYPE_CHECKING:
    from .toolchain_judge import Shop

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


def make(job: dict[str, Any], shop: Shop) -> Launch:
    """The compiled classes go to the program's machine over its line: nothing is written to disk."""
    order = {"program": shop.settings["java"], "arguments": _command(shop.settings, "Compiler", 512 << 20)}
    source = job["code"] + _APART + job["tests"] if job["tests"] else job["code"]
    try:
        classes = shop.compiler(order).compile(source)
    except Fault as fault:
        if fault.said == _NO_MAIN:
            raise Fault("error", "bad tests" if job["tests"] else "no main", fault.said) from None
        raise
    word = secrets.token_bytes(16)
    heap = max(_LEAST_HEAP, job["memory_bytes"] - _BESIDE_HEAP)
    return Launch(
        program=shop.settings["java"],
        word=word,
        arguments=_command(shop.settings, "Launcher", heap),
        feed=word + struct.pack(">I", len(classes)) + classes,
        of_data=True,
        stated=_stated,
    )


def _command(settings: dict[str, Any], name: str, heap: int) -> list[str]:
    archive = f"-XX:SharedArchiveFile={settings['archives']}/{name}.jsa"
    return [
        *(settings["java"], *_MACHINE, f"-Xmx{heap >> 20}m", archive),
        *("-cp", settings["jar"], f"box.{name}"),
    ]


def _stated(code: int, stderr: str) -> tuple[str, str]:
    uncaught = _UNCAUGHT.search(stderr)
    if code < 0 or uncaught is None:
        return stated(code, stderr)
    return ("error" if uncaught[1] == "OutOfMemoryError" else "failed"), uncaught[1]
