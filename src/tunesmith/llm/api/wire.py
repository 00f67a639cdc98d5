"""JSON as it is sent and stored: fast, and tolerant of broken Unicode."""

from __future__ import annotations

import json
from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """``value`` as JSON with sorted keys. Lone surrogates and huge integers are written as escapes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def from_json(body: bytes | str) -> Any:
    """The value of JSON ``body``; a lone surrogate becomes U+FFFD.

    Raises ValueError where it is not valid JSON, RecursionError where it is nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _valid(json.loads(body))


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_valid(item) for item in value]
    if isinstance(value, dict):
        return {_valid(key): _valid(item) for key, item in value.items()}
    return value
