"""A table step: the rows in reverse order."""

from __future__ import annotations

from tunesmith.rows import Table
from tunesmith.sample import Drop
from tunesmith.step import Context, Step, Yield


class Reverse(Step):
    """Reverses the rows; drops those past ``most``, or forgets them when told to."""

    most: int = 1000
    """Most rows to keep."""
    forget: bool = False
    """Lose the others instead of dropping them."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        for place, sample in enumerate(reversed(list(rows))):
            if place < self.most:
                yield sample
            elif not self.forget:
                yield Drop(sample, "past the end")
