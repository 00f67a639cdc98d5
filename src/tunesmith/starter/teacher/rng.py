"""Chance for a rule-based teacher: it belongs to the request, so the same question has the same answer."""

from __future__ import annotations

from random import Random

import orjson

from ...chance import chance
from ...requests import Request


def rng(request: Request, purpose: str = "") -> Random:
    """A generator that follows from the request's intent, facts, messages and draw, and ``purpose``."""
    said = [[message.role, message.content] for message in request.messages]
    key = orjson.dumps([said, dict(request.facts)], option=orjson.OPT_SORT_KEYS).decode()
    return chance(0, f"{request.intent} {purpose}", key, request.draw)
