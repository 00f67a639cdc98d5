"""``evaluation.retest``: whether a judge says the same when it is asked the same again, or in another form.

WaveCoder (arXiv 2312.14187) and DolphCoder (2402.09136) take a model's verdict once. A judge that turns round
on a second asking, or because the answer stands first, is noise or bias before it is right or wrong. The
askings are steps: ``verification.pass_probability`` and ``selection.discriminate`` with another ``draw`` (the
same words again) or ``form`` (position and format). This step compares their verdicts, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import orjson
from pydantic import Field

from ..rows import Table
from ..sample import Json, Sample
from ..scoring.intervals import mcnemar, paired_difference, wilson
from ..step import Context, Step, StepName, Yield

Pair = tuple[bool | None, bool | None]
"""A row's verdict on the first and on another asking; None where there is none."""


class Retest(Step):
    """Passes all rows on and writes ``retest.json`` beside them: agreement, kappa, shift, and intervals."""

    judge: StepName
    """The step whose verdicts the others are held against."""
    retests: tuple[StepName, ...] = Field(min_length=1)
    """The steps that asked again: in the same words, or in another form."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        report = orjson.dumps(retested(rows, self.judge, self.retests), option=orjson.OPT_INDENT_2)
        ctx.folder.mkdir(parents=True, exist_ok=True)
        (ctx.folder / "retest.json").write_bytes(report)
        yield from rows


def retested(rows: Iterable[Sample], judge: str, retests: Sequence[str]) -> dict[str, Json]:
    """The figures of each retest, in the order given."""
    pairs: dict[str, Counter[Pair]] = {step: Counter() for step in retests}
    for row in rows:
        said = {verdict.by: verdict.passed for verdict in row.verdicts}
        for step in retests:
            pairs[step][said.get(judge), said.get(step)] += 1
    return {"judge": judge, "retests": [{"step": step, **consistency(pairs[step])} for step in retests]}


def consistency(pairs: Counter[Pair]) -> dict[str, Json]:
    """How far two askings of the same questions agree, from how often each pair of verdicts came.

    compared: rows with both verdicts.  one_unknown: rows with one of them.  agreement: share of the same
    verdict, with its Wilson interval.  kappa: agreement beyond chance (Cohen 1960), its interval that of the
    agreement with the chance agreement taken as known; None where both askings know one verdict only.
    shift: how much more often the second says passed (Newcombe's paired interval), and ``p`` that it is none
    (McNemar, exact). A judge that goes by nothing but noise has agreement below 1 and no shift.
    """
    both, neither = pairs[True, True], pairs[False, False]
    first, second = pairs[True, False], pairs[False, True]
    total = both + neither + first + second
    known: dict[str, Json] = {
        "compared": total,
        "one_unknown": sum(n for pair, n in pairs.items() if pair.count(None) == 1),
        "both_passed": both, "both_failed": neither, "passed_first": first, "passed_then": second,
    }  # fmt: skip
    if not total:
        unknown: dict[str, Json] = {"value": None, "low": None, "high": None}
        return known | {"agreement": unknown, "kappa": unknown, "shift": unknown, "p": None}
    same, (low, high) = (both + neither) / total, wilson(both + neither, total)
    one, two = (both + first) / total, (both + second) / total
    chance = one * two + (1 - one) * (1 - two)
    kappa = [(share - chance) / (1 - chance) if chance < 1 else None for share in (same, low, high)]
    shift = (two - one, *paired_difference(both, first, second, neither))
    names = ("value", "low", "high")
    return known | {
        "agreement": dict(zip(names, (same, low, high), strict=True)),
        "kappa": dict(zip(names, kappa, strict=True)),
        "shift": dict(zip(names, shift, strict=True)),
        "p": mcnemar([(True, False)] * first + [(False, True)] * second)[2],
    }
