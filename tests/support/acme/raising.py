"""Raises on some rows."""

from __future__ import annotations

from tunesmith.sample import Sample
from tunesmith.step import Context, Step, Yield


class Raising(Step):
    """Raises on rows whose instruction ends in ``on``; yields nothing where it ends in ``silent``."""

    on: str = "7"
    """The ending that it cannot bear; empty: every row."""
    silent: str = "none"
    """The ending on which it forgets to yield."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        if sample.instruction.endswith(self.on):
            raise ValueError(f"cannot bear {sample.instruction}")
        if not sample.instruction.endswith(self.silent):
            yield sample
