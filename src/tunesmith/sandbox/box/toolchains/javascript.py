"""JavaScript: a fresh node for every program, with a launcher of ours (``node/launch.js``) that runs it."""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import struct
from typing import TYPE_CHECKING, Any

from . import Launch, explain
from .imports import needed, required

if TYPE_CHECKING:
    from .toolchain_judge import BuildTools

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
_UNCAUGHT = re.compile(r"^(?:Uncaught )?(?:\w+: )?(\w*(?:Error|Exception)\b)", re.MULTILINE)
_IN_TESTS, _BEFORE_TESTS = 1, 2
_HEAP_SHARE = 0.75


def make(job: dict[str, Any], tools: BuildTools) -> Launch:
    """The program as it is."""
    return launch(job, tools.settings, job["code"], required(job["tests"]), "program.js")


def launch(job: dict[str, Any], settings: dict[str, Any], code: str, tests: str, name: str) -> Launch:
    """``code``, then ``tests``, in a node of their own."""
    token = secrets.token_bytes(16)
    body = json.dumps({"code": code, "tests": tests, "name": name}).encode()
    return Launch(
        program=settings["node"],
        token=token,
        arguments=[settings["node"], *_flags(settings, job["memory_bytes"]), f"{_HERE}/launch.js"],
        feed=token + struct.pack("<I", len(body)) + body,
        of_data=True,
        explain=functools.partial(_explain, tests),
    )


def _flags(settings: dict[str, Any], memory_bytes: int) -> list[str]:
    """Node's own permission model, inside our isolation: no inspector, threads, add-ons or other files."""
    flags = ["--no-warnings", "--unhandled-rejections=strict"]
    flags.append(f"--max-old-space-size={int(memory_bytes * _HEAP_SHARE) >> 20}")
    if settings["permission"]:
        scratch = os.environ["TMPDIR"]
        readable = (f"{_HERE}/*", f"{scratch}/*", "/dev/*")
        flags += [settings["permission"], *(f"--allow-fs-read={path}" for path in readable)]
        flags += [f"--allow-fs-write={path}" for path in readable[1:]]
    return flags


def _explain(tests: str, code: int, stderr: str) -> tuple[str, str]:
    if code == _IN_TESTS and (module := needed(tests, stderr)):
        return "refused", f"needs module {module}"
    uncaught = _UNCAUGHT.search(stderr)
    if code < 0 or uncaught is None:
        if "JavaScript heap out of memory" in stderr:
            return "error", "MemoryError"
        return explain(code, stderr)
    return ("error" if code == _BEFORE_TESTS else "failed"), uncaught[1]
