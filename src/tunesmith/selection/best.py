"""``selection.best``: of rows that are alternatives to each other, keep those a judge scores highest.

InverseCoder keeps one of ten candidate instructions by P(YES) (2407.05700, sec. 3.3); keeping the best of
n answers by tests passed is the same step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ..rows import Table
from ..sample import Drop
from ..step import Context, Step, StepName, Yield


class Best(Step):
    """Keeps the `n` best rows of each group by the score of one judge; ties go to the earlier row."""

    renamed: ClassVar[Mapping[str, str]] = {"of": "group_by", "keep": "n", "least": "min_score"}

    judge: StepName = ""
    """Name of the step whose scores decide; empty takes the last score. A row without one is dropped."""
    group_by: Literal["parent", "instruction"] = "parent"
    """Rows that are alternatives: those with the same first parent, or with the same instruction."""
    n: int = Field(default=1, ge=1)
    """Rows to keep of each group."""
    min_score: float | None = None
    """Score below which no row is kept."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        column = "parents" if self.group_by == "parent" else "instruction"
        groups: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for place, (key, row, verdicts) in enumerate(rows.columns(column, "id", "verdicts")):
            scores = [v["score"] for v in verdicts if self.judge in ("", v["by"]) and v["score"] is not None]
            score = scores[-1] if scores else None
            group = key if isinstance(key, str) else (key[0] if key else row)
            if score is not None:
                groups[group].append((-score, place))
        first = [member for members in groups.values() for member in sorted(members)[: self.n]]
        best = {place for cost, place in first if self.min_score is None or -cost >= self.min_score}
        scored = {place for members in groups.values() for _, place in members}
        for place, sample in enumerate(rows):
            if place in best:
                yield sample
            else:
                yield Drop(sample, "not the best" if place in scored else "no score")
