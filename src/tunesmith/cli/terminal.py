"""Printing: text of strangers made visible, one JSON object, and the two consoles."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape

from ..errors import UNSEEN, visible

OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def safe(text: object) -> str:
    """``text`` for a console: control characters as escapes, and nothing in it is taken for markup."""
    return escape(visible(str(text)))


def as_json(data: Any) -> None:
    """Print one JSON object on standard output.

    JSON writers leave DEL, the C1 controls and marks of direction as they are: here they become escapes.
    """
    text = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    print(UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text))  # noqa: T201
