"""``selection.mark``: mark an exact share of the rows, stratum by stratum; every row goes on.

AlchemistCoder gives 5% of its rows a preface (2405.19265, sec. 2.2) and does not say which. Here they
are drawn by chance, or are those whose instruction says least of what their answer does: the measured
misalignment that a preface can mend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from ..chance import number
from ..code.facts import claimed_imports, claims, code_facts
from ..code.markdown import code_of
from ..rows import Table
from ..sample import Sample
from ..step import Context, Step, Yield
from ._shares import Size, allot, rows_of


class Mark(Step):
    """Writes this step's name into ``meta.marks`` of `size` rows, for a later step's ``marked``."""

    renamed: ClassVar[Mapping[str, str]] = {"by": "group_by", "take": "choose"}

    size: Size = 0.05
    """How many rows: a number, or a share of them."""
    group_by: tuple[Literal["source", "task", "language", "license"], ...] = ("source",)
    """Columns whose combinations are the strata; each gets its share of `size`."""
    choose: Literal["random", "misaligned"] = "random"
    """Rows by chance, or those whose answer does most that the instruction does not say."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        first = np.zeros(len(rows))
        rng = np.empty(len(rows), np.uint64)
        strata: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for index, sample in enumerate(rows):
            rng[index] = number(ctx.seed, ctx.step, sample.id)
            first[index] = -misalignment(sample) if self.choose == "misaligned" else 0
            strata[tuple(getattr(sample, column) for column in self.group_by)].append(index)
        sizes = {stratum: len(members) for stratum, members in strata.items()}
        quota = allot(min(rows_of(self.size, len(rows)), len(rows)), sizes) if len(rows) else {}
        chosen = np.zeros(len(rows), bool)
        for stratum, members in strata.items():
            places = np.array(members)
            order = np.lexsort((rng[places], first[places]))
            chosen[places[order[: quota[stratum]]]] = True
        for sample, marked in zip(rows, chosen, strict=True):
            yield sample.noted(marks=[*sample.meta.get("marks", ()), ctx.step]) if marked else sample


def misalignment(sample: Sample) -> int:
    """How many traits, imports and languages the answer's code uses and the instruction does not name."""
    facts = code_facts(code_of(sample.answer, "python"))
    if facts is None:
        return 0
    unsaid = len(facts.traits - claims(sample.instruction))
    unsaid += len(facts.imports - claimed_imports(sample.instruction))
    return unsaid + ("python" not in sample.instruction.lower())
