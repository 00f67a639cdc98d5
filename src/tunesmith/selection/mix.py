"""``selection.mix``: rows of several sources in given proportions, by rows or by tokens.

AlchemistCoder (2405.19265, Section 3.1) mixes sources rather than pouring them together; the proportions
are ours to give, for the paper does not print them. Rows are drawn by the recipe's seed. Sources that
answer at different length weigh otherwise by tokens than by rows, and it is tokens that a student trains on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from ..chance import number
from ..errors import DataError, nearest
from ..llm.tokens import tokens_of
from ..rows import Table
from ..sample import Drop
from ..step import Context, Step, Yield
from ._shares import allot


class Mix(Step):
    """Keeps rows so that the named sources stand in the given proportions, and drops the others."""

    renamed: ClassVar[Mapping[str, str]] = {"by": "group_by"}

    shares: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    """Source -> its part of the mix, e.g. `{evol: 3, exercises: 1}`; only the proportions count."""
    size: int | None = Field(default=None, gt=0)
    """Rows in all, or tokens with `measure: tokens`; by default as many as the scarcest source allows."""
    measure: Literal["rows", "tokens"] = "rows"
    """What stands in proportion. `tokens`: about those of system text, instruction and answer, by the
    estimate that prices use; each source then comes as near to its part as whole rows allow."""
    group_by: Literal["source", "task", "language", "answer"] = "source"
    """The column whose values `shares` names; `answer` balances labels such as passed and not passed."""

    def expects(self, rows: int) -> int:
        return min(self.size or rows, rows) if self.measure == "rows" else rows

    def table(self, rows: Table, ctx: Context) -> Yield:
        members: dict[str, list[int]] = defaultdict(list)
        rng, weight = np.empty(len(rows), np.uint64), np.ones(len(rows), np.int64)
        texts = ("system", "instruction", "answer") if self.measure == "tokens" else ()
        for index, (value, row, *said) in enumerate(rows.columns(self.group_by, "id", *texts)):
            members[value].append(index)
            rng[index] = number(ctx.seed, ctx.step, row)
            if said:
                weight[index] = sum(map(tokens_of, said))
        quota = self._quota({value: int(weight[places].sum()) for value, places in members.items()}, ctx)
        chosen = np.zeros(len(rows), bool)
        for value, wanted in quota.items():
            places = np.array(members[value])
            drawn = places[np.argsort(rng[places], kind="stable")]
            chosen[drawn[: _nearest(weight[drawn], wanted)]] = True
        for sample, kept in zip(rows, chosen, strict=True):
            value = getattr(sample, self.group_by)
            if kept:
                yield sample
            else:
                yield Drop(
                    sample, "over its share" if value in quota else f"{self.group_by} is not in the mix"
                )

    def _quota(self, there: Mapping[str, int], ctx: Context) -> dict[str, int]:
        """Rows or tokens of each named value; ``there``: how many it has.

        Raises: DataError where a named one has none, or fewer than ``size`` asks of it.
        """
        for value in self.shares:
            if value not in there:
                problem = f"no row has the {self.group_by} {value!r}"
                raise DataError(f"steps.{ctx.step}.shares", problem, nearest(value, there))
            if not there[value]:
                problem = f"the rows of {value!r} have neither instruction nor answer, so no tokens"
                raise DataError(f"steps.{ctx.step}.measure", problem, "mix them by rows")
        whole = sum(map(Fraction, self.shares.values()))
        most = min(there[value] * whole / Fraction(share) for value, share in self.shares.items())
        quota = allot(self.size or int(most), self.shares)
        for value, wanted in quota.items():
            if wanted > there[value]:
                problem = f"{wanted} {self.measure} of {value!r} are asked for, there are {there[value]}"
                raise DataError(f"steps.{ctx.step}.size", problem, f"give a size of at most {int(most)}")
        return quota


def _nearest(weights: np.ndarray, wanted: int) -> int:
    """How many of the first rows together come nearest to ``wanted``; the fewer of two as near."""
    return int(np.argmin(np.abs(np.cumsum([0, *weights]) - wanted)))
