"""``selection.near_benchmark``: drop the rows whose text lies nearest to benchmark problems.

WaveCoder-Ultra drops the three nearest neighbours of every test problem, near or not (2312.14187, Section
4.4; its authors grant that this may be too much); ``threshold`` drops only what is really near. Sees
rewordings that ``selection.decontaminate`` cannot, as far as the embedder does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ..benchmarks import load
from ..rows import Table
from ..sample import Drop, Json, TextField
from ..step import Context, Step, Yield
from ._benchmarks import data_place, versions
from ._vectors import TEXTS, whole


class NearBenchmark(Step):
    """Drops the `top` rows nearest to each problem; rows note how near their nearest problem is."""

    renamed: ClassVar[Mapping[str, str]] = {"found": "nearest"}

    against: tuple[str, ...] = Field(min_length=1)
    """Benchmarks whose problems are compared with, e.g. `[humaneval, mbpp]`."""
    field: TextField
    """The text of rows that is compared."""
    to: Literal["solution", "instruction"] = "solution"
    """What of a problem it is compared with (WaveCoder: the reference solution)."""
    top: int = Field(default=3, gt=0)
    """Nearest rows to drop for every problem."""
    threshold: float = Field(default=-1, ge=-1, le=1)
    """Least cosine similarity at which a row is dropped; -1 drops the nearest ones however far."""
    nearest: Literal["drop", "mark"] = "drop"
    """What becomes of the nearest rows: they are dropped, or marked for `selection.leak_judge` to judge."""
    data: str | None = None
    """A folder or file that holds the benchmarks' data; by default they are downloaded once and kept."""
    embedder: str = "hashing"
    """`hashing` (offline), or the name of a sentence-transformers model."""

    def outside(self, ctx: Context) -> str:
        return versions(self.against, self.data, ctx)

    def table(self, rows: Table, ctx: Context) -> Yield:
        problems = [
            (name, problem)
            for name in self.against
            for problem in load(name, data_place(self.data, ctx)).problems
        ]
        texts = [p.canonical if self.to == "solution" else p.instruction for _, p in problems]
        vectors, scale = whole(ctx.embedder(self.embedder).embed(texts))
        nearest, similarity, found = self._compare(rows, vectors.astype(np.float32), scale, ctx)
        for row, sample in enumerate(rows):
            benchmark, problem = problems[nearest[row]]
            near: dict[str, Json] = {
                "problem": problem.task_id,
                "similarity": round(float(similarity[row]), 4),
            }
            if self.nearest == "mark" and row in found:
                near["candidates"] = [
                    {"benchmark": problems[place][0], "problem": problems[place][1].task_id,
                     "similarity": round(float(alike), 4), "text": problems[place][1].instruction}
                    for place, alike in found[row]
                ]  # fmt: skip
            noted = sample.noted(near=near)
            yield Drop(noted, f"near {benchmark}") if self.nearest == "drop" and row in found else noted

    def _compare(
        self, rows: Table, problems: np.ndarray, scale: float, ctx: Context
    ) -> tuple[np.ndarray, np.ndarray, dict[int, list[tuple[int, float]]]]:
        """Each row's nearest problem and similarity to it; and the rows found, each with the problems that it
        is among the nearest of, and how near. Of equals, the first."""
        nearest, similarity = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.float32)
        best = np.full((len(problems), self.top), -np.inf, np.float32)
        holders = np.full((len(problems), self.top), -1, np.int64)
        texts, start = rows.columns(self.field), 0
        while some := [text for (text,) in islice(texts, TEXTS)]:
            values = whole(ctx.embedder(self.embedder).embed(some)).values.astype(np.float32)
            alike = (problems @ values.T) / np.float32(scale**2)
            places = np.arange(start, start + len(some))
            nearest[places], similarity[places] = alike.argmax(axis=0), alike.max(axis=0)
            both = np.hstack([best, alike])
            owners = np.hstack([holders, np.broadcast_to(places, alike.shape)])
            order = np.argsort(-both, axis=1, kind="stable")[:, : self.top]
            best, holders = np.take_along_axis(both, order, 1), np.take_along_axis(owners, order, 1)
            start += len(some)
        found: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for problem, place in np.argwhere((best >= self.threshold) & (holders >= 0)).tolist():
            found[int(holders[problem, place])].append((problem, float(best[problem, place])))
        return nearest, similarity, found
