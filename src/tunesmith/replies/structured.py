"""JSON out of a model's reply, tolerantly: fences, prose around it, single quotes, trailing commas.

Only what was written is read: a cut-off object is not completed, a part is not taken for the whole, and no
field is made up. Where nothing can be read, the caller keeps the raw text. Linear in the length of the reply.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from ..code.markdown import blocks
from ..sample import Json

_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(\s*[}\]])', re.DOTALL)
_OPENS_JSON = re.compile(r"""\{(?=\s*["'}])|\[(?=\s*["'{\[\]\d-])""")
_TOKEN = re.compile(r"""\\.|["'{}\[\]]""", re.DOTALL)
_LONGEST = 200_000


class Unreadable(ValueError):
    """A reply holds no JSON, or not the JSON that was asked for; says why in one line."""


def read(reply: str, schema: Mapping[str, Json] | None = None) -> Json:
    """The object or list in ``reply``; the whole reply if that is JSON of any type.

    With a ``schema``, the first that follows it. Raises Unreadable where there is none, where it is cut
    off, or where none follows ``schema``.
    """
    departures = []
    for value in _candidates(reply[:_LONGEST]):
        departure = "" if schema is None else departs(value, schema)
        if not departure:
            return value
        departures.append(departure)
    raise Unreadable(departures[0] if departures else "no JSON in the reply")


def one_object(reply: str) -> dict[str, Json] | None:
    """The first JSON object in ``reply``, or None where there is none."""
    found = _candidates(reply[:_LONGEST])
    return next((value for value in found if isinstance(value, dict)), None)


def departs(value: Json, schema: Mapping[str, Json], at: str = "reply") -> str:
    """How ``value`` departs from a JSON Schema (type, enum, required, properties, items), or empty text."""
    kinds = schema.get("type")
    if kinds and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return f"{at}: expected {kinds}, got {type(value).__name__}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        return _departs_object(value, schema, at)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        found = (departs(item, schema["items"], f"{at}[{n}]") for n, item in enumerate(value))
        return next(filter(None, found), "")
    return ""


def _departs_object(value: dict[str, Json], schema: Mapping[str, Json], at: str) -> str:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{at}: lacks {', '.join(missing)}"
    known: Mapping[str, Any] = schema.get("properties", {})
    if schema.get("additionalProperties") is False and (extra := value.keys() - known.keys()):
        return f"{at}: unexpected {', '.join(sorted(extra))}"
    found = (departs(value[name], part, f"{at}.{name}") for name, part in known.items() if name in value)
    return next(filter(None, found), "")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def _is(value: Json, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, (object,)))


def _candidates(reply: str) -> Iterator[Json]:
    """Readings of ``reply``, best first: all of it, a fenced block, then what a bracket opens."""
    for text in (reply, *(block.code for block in blocks(reply) if block.closed)):
        if (value := _whole(text)) is not None:
            yield value
    yield from _embedded(reply)


def _whole(text: str) -> Json | None:
    text = text.strip()
    for attempt in (text, _TRAILING_COMMA.sub(lambda found: found[1] or found[2], text)):
        try:
            return json.loads(attempt, strict=False, parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
    return _literal(text)


def _refuse(name: str) -> Json:
    raise ValueError(f"{name} is not valid JSON")


def _literal(text: str) -> Json | None:
    """A Python literal: what models write when they forget that JSON has double quotes."""
    if not text.startswith(("{", "[")):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        return value if _is_json(value) else None
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return (
        value is None or isinstance(value, (str, int, bool)) or (isinstance(value, float) and isfinite(value))
    )


def _embedded(reply: str) -> Iterator[Json]:
    """The value of each outermost bracket, left to right, prose around it ignored.

    An object that is cut off ends the search: what is inside it is a part, not the answer.
    """
    start = 0
    while (opening := _OPENS_JSON.search(reply, start)) is not None:
        end = _closing(reply, opening.start())
        if end is None:
            return
        value = _whole(reply[opening.start() : end])
        if value is not None:
            yield value
        start = end


def _closing(text: str, start: int) -> int | None:
    """The offset after the bracket that closes the one at ``start``, strings respected; None if none does."""
    depth, quote = 0, ""
    for token in _TOKEN.finditer(text, start):
        sign = token[0]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            if sign == '"' or _opens_string(text, token.start()):
                quote = sign
        elif sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if not depth:
                return token.end()
    return None


def _opens_string(text: str, place: int) -> bool:
    """Whether a single quote opens a string here; otherwise it is an apostrophe."""
    before = text[max(0, place - 64) : place].rstrip()
    return not before or before[-1] in "{[,:"
