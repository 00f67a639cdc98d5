"""``evaluation.agreement``: how often a judge's labels differ from what execution found.

DolphCoder (arXiv 2402.09136) reports that about a fifth of its judge's labels are wrong; that is a
figure to measure on the data at hand. Rows that carry both labels are an audit sample; execution counts as
the truth. The labels are ``meta.judged`` and ``meta.executed`` (from ``synthesis.self_evaluate``), or the
verdicts of two steps: so any judge is audited, WaveCoder's discriminator (2312.14187) against
``verification.repair`` for one, if its bin is read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Self

import orjson
from pydantic import model_validator

from ..rows import Table
from ..sample import Json, Sample
from ..scoring.intervals import wilson
from ..step import Context, Step, StepName, Yield


class Agreement(Step):
    """Passes all rows on and writes ``agreement.json`` beside them: confusion, noise rate, interval."""

    judge: StepName = ""
    """The step whose verdicts are audited; empty, with an empty `truth`: the labels of self-evaluation."""
    truth: StepName = ""
    """The step whose verdicts by execution count as true."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if bool(self.judge) != bool(self.truth):
            raise ValueError("give judge and truth, or neither")
        return self

    def table(self, rows: Table, ctx: Context) -> Yield:
        report = agreement(rows, self.judge, self.truth)
        ctx.folder.mkdir(parents=True, exist_ok=True)
        (ctx.folder / "agreement.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
        yield from rows


def agreement(rows: Iterable[Sample], judge: str = "", truth: str = "") -> dict[str, Json]:
    """Confusion of judge against execution; see the step's fields for where the labels stand.

    audited: rows with both labels.  noise: share of them on which the two differ, with a 95% Wilson
    interval (None without audited rows).  passed_wrongly, failed_wrongly: the two kinds of error.
    """
    labels = (_labels(row, judge, truth) for row in rows)
    pairs = Counter((bool(said), bool(so)) for said, so in labels if said is not None and so is not None)
    wrong, total = pairs[True, False] + pairs[False, True], pairs.total()
    low, high = wilson(wrong, total) if total else (None, None)
    return {
        "audited": total,
        "both_passed": pairs[True, True], "both_failed": pairs[False, False],
        "passed_wrongly": pairs[True, False], "failed_wrongly": pairs[False, True],
        "noise": wrong / total if total else None, "low": low, "high": high,
    }  # fmt: skip


def _labels(row: Sample, judge: str, truth: str) -> tuple[bool | None, bool | None]:
    if not judge:
        return row.meta.get("judged"), row.meta.get("executed")
    verdicts = {verdict.by: verdict.passed for verdict in row.verdicts}
    return verdicts.get(judge), verdicts.get(truth)
