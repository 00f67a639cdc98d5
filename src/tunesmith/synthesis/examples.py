"""Good and bad cases for the generator, with the reasons, from what the discriminator judged before.

WaveCoder (arXiv 2312.14187, sec. 2.3) feeds the discriminator's verdicts back: accepted records become
good cases, rejected ones bad cases *with the reason*, drawn at random into the generator's next prompts.
Here the store is rows of earlier waves (``from: [raw, so_far, so_far.dropped]`` in a repeated block):
bounded, kept in the run folder, drawn by the recipe's seed, and the same in whatever order a wave runs.
``wave`` gives each wave its own raw rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field

from ..chance import number
from ..rows import Table
from ..sample import Drop, Json, Sample
from ..step import Context, Step, Yield

USED = "shown as an example"
LATER = "not in this wave"


class Examples(Step):
    """Gives each raw row some judged rows in ``meta.examples``; the judged rows themselves end here."""

    renamed: ClassVar[Mapping[str, str]] = {"size": "max_store"}

    good: int = Field(default=1, ge=0)
    """Accepted rows to show with each raw row."""
    bad: int = Field(default=1, ge=0)
    """Rejected rows to show with each raw row, with the reason."""
    max_store: int = Field(default=200, ge=1)
    """Most rows of each kind that are kept in the store, drawn by chance."""
    wave: int | None = Field(default=None, ge=1)
    """So many raw rows go on, drawn by chance among those that no judged row was made from; default: all."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        store = {passed: self._store(rows, ctx, passed) for passed in (True, False)}
        turn = self._turn(rows, ctx)
        for sample in rows:
            if verdict_of(sample) is not None:
                yield Drop(sample, USED)
                continue
            if turn is not None and sample.id not in turn:
                yield Drop(sample, LATER)
                continue
            chance = ctx.chance(sample)
            shown = {
                "good": chance.sample(store[True], min(self.good, len(store[True]))),
                "bad": chance.sample(store[False], min(self.bad, len(store[False]))),
            }
            yield sample.noted(examples=shown) if any(shown.values()) else sample

    def _turn(self, rows: Iterable[Sample], ctx: Context) -> set[str] | None:
        """Ids of the raw rows whose turn it is; None where all of them go on.

        Each wave draws anew: a row that the generator refused is not first again.
        """
        if self.wave is None:
            return None
        raw: list[str] = []
        done: set[str] = set()
        for sample in rows:
            if verdict_of(sample) is None:
                raw.append(sample.id)
            else:
                done.update(sample.parents)
        left = [row for row in raw if row not in done]
        ranked = sorted(left, key=lambda row: (number(ctx.seed, ctx.place or ctx.step, row), row))
        return set(ranked[: self.wave])

    def _store(self, rows: Iterable[Sample], ctx: Context, passed: bool) -> list[Json]:
        """At most ``max_store`` examples of one kind; which ones hangs on their ids, not on their order."""
        judged = (sample for sample in rows if verdict_of(sample) is passed)
        ranked = ((number(ctx.seed, ctx.step, sample.id), sample.id, _case(sample)) for sample in judged)
        return [case for _, _, case in heapq.nsmallest(self.max_store, ranked, key=lambda entry: entry[:2])]


def verdict_of(sample: Sample) -> bool | None:
    """Whether a discriminator accepted the row; None where it was never judged."""
    if "analysis" not in sample.meta:
        return None
    return "dropped" not in sample.meta


def _case(sample: Sample) -> dict[str, str]:
    """What is shown of a judged row: the texts, and why it is good or bad."""
    reasons = dict(sample.meta["analysis"])
    return {
        "task": sample.task,
        "instruction": sample.instruction,
        "answer": sample.answer,
        "reason": "; ".join(str(reason) for reason in reasons.values() if reason)[:500],
    }
