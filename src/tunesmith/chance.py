"""Seeded randomness per row rather than per process.

Every random choice is a function of (seed, step, row, draw), so it does not depend on the number of workers,
the order of rows or a resume.
"""

from __future__ import annotations

import hashlib
import random


def chance(seed: int, step: str, row: str = "", draw: int = 0) -> random.Random:
    """The random generator of one row of one step; ``row`` is empty for the step as a whole."""
    return random.Random(number(seed, step, row, draw))


def number(seed: int, *parts: str | int) -> int:
    """A 64-bit hash of ``seed`` and all parts, the same on every machine."""
    text = "".join(f"{len(str(part))}:{part}" for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
