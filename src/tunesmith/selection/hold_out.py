"""``selection.hold_out``: set a share of the instructions aside, with all their answers.

What a judge is measured on must be none of what it learnt from (checklist 78), and candidates for one
instruction are alike: they go together. The rows set aside are this step's bin (``X.dropped``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from ..chance import number
from ..sample import Drop, Sample
from ..step import Context, Step, Yield


class HoldOut(Step):
    """Drops about `size` of the instructions, whole; which ones hangs on their text and the seed alone."""

    renamed: ClassVar[Mapping[str, str]] = {"share": "size"}

    size: float = Field(default=0.1, gt=0, lt=1)
    """Chance of an instruction to be set aside."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        rng = number(ctx.seed, ctx.step, sample.instruction) / 2**64
        yield Drop(sample, "held out") if rng < self.size else sample
