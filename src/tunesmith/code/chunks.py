"""Cuts text into top-level statements of Python without parsing it as a whole: prose may lie between them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .markdown import parse

_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b")


def top_level(lines: list[str]) -> Iterable[list[str]]:
    """Chunks of lines: one at the margin with the lines that belong to it (indented, closing, in a text)."""
    chunk: list[str] = []
    quote = ""
    for line in lines:
        belongs = not line.strip() or line[0] in " \t)]}" or _CLAUSE.match(line)
        decorated = bool(chunk) and chunk[-1].startswith("@")
        if chunk and not belongs and not decorated and not quote:
            yield chunk
            chunk = []
        chunk.append(line)
        quote = open_quote(line, quote)
    if chunk:
        yield chunk


def open_quote(line: str, inside: str) -> str:
    """Which triple quote is open after ``line``, where ``inside`` was open before it."""
    for quote in re.findall(r'"""|\'\'\'', line):
        inside = "" if quote == inside else inside or quote
    return inside


def parsing_head(chunk: list[str]) -> list[str]:
    """The longest beginning of a chunk that parses. Its end moves back by doubling steps: few parses."""
    if parse("\n".join(chunk)) is not None:
        return chunk
    end, step = len(chunk) - 1, 1
    while end > 0:
        if parse("\n".join(chunk[:end])) is not None:
            return chunk[:end]
        end, step = end - step, step * 2
    return []
