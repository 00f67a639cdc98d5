"""Programs wrapped in something else: a text of a JSON record, the new side of a diff."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .definitions import CODE_LINE, Wanted
from .markdown import blocks, parse

_DIFF_HEADER = re.compile(r"^(?:diff |index |--- |\+\+\+ |@@ |\\ No newline|(?:old|new|deleted) )")
_LONGEST_JSON = 1_000_000  # characters; longer records are data, not a reply's program


def patched(diff: str) -> str:
    """The file after a diff, as far as the diff shows it."""
    lines = (line for line in diff.split("\n") if not _DIFF_HEADER.match(line))
    return "\n".join(line[1:] for line in lines if not line.startswith("-"))


def in_json(text: str, wanted: Wanted) -> str | None:
    """The one text in a JSON value that is the program, or None."""
    if len(text) > _LONGEST_JSON:
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    programs = []
    for one in _texts(value):
        inner = next((block.dedented for block in blocks(one)), one)
        fits = wanted.defined_by(inner) if wanted.names else CODE_LINE.search(inner) and parse(inner)
        if fits:
            programs.append(inner)
    return programs[0] if len(programs) == 1 else None


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
