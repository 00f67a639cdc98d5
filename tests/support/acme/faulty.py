"""Misbehaves as it is told, for tests of how the house copes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.sample import Sample
from tunesmith.step import Context, Step, Yield


class Faulty(Step):
    """A batch step that raises, or loses a row."""

    how: Literal["raise", "lose", "keep"] = "keep"
    """What it does wrong."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        if self.how == "raise":
            raise ValueError("out of order")
        yield from samples[1:] if self.how == "lose" else samples
