"""``selection.mix``: rows of several sources in given proportions.

AlchemistCoder (2405.19265, Section 3.1) mixes sources rather than pouring them together; the proportions
are ours to give, for the paper does not print them. Rows are drawn by the recipe's seed.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..chance import number
from ..errors import DataError, nearest
from ..rows import Table
from ..sample import Drop
from ..step import Context, Step, Yield
from .shares import allot


class Mix(Step):
    """Keeps rows so that the named sources stand in the given proportions, and drops the others."""

    shares: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    """Source -> its part of the mix, e.g. `{evol: 3, exercises: 1}`; only the proportions count."""
    size: int | None = Field(default=None, gt=0)
    """Rows in all; by default as many as the scarcest source allows."""
    by: Literal["source", "task", "language", "answer"] = "source"
    """The column whose values `shares` names; `answer` balances labels such as passed and not passed."""

    def expects(self, rows: int) -> int:
        return min(self.size or rows, rows)

    def table(self, rows: Table, ctx: Context) -> Yield:
        members: dict[str, list[int]] = defaultdict(list)
        luck = np.empty(len(rows), np.uint64)
        for index, (value, row) in enumerate(rows.columns(self.by, "id")):
            members[value].append(index)
            luck[index] = number(ctx.seed, ctx.step, row)
        quota = self._quota({value: len(places) for value, places in members.items()}, ctx)
        chosen = np.zeros(len(rows), bool)
        for value, count in quota.items():
            places = np.array(members[value])
            chosen[places[np.argsort(luck[places], kind="stable")[:count]]] = True
        for sample, kept in zip(rows, chosen, strict=True):
            value = getattr(sample, self.by)
            if kept:
                yield sample
            else:
                yield Drop(sample, "over its share" if value in quota else f"{self.by} is not in the mix")

    def _quota(self, counts: dict[str, int], ctx: Context) -> dict[str, int]:
        """Rows of each named value.

        Raises: DataError where a named one has no row, or fewer than ``size`` asks of it.
        """
        for value in self.shares:
            if value not in counts:
                problem = f"no row has the {self.by} {value!r}"
                raise DataError(f"steps.{ctx.step}.shares", problem, nearest(value, counts))
        whole = sum(map(Fraction, self.shares.values()))
        most = min(counts[value] * whole / Fraction(share) for value, share in self.shares.items())
        quota = allot(self.size or int(most), self.shares)
        for value, wanted in quota.items():
            if wanted > counts[value]:
                problem = f"{wanted} rows of {value!r} are asked for, there are {counts[value]}"
                raise DataError(f"steps.{ctx.step}.size", problem, f"give a size of at most {int(most)}")
        return quota
