"""A throw-away step: it cuts an instruction into its words."""

from __future__ import annotations

from tunesmith.sample import Drop, Sample
from tunesmith.step import Context, Step, Yield


class Fragments(Step):
    """One row per word; rows of fewer than ``least`` words are dropped."""

    least: int = 1
    """Fewest words."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        words = sample.instruction.split()
        if len(words) < self.least:
            yield Drop(sample, "too few words")
            return
        for place, word in enumerate(words):
            yield sample.grow(ctx.step, draw=place, instruction=word)
