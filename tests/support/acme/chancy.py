"""Keeps rows by chance, and marks them with it."""

from __future__ import annotations

from tunesmith.sample import Drop, Sample
from tunesmith.step import Context, Step, Yield


class Chancy(Step):
    """Keeps about half of the rows; what it notes depends on the row's chance only."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        rng = ctx.chance(sample).random()
        if rng < 0.5:
            yield Drop(sample, "unlucky")
        else:
            yield sample.grow(ctx.step, answer=f"{rng:.6f}")
