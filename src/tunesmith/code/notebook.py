"""Python as notebooks and interpreters show it, made plain: prompts taken off, commands left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .chunks import open_quote
from .markdown import parse

_PROMPT = re.compile(r"^[ \t]*(?:>>>|In ?\[\d*\]:)(?: |$)", re.MULTILINE)
_FIRST = re.compile(r"^([ \t]*)(?:>>>|In ?\[\d*\]:)(?: |$)")
_NEXT = re.compile(r"^[ \t]*\.\.\.(?::)?(?: |$)")
_COMMAND = re.compile(
    r"^([ \t]*)(?:\w+[ \t]*=[ \t]*)?(?:%%?[A-Za-z]|![A-Za-z./~]|\?{1,2}[A-Za-z]|\$ )"
    r"|^([ \t]*)(?:(?:pip3?|conda|python3? -m pip) install\b)|^([ \t]*)[A-Za-z_][\w.]*\?{1,2}$"
)


def plain(code: str) -> str:
    """``code`` without an interpreter's prompts and a notebook's commands, unless it parses with them."""
    transcript = _PROMPT.search(code) is not None
    lines = code.split("\n")
    if not transcript and not any(map(_COMMAND.match, lines)):
        return code
    if parse(code) is not None:
        return code
    for changed in (_without_prompts(lines) if transcript else code, _without_commands(lines)):
        if changed != code and parse(changed) is not None:
            return changed
    return code


def _without_commands(lines: list[str]) -> str:
    """A command becomes ``pass``, so that a block that held nothing else is not empty."""
    quote, out = "", []
    for line in lines:
        command = None if quote else _COMMAND.match(line)
        if command is None:
            out.append(line)
            quote = open_quote(line, quote)
        elif indent := next(filter(None, command.groups()), ""):
            out.append(f"{indent}pass")
    return "\n".join(out)


def _without_prompts(lines: list[str]) -> str:
    """The statements of a transcript that define something: what is only shown, or fails, is left out."""
    return "\n".join(text for text, failed in _entries(lines) if not failed and not _only_shown(text))


def _entries(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each statement of a transcript, and whether a traceback follows it."""
    entry: list[str] = []
    failed = False
    for line in lines:
        first = _FIRST.match(line)
        if first:
            if entry:
                yield "\n".join(entry), failed
            entry, failed = [line[first.end() :]], False
        elif entry and (following := _NEXT.match(line)):
            entry.append(line[following.end() :])
        elif line.lstrip().startswith("Traceback (most recent call last)"):
            failed = True
    if entry:
        yield "\n".join(entry), failed


def _only_shown(text: str) -> bool:
    tree = parse(text)
    return tree is not None and all(isinstance(node, ast.Expr) for node in tree.body)
