"""Put a starter task into words, and read any of its wordings back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random
from typing import Any

from .families import FAMILIES
from .parts import SLOTS, Family
from .task import Task


@dataclass(frozen=True, slots=True)
class Frame:
    """A sentence around the phrases: ``lead`` names the function, ``link`` joins the steps."""

    lead: str
    link: str
    last: str
    close: str


FRAMES = (
    Frame("Write {}: ", ", ", ", then ", "."),
    Frame("Write {} to ", ", ", " and ", "."),
    Frame("{} must ", ", ", " and finally ", "."),
    Frame("Define {}. It should ", ", next ", ", last ", "."),
    Frame("I need {}. Please ", "; ", "; ", "."),
)
ONE_PASS = (
    "Go through the input only once and build no list.",
    "Use a single pass and constant extra memory.",
    "It must run in one pass without a list in between.",
)
MISLEADING = (
    "This attempt is wrong:",
    "Do not be misled by this wrong attempt:",
    "A colleague wrote this, but it fails:",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instruction asks. one_pass: no list may be built.  misleading: a wrong attempt it shows."""

    task: Task
    one_pass: bool = False
    misleading: str = ""


def instruction(task: Task, rng: Random) -> str:
    """``task`` in one of its many wordings, chosen by ``rng``."""
    phrases = [part.says[int(rng.random() * len(part.says))] for part in task.parts]
    return _sentence(task, phrases, FRAMES[int(rng.random() * len(FRAMES))])


def instructions(task: Task) -> Iterator[str]:
    """Every wording of ``task``: every frame, every phrase of every part."""
    for frame, phrases in product(FRAMES, product(*(part.says for part in task.parts))):
        yield _sentence(task, list(phrases), frame)


def demand_one_pass(text: str, rng: Random) -> str:
    """The instruction with the demand to need one pass and no list."""
    return f"{text} {ONE_PASS[int(rng.random() * len(ONE_PASS))]}"


def mislead(text: str, attempt: str, rng: Random) -> str:
    """The instruction followed by a wrong ``attempt`` (source)."""
    return f"{text}\n{MISLEADING[int(rng.random() * len(MISLEADING))]}\n```python\n{attempt}```"


def _sentence(task: Task, phrases: list[str], frame: Frame) -> str:
    *steps, finish = phrases
    text = frame.lead.format(f"solve({task.family.argument})")
    return text + frame.link.join(steps) + (frame.last if steps else "") + finish + frame.close


def recognise(text: str) -> Task | None:
    """The task that an instruction asks for, in any wording; None if it is not of this world."""
    reading = read(text)
    return reading.task if reading else None


def read(text: str) -> Reading | None:
    """All that an instruction of this world asks; None if one word of it is not understood."""
    sentence, _, attempt = text.partition("```python\n")
    head = re.search(r"solve\((\w+)\)", sentence)
    family = next((f for f in FAMILIES if head and f.argument == head[1]), None)
    if head is None or family is None:
        return None
    rest = " ".join(sentence.replace(head[0], "solve()", 1).split())
    rest, misled = _without(rest, MISLEADING)
    rest, one_pass = _without(rest, ONE_PASS)
    found: dict[str, Any] = {}
    meanings = _meanings(family)
    glue = _phrase(family).sub(lambda hit: _note(found, meanings[hit[0].lower()]), rest)
    if "finish" not in found or None in found.values() or misled != bool(attempt) or not _is_glue(glue):
        return None
    return Reading(Task(family, **found), one_pass, attempt.removesuffix("```"))


def _without(text: str, sentences: tuple[str, ...]) -> tuple[str, bool]:
    for sentence in sentences:
        if sentence in text:
            return text.replace(sentence, " ", 1), True
    return text, False


def _note(found: dict[str, Any], meaning: tuple[str, Any]) -> str:
    slot, part = meaning
    found[slot] = None if slot in found else part  # a slot filled twice is not understood
    return " "


@cache
def _meanings(family: Family) -> Mapping[str, tuple[str, Any]]:
    return {says.lower(): (slot, part) for slot in SLOTS for part in family.parts(slot) for says in part.says}


@cache
def _phrase(family: Family) -> re.Pattern[str]:
    longest_first = sorted(_meanings(family), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


@cache
def _glue_words() -> frozenset[str]:
    said = " ".join(frame.lead.format("solve()") + frame.link + frame.last + frame.close for frame in FRAMES)
    return frozenset(re.findall(r"\w+", said.lower()))


def _is_glue(text: str) -> bool:
    return set(re.findall(r"\w+", text.lower())) <= _glue_words()
