"""Takes a model's thoughts out of its reply, for servers that leave them in the text.

Reasoning models write their thoughts between marks before the answer: ``<think>`` (DeepSeek R1, Qwen3), other
tags, ``[THINK]`` (Mistral), channels (gpt-oss, Gemma). Thoughts that become an instruction or an answer spoil
the row, and a draft program inside them may be executed in place of the real one.

A mark inside a fenced block, in backticks or in quotes is text: a program may split at "</think>".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..code.markdown import blocks, parse

_TAGS = (
    "think|thinking|thoughts?|thought_process|reason|reasoning|reflection|scratchpad|analysis|seed:think|"
    "antthinking|inner_monologue|chain_of_thought"
)
_OPEN = re.compile(
    rf"<(?:{_TAGS})(?:\s[^<>\n]*)?>|\[think\]|◁think▷|<\|begin_of_thought\|>|<\|start_thinking\|>"
    r"|<\|channel>thought\b|<unused94>(?:thought\b)?|here(?:'s| is) my thought process:",
    re.IGNORECASE,
)
# Case is ignored inside the marks only: so each begins with a literal sign, which the engine can look for.
_CLOSE = re.compile(
    rf"</(?i:{_TAGS})\s*>|\[/(?i:think)\]|◁/think▷|<\|(?:end_of_thought|END_THINKING)\|>|<channel\|>|<unused95>"
)
_CLOSE_WORDS = re.compile(r"^[Hh]ere(?:'s| is) my (?:final )?response:", re.MULTILINE)
_OPEN_LATER = re.compile(r"(?:<(?i:think(?:ing)?)>|\[(?i:think)\]|◁think▷)")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<\n]{0,80}(?:<\|constrain\|>\w*)?\s*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_BARE_CHANNEL = re.compile(r"\A\s*analysis(?=[A-Z\"'\d])")  # gpt-oss where special tokens were left out
_BARE_FINAL = re.compile(r"assistant\s?final(?:\b|(?=[A-Z`#*\d]))")
_WRAPPED = re.compile(
    r"\A\s*(?:<answer>(.*?)(?:</answer>|\Z)|<response>(.*?)(?:</response>|\Z)"
    r"|<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|\Z)|<\|START_RESPONSE\|>(.*?)(?:<\|END_RESPONSE\|>|\Z)"
    r"|\[BEGIN FINAL RESPONSE\](.*?)(?:\[END FINAL RESPONSE\]|\Z))\s*\Z",
    re.DOTALL,
)
_QUOTES = "\"'`“”‘’«»"
_LOOK_BACK = 400  # characters of a line that are searched for an open backtick; bounds the work on long lines
_MOST = 8  # separate thoughts in one reply


@dataclass(frozen=True, slots=True)
class Parts:
    """A reply taken apart. closed: False where the reply ended inside its thoughts."""

    thoughts: str
    answer: str
    closed: bool = True


def split(reply: str) -> Parts:
    """The thoughts and the answer of ``reply``; linear in its length, and never raises."""
    if (channels := _channels(reply)) is not None:
        return channels
    found: list[str] = []
    rest, closed = reply, True
    while closed and len(found) < _MOST and (thought := _first(rest)) is not None:
        start, inner, inner_end, end = thought
        found.append(rest[inner:inner_end].strip())
        closed = end >= 0
        rest = rest[:start] + (rest[end:] if closed else "")
    if not found:
        return Parts("", reply)
    wrapped = _WRAPPED.match(rest)
    answer = rest if wrapped is None else next(part for part in wrapped.groups() if part is not None)
    return Parts("\n\n".join(filter(None, found)), answer.strip("\n").rstrip(), closed)


def _first(text: str) -> tuple[int, int, int, int] | None:
    """Offsets of the first thought: opening mark, inside from and to, after its end (-1: never closed)."""
    lead = len(text) - len(text.lstrip("\ufeff \t\r\n"))
    opening = _OPEN.match(text, lead)
    if opening is None and _CLOSE.search(text) is None and _OPEN_LATER.search(text) is None:
        return None
    marks = _Marks(text)
    if opening is None:
        openings = (mark for mark in marks.outside(_OPEN_LATER, 0) if _begins_line(text, mark))
        later = next(openings, None)
        end = next((mark for mark in marks.outside(_CLOSE, 0) if _ends_thoughts(text, mark)), None)
        if end is not None and (later is None or end.start() < later.start()):
            # The chat template wrote the opening mark, so the reply begins inside the thoughts. A reply
            # that is a bare Python program has none.
            return None if marks.fenced == [] and parse(text) else (0, 0, end.start(), end.end())
        if later is None:
            return None
        return _closed(text, later.start(), later.end())
    return _closed(text, lead, opening.end())


def _closed(text: str, start: int, inner: int) -> tuple[int, int, int, int]:
    inside = _Marks(text, inner)  # a fence is counted from the opening mark on
    end = next(inside.outside(_CLOSE, inner), None) or _CLOSE_WORDS.search(text, inner)
    if end is None:  # a draft whose fence never ends hides the closing mark
        end = next((mark for mark in _CLOSE.finditer(text, inner) if not _quoted(text, mark)), None)
    if end is None:
        return start, inner, len(text), -1
    return start, inner, end.start(), end.end()


class _Marks:
    """Finds marks of a text that are not part of code or quoted. fenced: offsets of its fenced blocks."""

    def __init__(self, text: str, start: int = 0) -> None:
        self.text = text
        self.fenced = []
        for block in blocks(text[start:]):
            body = text.find("\n", start + block.start)
            end = len(text) if body < 0 else body + 1 + len(block.code)
            self.fenced.append((start + block.start, end))

    def outside(self, pattern: re.Pattern[str], start: int) -> Iterator[re.Match[str]]:
        """The matches of ``pattern`` outside of code and quotes, in order."""
        fences = iter(self.fenced)
        fence = next(fences, None)
        for mark in pattern.finditer(self.text, start):
            while fence is not None and fence[1] <= mark.start():
                fence = next(fences, None)
            if (fence is None or mark.start() < fence[0]) and not _quoted(self.text, mark):
                yield mark


def _quoted(text: str, mark: re.Match[str]) -> bool:
    start, end = mark.span()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if (before and before in _QUOTES) or (after and after in _QUOTES + "\\"):
        return True
    return _line_before(text, start).replace("```", "").count("`") % 2 == 1


def _line_before(text: str, place: int) -> str:
    start = max(text.rfind("\n", 0, place) + 1, place - _LOOK_BACK)
    return text[start:place]


def _begins_line(text: str, mark: re.Match[str]) -> bool:
    return not _line_before(text, mark.start()).strip()


def _ends_thoughts(text: str, mark: re.Match[str]) -> bool:
    """Whether a closing mark without an opening one ends a line, begins one or follows a sentence."""
    before = _line_before(text, mark.start()).rstrip()
    after = text[mark.end() : mark.end() + _LOOK_BACK].partition("\n")[0]
    return not before or not after.strip() or before[-1] in ".!?…:)"


def _channels(text: str) -> Parts | None:
    """The parts of a reply in channels (gpt-oss), or None where it has none. Only ``final`` is the answer."""
    if _BARE_CHANNEL.match(text):
        final = _BARE_FINAL.search(text)
        said = text[: final.start() if final else None].strip().removeprefix("analysis")
        return Parts(said, text[final.end() :].strip() if final else "", final is not None)
    if "<|channel|>" not in text:
        return None
    marks = list(_Marks(text).outside(_CHANNEL, 0))
    if not marks:
        return None
    before = _CHANNEL_END.split(text[: marks[0].start()])[0]
    thoughts: list[str] = [before.strip()]
    answers: list[str] = []
    for number, mark in enumerate(marks):
        following = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        said = _CHANNEL_END.split(text[mark.end() : following], maxsplit=1)[0].strip()
        (answers if mark[1] == "final" else thoughts).append(said)
    return Parts("\n\n".join(filter(None, thoughts)), "\n\n".join(answers), bool(answers))
