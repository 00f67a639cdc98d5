"""From a model's reply to a program: which part of the text is the answer.

One set of replies scores 53 to 60% by the choice made here alone, so the choice is part of a score's
protocol, and every attempt says how its program was found. ``fence_first`` is ours: fences before
guesses, blocks in the right language that define the entry point before others, a function with a body
before a stub, never more work than linear in the length of the reply. The published ones stand in
``published.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ..benchmarks.problem import Problem
from ..code.markdown import Block, blocks, parse
from ..errors import UserError, nearest
from ..replies.thoughts import split
from . import published_extractors
from .assemble import assembled, defines, is_stub


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program without its tests, and in a few words how it was found."""

    program: str
    how: str


Extraction = Callable[[str, Problem], Extracted]

_BYTE_ORDER_MARK = re.compile(r"^\ufeff", re.MULTILINE)
_CODE_LINE = re.compile(r"^(?:from\s+\S+\s+import\b|import\s|def\s|class\s|async\s+def\s|@\w)", re.MULTILINE)
_TRIES = 8


def fence_first(reply: str, problem: Problem) -> Extracted:
    """The fenced block that defines the entry point, else the first in the language, else the bare code."""
    text = _BYTE_ORDER_MARK.sub("", split(reply).answer.replace("\r\n", "\n"))
    found = _fences(text)
    opened = _written_before_fence(text, problem)
    if opened is not None:
        code, how = opened, "before a closing fence"
    elif found:
        code, how = _chosen(found, problem)
    else:
        code, how = _bare(text, problem)
    if not code.strip():
        return Extracted("", "no code")
    program, joined = assembled(code, problem)
    return Extracted(program, f"{how}, {joined}" if joined else how)


def _fences(text: str) -> list[Block]:
    """The blocks that hold something; in place of a Markdown block those inside it."""
    found: list[Block] = []
    for block in blocks(text):
        inner = blocks(block.dedented) if block.language in ("markdown", "md") else []
        found += [replace(one, closed=one.closed or block.closed) for one in inner] or [block]
    return [block for block in found if block.code.strip()]


def _written_before_fence(text: str, problem: Problem) -> str | None:
    """Code before the first fence, where the prompt had opened that fence already."""
    first = next(iter(blocks(text)), None)
    if first is None or first.language or not text[: first.start].strip():
        return None
    head = text[: first.start]
    continues = bool(problem.prompt) and head.lstrip("\n")[:1] in (" ", "\t")
    if not (continues or _answers(head, problem)):
        return None
    return head if problem.language != "python" or continues or parse(head) else None


def _chosen(found: list[Block], problem: Problem) -> tuple[str, str]:
    own = [block for block in found if block.language == problem.language]
    for fits in (_answers, _names):
        for name, some in (("fence in the language", own), ("fence", found)):
            for block in some:
                if fits(block.dedented, problem):
                    return _said(block, f"{name}, defines {problem.entry_point}")
    return _said(own[0], "fence in the language") if own else _said(found[0], "fence")


def _names(code: str, problem: Problem) -> bool:
    return defines(code, problem.entry_point, problem.language)


def _answers(code: str, problem: Problem) -> bool:
    return _names(code, problem) and not is_stub(code, problem.entry_point, problem.language)


def _said(block: Block, how: str) -> tuple[str, str]:
    if block.closed:
        return block.dedented, how
    return block.dedented.rstrip().removesuffix("```"), f"{how}, never closed"


def _bare(text: str, problem: Problem) -> tuple[str, str]:
    """Code in a reply without fences."""
    if problem.language != "python":
        return text, "no fence"
    continues = bool(problem.prompt) and text.lstrip("\n")[:1] in (" ", "\t")
    if continues:
        return _parsing_start(text, problem.prompt), "continuation"
    first = _CODE_LINE.search(text)
    if first is None:
        return text, "no fence"
    how = "no fence" if not text[: first.start()].strip() else "no fence, prose before the code dropped"
    return _parsing_start(text[first.start() :], ""), how


def _parsing_start(code: str, before: str) -> str:
    """``code`` without what follows its last whole statement, where ``before + code`` does not parse."""
    lines = code.splitlines(keepends=True)
    ends = [place for place, line in enumerate(lines) if place and line[:1] not in " \t\n#)]}"]
    if parse(before + code) is not None:
        return code
    for end in _spread(ends):
        kept = "".join(lines[:end])
        if parse(before + kept) is not None:
            return kept
    return code


def _spread(ends: list[int]) -> list[int]:
    """The places to try, last first; a bounded number of them, so that the work stays linear."""
    if len(ends) <= _TRIES:
        return ends[::-1]
    return ends[: -_TRIES // 2 : -1] + ends[_TRIES // 2 :: -1]


def _published(function: Callable[[str, Problem], str], how: str) -> Extraction:
    def extract(reply: str, problem: Problem) -> Extracted:
        program = function(reply, problem)
        return Extracted(program, how if program.strip() else "no code")

    return extract


EXTRACTIONS: Mapping[str, Extraction] = MappingProxyType(
    {
        "fence_first": fence_first,
        "human_eval": _published(published_extractors.human_eval, "appended to the prompt"),
        "evalplus": _published(
            published_extractors.evalplus, "longest part that parses, reachable definitions"
        ),
        "wizardcoder": _published(
            published_extractors.wizardcoder, "first python fence, cut at its examples"
        ),
        "livecodebench": _published(published_extractors.livecodebench, "between the last two fences"),
        "lm_eval": _published(published_extractors.lm_eval, "prompt and reply up to a stop word"),
        "bigcode": _published(published_extractors.bigcode, "prompt and reply up to a stop word"),
        "program": _published(lambda reply, problem: reply, "as it came"),
    }
)
"""Every way to find the program, by the name that ``extraction:`` takes."""


def extraction(name: str, where: str = "extraction") -> Extraction:
    """The extraction called ``name``.

    Raises:
        UserError: there is none of this name.
    """
    if name not in EXTRACTIONS:
        raise UserError(where, f"no extraction is called {name!r}", nearest(name, EXTRACTIONS))
    return EXTRACTIONS[name]
