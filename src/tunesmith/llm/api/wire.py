"""JSON as it crosses the wire and enters the store: fast, and forgiving of broken Unicode."""

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
    """The value of JSON ``body``; a lone surrogate becomes U+FFFD. Raises ValueError where it is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _mended(json.loads(body))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
