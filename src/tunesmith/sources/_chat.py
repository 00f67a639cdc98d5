"""Conversations as instruction and answer: ``messages``, ShareGPT's ``conversations``, ``chat_rounds``.

A turn is an object with who speaks (``role`` or ``from``) and what is said (``content`` or ``value``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

LATER = "later turn of a conversation"
_SPEAKERS = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user", "instruction": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "chatgpt": "assistant",
    "model": "assistant", "output": "assistant",
}  # fmt: skip


class Exchange(NamedTuple):
    """What a user said and was answered, or why that is not a row."""

    values: dict[str, Any]
    fault: str = ""


def exchanges(turns: Any) -> list[Exchange]:
    """The exchanges of a conversation, at least one; only the first can stand without the others.

    A conversation that is none, or that a user does not begin, is one exchange with its fault.
    """
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        return [Exchange({}, "the conversation is not a list of turns")]
    system: dict[str, Any] = {}
    found: list[Exchange] = []
    asked: Any = None
    for turn in turns:
        name = str(turn.get("role", turn.get("from", ""))).lower()
        speaker, said = _SPEAKERS.get(name), turn.get("content", turn.get("value"))
        if speaker == "system" and not found and asked is None:
            system = {"system": said}
        elif speaker == "user" and asked is None:
            asked = said if said is not None else ""
        elif speaker == "assistant" and asked is not None:
            values = {**system, "instruction": asked, "answer": said}
            found.append(Exchange(values, LATER if found else ""))
            asked = None
        else:
            found.append(Exchange(system, f"out of turn: {speaker or name or 'nobody'}"))
            return found
    if asked is not None:
        found.append(Exchange({**system, "instruction": asked}, LATER if found else "not answered"))
    return found or [Exchange(system, "the conversation is empty")]
