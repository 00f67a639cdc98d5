"""Conversations as instruction and answer: ``messages``, ShareGPT's ``conversations``, ``chat_rounds``.

A turn is an object with who speaks (``role`` or ``from``) and what is said (``content`` or ``value``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ._json_stream import DECODER

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
    if isinstance(turns, str):  # CSV and some data sets hold the list as JSON text
        try:
            turns = DECODER.decode(turns)
        except (ValueError, RecursionError):
            return [Exchange({}, "the conversation is text, and not a JSON list of turns")]
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        return [Exchange({}, "the conversation is not a list of turns")]
    system: dict[str, Any] = {}
    found: list[Exchange] = []
    asked: Any = None
    for turn in turns:
        name = str(_given(turn, "role", "from") or "").lower()
        speaker, said = _SPEAKERS.get(name), _text_of(_given(turn, "content", "value"))
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


def _given(turn: Mapping[str, Any], *keys: str) -> Any:
    """The first of ``keys`` that is not null: a table with both forms holds nulls for the other one."""
    return next((turn[key] for key in keys if turn.get(key) is not None), None)


def _text_of(content: Any) -> Any:
    """OpenAI's content as a list of text parts, joined; anything else as it is, for the row's own check."""
    if not isinstance(content, list) or not content:
        return content
    texts: list[str] = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) and part.get("type", "text") == "text" else part
        if not isinstance(text, str):
            return content
        texts.append(text)
    return "".join(texts)
