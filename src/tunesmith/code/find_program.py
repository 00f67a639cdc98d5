"""Finds the program in a reply. Evaluation and every step that labels rows use this one mechanism.

A reply may show the program in several fenced blocks, in a JSON record, as a diff, as a transcript, with
notebook commands, or without any fence. Blocks in the right language that define the wanted functions win
over others, functions with a body over stubs; names that the chosen block lacks come from the other blocks.
Work is linear in the length of the reply, and nothing is run.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from dataclasses import replace

from . import notebook
from .definitions import Wanted, defines, returns_at_margin
from .markdown import Block, blocks, language_name, parse
from .names import completed, joined, names_needed
from .unfenced import Found, reindented, unfenced
from .wrapped import in_json, patched

_BYTE_ORDER_MARK = re.compile(r"^\ufeff", re.MULTILINE)


def code_of(text: str, language: str = "", tests: str = "") -> str:
    """The program in a reply, for steps: its fenced code in ``language``, else all of it.

    tests: Python tests of the program; the functions that they call decide between several blocks.
    """
    language = language_name(language)
    names = names_needed(tests) if tests and language == "python" else frozenset()
    return find_program(text, language, names, alone=True).code


def find_program(
    reply: str, language: str, names: Collection[str] = (), before: str = "", *, alone: bool = False
) -> Found:
    """The program in ``reply``, which is free of thoughts (``replies.thoughts``).

    names: functions that it should define.  before: the code that the reply may continue.
    alone: no code precedes the program; blocks that build on one another are joined even without ``names``.
    """
    if alone and "```" not in reply and "~~~" not in reply and not _unusual(reply, language):
        return Found(reply, "no fence")
    text = _BYTE_ORDER_MARK.sub("", reply.replace("\r\n", "\n"))
    wanted = Wanted(language, names, before)
    opened = None if alone else _before_fence(text, wanted)
    if opened is not None:
        return Found(opened, "before a closing fence")
    shown = _fences(text, wanted)
    if not shown and alone and (empty := blocks(text)):
        return Found(empty[0].dedented, "empty fence")
    if not shown:
        return unfenced(text, wanted, whole=alone)
    block, how = _chosen(shown, wanted)
    code = _readable(block, wanted)
    if not block.closed:
        how = f"{how}, never closed"
    if language == "python" and not wanted.defined_by(code) and (body := reindented(code, before)):
        return Found(body, how)
    return _with_others(code, block, shown, wanted, how, alone=alone)


def _unusual(text: str, language: str) -> bool:
    """Whether unfenced text needs more than to be taken as it is."""
    return language == "python" and (text[:1] in ("\ufeff", "{", "[") or parse(text) is None)


# Fenced blocks


def _fences(text: str, wanted: Wanted) -> list[Block]:
    """The blocks that hold something; in place of a block of Markdown, those inside it."""
    found: list[Block] = []
    for block in blocks(text):
        inner = blocks(block.dedented) if block.language in ("markdown", "md") else []
        found += [replace(one, closed=one.closed or block.closed) for one in inner] or [block]
    return [_unwrapped(block, wanted) for block in found if block.code.strip()]


def _unwrapped(block: Block, wanted: Wanted) -> Block:
    """A diff or a JSON record that holds the program, as a block of the program."""
    code = None
    if block.language in ("diff", "patch") and wanted.defined_by(patched(block.dedented)):
        code = patched(block.dedented)
    elif block.language in ("json", "jsonl", "") and block.code.lstrip()[:1] in ("{", "["):
        code = in_json(block.code, wanted)
    return block if code is None else replace(block, language=wanted.language, code=code, indent="")


def _before_fence(text: str, wanted: Wanted) -> str | None:
    """Code before the first fence, where the prompt had opened that fence already."""
    first = next(iter(blocks(text)), None)
    if first is None or first.language or not text[: first.start].strip():
        return None
    head = text[: first.start]
    continues = bool(wanted.before) and head.lstrip("\n")[:1] in (" ", "\t")
    if not (continues or wanted.written_by(head)):
        return None
    return head if wanted.language != "python" or continues or parse(head) else None


def _chosen(shown: list[Block], wanted: Wanted) -> tuple[Block, str]:
    own = [block for block in shown if block.language == wanted.language]
    for count in (wanted.written_by, wanted.defined_by):
        for name, some in (("fence in the language", own), ("fence", shown)):
            counts = [count(_readable(block, wanted)) for block in some]
            if any(counts):
                return some[counts.index(max(counts))], f"{name}, defines {', '.join(sorted(wanted.names))}"
    return (own[0], "fence in the language") if own else (shown[0], "fence")


def _readable(block: Block, wanted: Wanted) -> str:
    """The code of a block, without what keeps it from parsing: prompts, notebook commands, indentation."""
    code = block.dedented if block.closed else block.dedented.rstrip().removesuffix("```")
    if wanted.language != "python" or block.language not in ("python", ""):
        return code
    code = notebook.plain(code)
    if code[:1] in (" ", "\t") and not wanted.defined_by(code):
        at_margin = textwrap.dedent(code)
        if wanted.defined_by(at_margin) and parse(at_margin) and not returns_at_margin(at_margin):
            return at_margin
    return code


def _with_others(
    code: str, chosen: Block, shown: list[Block], wanted: Wanted, how: str, *, alone: bool
) -> Found:
    """``code`` with the definitions that it needs from the other blocks in its language."""
    if len(shown) == 1 or not (wanted.names or alone) or not wanted.language:
        return Found(code, how)
    place = next(number for number, block in enumerate(shown) if block is chosen)
    others = [
        (number > place, _readable(block, wanted))
        for number, block in enumerate(shown)
        if block is not chosen and block.language in (wanted.language, "")
    ]
    if wanted.language != "python":
        above = [part for after, part in others if not after and not wanted.defined_by(part)]
        whole = _below_headers(code, above, wanted.language)
    else:
        start = code if wanted.names else joined(code, [part for after, part in others if after])
        earlier = [part for after, part in others if not after]
        later = [part for after, part in others if after]
        whole = completed(start, [*reversed(earlier), *later], wanted.names, wanted.before)
    return Found(whole, how if whole == code else f"{how}, with other blocks")


_HEADER_LINES = re.compile(r"^(?:#include\b|import\b|using\b|use\b|from\b).*$", re.MULTILINE)
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def _below_headers(code: str, above: list[str], language: str) -> str:
    """``code`` below earlier blocks that define what it calls, or below the imports of those that do not."""
    parts = []
    called = [name for name in dict.fromkeys(_CALL.findall(code)) if not defines(code, name, language)]
    for part in above:
        if any(defines(part, name, language) for name in called):
            parts.append(part.strip("\n"))
        else:
            lines = (line for line in _HEADER_LINES.findall(part) if line not in code)
            parts += dict.fromkeys(lines)
    return "\n".join([*parts, code]) if parts else code
