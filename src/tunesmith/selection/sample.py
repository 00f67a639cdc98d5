"""``selection.sample``: some of the rows, drawn by the recipe's seed, evenly or stratum by stratum.

The budget control that any selection is held against: the same number of rows, drawn at random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from ..chance import number
from ..rows import Table
from ..sample import Drop
from ..step import Context, Step, Yield
from ._shares import Size, allot, rows_of

Stratum = Literal["source", "task", "language", "license"]


class DrawSample(Step):
    """Keeps `size` rows, in their order, and drops the others."""

    renamed: ClassVar[Mapping[str, str]] = {"by": "group_by", "take": "choose"}

    size: Size
    """How many rows: a number, or a share such as 0.1."""
    group_by: tuple[Stratum, ...] = ()
    """Columns whose combinations are the strata; each gets its share of `size`. Empty: one stratum."""
    choose: Literal["random", "first"] = "random"
    """Rows by chance, or the first ones."""

    def expects(self, rows: int) -> int:
        return min(rows_of(self.size, rows), rows)

    def table(self, rows: Table, ctx: Context) -> Yield:
        chosen = self._chosen(rows, ctx)
        for sample, kept in zip(rows, chosen, strict=True):
            yield sample if kept else Drop(sample, "not sampled")

    def _chosen(self, rows: Table, ctx: Context) -> np.ndarray:
        """Which rows stay, bool of shape (rows,). A row's rng hangs on its id, not on its place."""
        rng = np.empty(len(rows), np.uint64)
        strata: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for index, (row, *values) in enumerate(rows.columns("id", *self.group_by)):
            rng[index] = number(ctx.seed, ctx.step, row) if self.choose == "random" else index
            strata[tuple(values)].append(index)
        sizes = {stratum: len(members) for stratum, members in strata.items()}
        quota = allot(min(rows_of(self.size, len(rows)), len(rows)), sizes)
        chosen = np.zeros(len(rows), bool)
        for stratum, members in strata.items():
            places = np.array(members)
            chosen[places[np.argsort(rng[places], kind="stable")[: quota[stratum]]]] = True
        return chosen
