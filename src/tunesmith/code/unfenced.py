"""Programs in replies without fences: prose around the code, bodies whose indentation was stripped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import notebook
from .chunks import parsing_head, top_level
from .definitions import CODE_LINE, Wanted
from .markdown import parse
from .wrapped import in_json, patched

_DIFF = re.compile(r"^(?:diff --git |@@ |--- .*\n\+\+\+ )", re.MULTILINE)
_TRIES = 8  # ends at which a program is cut; bounded, so that the work stays linear


@dataclass(frozen=True, slots=True)
class Found:
    """A program, and in a few words how it was found."""

    code: str
    how: str


def unfenced(text: str, wanted: Wanted, *, whole: bool) -> Found:
    """The program in a reply without fences.

    whole: text of which no beginning is a program comes back unchanged.
    """
    if text.lstrip()[:1] in ("{", "[") and (code := in_json(text, wanted)) is not None:
        return Found(code, "in JSON")
    if _DIFF.search(text) and wanted.defined_by(new := patched(text)):
        return Found(new, "a diff")
    return (
        _python(notebook.plain(text), wanted, whole=whole)
        if wanted.language == "python"
        else Found(text, "no fence")
    )


def _python(text: str, wanted: Wanted, *, whole: bool) -> Found:
    indented = text.lstrip("\n")[:1] in (" ", "\t")
    if wanted.before and (
        body := _parsing_start(text, wanted.before) if indented else reindented(text, wanted.before)
    ):
        return Found(body, "continuation")
    first = CODE_LINE.search(text)
    if first is None:
        return Found(text, "no fence")
    code = _parsing_start(text[first.start() :], "")
    if whole and parse(code) is None:
        return Found(text, "no fence")
    if wanted.names and not wanted.defined_by(code) and wanted.defined_by(pieces := "\n".join(_pieces(text))):
        return Found(pieces, "no fence, prose between the code dropped")
    prose = text[: first.start()].strip()
    return Found(code, "no fence, prose before the code dropped" if prose else "no fence")


def reindented(code: str, before: str) -> str:
    """A function's body whose first line lost its indentation, or nothing where ``code`` is none.

    Servers and scripts strip replies, which takes the blanks before the first line and no others.
    """
    body = code.lstrip()
    first, _, rest = body.partition("\n")
    if not before or not rest.strip() or parse(body) is not None:
        return ""
    depths = [len(line) - len(line.lstrip()) for line in rest.split("\n") if line.strip()]
    for depth in dict.fromkeys((*filter(None, (min(filter(None, depths), default=0),)), 4)):
        fixed = _parsing_start(" " * depth + body, before)
        if parse(before + fixed) is not None and fixed.strip() != first.strip():
            return fixed
    return ""


def _parsing_start(code: str, before: str) -> str:
    """``code`` without what follows its last whole statement, where ``before + code`` does not parse."""
    if parse(before + code) is not None:
        return code
    lines = code.splitlines(keepends=True)
    ends = [place for place, line in enumerate(lines) if place and line[:1] not in " \t\n#)]}"]
    for end in _spread(ends):
        start = "".join(lines[:end])
        if parse(before + start) is not None:
            return start
    return code


def _spread(ends: list[int]) -> list[int]:
    """The places to try, last first: some from the end and some from the beginning."""
    if len(ends) <= _TRIES:
        return ends[::-1]
    return ends[: -_TRIES // 2 : -1] + ends[_TRIES // 2 :: -1]


def _pieces(text: str) -> Iterator[str]:
    """The imports, definitions and assignments between prose, each of which parses by itself."""
    for chunk in top_level(text.splitlines()):
        if CODE_LINE.match(chunk[0]) or re.match(r"[A-Za-z_]\w*\s*(?::[^=]+)?=[^=]", chunk[0]):
            head = parsing_head(chunk)
            if head:
                yield "\n".join(head)
