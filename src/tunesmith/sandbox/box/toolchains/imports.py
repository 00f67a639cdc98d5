"""Imports that tests in JavaScript and TypeScript begin with, and the modules that they need.

Program and tests are scripts, in which an import is a syntax error; ``require`` gives the same modules of
node. Tests that need any other module cannot be run, so their program is refused.
"""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|(?:'use strict'|\"use strict\");?)*", re.DOTALL)
_IMPORT = re.compile(
    r"""import(?:\b([\w$\s{},*]+?)\bfrom)?\s*(['"])([^'"\n]+)\2[ \t]*;?"""
    r"""|import\s+([\w$]+)\s*=\s*require\s*\(\s*(['"])([^'"\n]+)\5\s*\)[ \t]*;?"""
)
_NAMED = re.compile(r"\{([^{}]*)\}")
_ALL_AS = re.compile(r"\*\s*as\s+")
_AS = re.compile(r"\s+as\s+")
_NOT_FOUND = re.compile(r"Cannot find module '([^'\n]+)'")
_OF_NODE = {
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto",
    "dgram", "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https",
    "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring",
    "readline", "repl", "sea", "sqlite", "stream", "string_decoder", "sys", "test", "timers", "tls",
    "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
}  # fmt: skip


def required(tests: str) -> str:
    """The imports at the top as calls of ``require``, on the lines where they were."""
    made: list[str] = []
    at = 0
    while True:
        between = _BETWEEN.match(tests, at)
        start = between.end() if between else at
        found = _IMPORT.match(tests, start)
        if found is None:
            return "".join(made) + tests[at:]
        made += [tests[at:start], _call(found)]
        at = found.end()


def _call(found: re.Match[str]) -> str:
    names, module = found[4] or found[1] or "", found[6] or found[3]
    if names.split()[:1] == ["type"] and names.split()[1:]:
        return found[0]
    values = [_ALL_AS.sub("", name).strip() for name in _NAMED.sub("", names).split(",")]
    parts = [part.strip() for within in _NAMED.findall(names) for part in within.split(",") if part.strip()]
    values += [part.split()[-1] for part in parts if part.split()[0] == "default"]  # the module itself
    parts = [part for part in parts if part.split()[0] != "default"]
    if parts:
        values.append("{ " + ", ".join(_AS.sub(": ", part) for part in parts) + " }")
    targets = [f"{value} = require('{module}')" for value in values if value]
    call = f"const {', '.join(targets)};" if targets else f"require('{module}');"
    return call + "\n" * (found[0].count("\n") - call.count("\n"))


def needed(tests: str, message: str) -> str:
    """The module, not of node, that ``tests`` name and that was not found; empty where there is none."""
    for module in _NOT_FOUND.findall(message):
        named = f"'{module}'" in tests or f'"{module}"' in tests
        if named and module.removeprefix("node:").partition("/")[0] not in _OF_NODE:
            return str(module)
    return ""
