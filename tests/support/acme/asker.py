"""Asks a model about each row, some rows more than once, some not at all."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.requests import Completion, Request
from tunesmith.sample import Drop, Sample
from tunesmith.step import Context, Step, Yield


class Asker(Step):
    """``draws`` questions per row; a reply of ``no`` drops the row."""

    draws: int = 2
    """How many answers to ask for."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        return [Request.of(f"Say {sample.instruction}", intent="say", draw=d) for d in range(self.draws)]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        for draw, completion in enumerate(completions):
            if completion.text == "no":
                yield Drop(sample, "refused")
                return
            yield sample.grow(ctx.step, draw=draw, answer=completion.text)
