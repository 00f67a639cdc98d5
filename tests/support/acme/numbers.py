"""Rows that count, for tests of the house."""

from __future__ import annotations

from tunesmith.sample import Sample
from tunesmith.step import Context, Step, Yield


class Numbers(Step):
    """``count`` rows whose instruction is a number."""

    count: int = 10
    """How many."""

    def source(self, ctx: Context) -> Yield:
        for n in range(self.count):
            yield Sample.born(ctx.step, instruction=str(n), source="numbers", license="CC0-1.0")
