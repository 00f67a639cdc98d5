"""Randomness that belongs to the request: the same question has the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import orjson

from ...chance import chance
from ...requests import Request

T = TypeVar("T")


def rng(request: Request, purpose: str = "") -> Random:
    """A generator seeded by the request's intent, facts and draw, and by ``purpose``.

    Not by its messages: rules do not read the prompt, so another wording of it must not change their answer.
    """
    key = orjson.dumps(dict(request.facts), option=orjson.OPT_SORT_KEYS).decode()
    return chance(0, f"{request.intent} {purpose}", key, request.draw)


def pick(options: Sequence[T], chosen: Random) -> T:
    """One of ``options``. It takes one number from ``chosen``, whatever the Python version."""
    return options[int(chosen.random() * len(options))]
