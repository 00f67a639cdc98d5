"""``evaluation.calibrate``: what a judge's P(passed) is worth, and a probability that means what it says.

DolphCoder (arXiv 2402.09136) has the verdict as text only; a model's P(passed) is seldom right as it stands
(Guo et al. 2017). Here it is held against verdicts by execution on rows that the judge did not learn from
(``selection.hold_out``), and mapped to calibrated probabilities. Rows are cut into folds by instruction, and
each fold is mapped by what the *other* folds teach: no probability has seen a label of its own instruction.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import orjson
from pydantic import Field

from ..chance import number
from ..rows import Table
from ..sample import Json, Verdict
from ..step import Context, Step, StepName, Yield
from ._calibration import isotonic, platt
from ._reliability import reliability, rerank

_MAPS = {"platt": platt, "isotonic": isotonic}


class Calibrate(Step):
    """Marks rows with a calibrated P(passed); writes ``calibration.json`` beside them."""

    judge: StepName
    """The step whose scores are probabilities of a pass, such as a `verification.pass_probability`."""
    truth: StepName
    """The step whose verdicts by execution are the labels; a row of unknown verdict teaches nothing."""
    method: Literal["platt", "isotonic"] = "platt"
    """A logistic curve, for few labels; or the best non-decreasing fit, for a thousand or more."""
    folds: int = Field(default=5, ge=2)
    """Into how many parts instructions are cut; each is calibrated by the others."""
    bins: int = Field(default=10, ge=2)
    """Bins of equal width for the expected calibration error."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        known = _Labelled(rows, self.judge, self.truth)
        fold = np.array([number(ctx.seed, ctx.step, text) % self.folds for text in known.instructions], int)
        said = np.full(len(known.scores), np.nan)
        for part in range(self.folds):
            teaches = known.both & (fold != part)
            here = (fold == part) & ~np.isnan(known.scores)
            if teaches.any() and here.any():
                fit = _MAPS[self.method](known.scores[teaches].tolist(), known.labels[teaches].tolist())
                said[here] = fit(known.scores[here])
        ctx.folder.mkdir(parents=True, exist_ok=True)
        report = orjson.dumps(self._report(known, said), option=orjson.OPT_INDENT_2)
        (ctx.folder / "calibration.json").write_bytes(report)
        for sample, p in zip(rows, said.tolist(), strict=True):
            if math.isnan(p):
                yield sample.judged(Verdict(ctx.step, passed=None, reason="no probability"))
            else:
                yield sample.judged(Verdict(ctx.step, passed=p >= 0.5, score=p, reason=self.method))

    def _report(self, known: _Labelled, said: np.ndarray) -> dict[str, Json]:
        """audited: rows with probability, label and calibrated probability; figures are theirs alone."""
        use = known.both & ~np.isnan(said)
        labels, groups = known.labels[use].tolist(), [known.instructions[i] for i in np.flatnonzero(use)]
        raw, mapped = known.scores[use].tolist(), said[use].tolist()
        return {
            "judge": self.judge, "truth": self.truth, "method": self.method,
            "audited": len(labels), "instructions": len(set(groups)),
            "passed": sum(labels) / len(labels) if labels else None,
            "as_said": reliability(raw, labels, groups, self.bins),
            "calibrated": reliability(mapped, labels, groups, self.bins),
            "rerank": rerank(raw, labels, groups),
        }  # fmt: skip


class _Labelled:
    """What the rows carry, column by column; NaN where a score is missing."""

    def __init__(self, rows: Table, judge: str, truth: str) -> None:
        self.instructions: list[str] = []
        scores: list[float] = []
        labels: list[bool | None] = []
        for instruction, verdicts in rows.columns("instruction", "verdicts"):
            said = {verdict["by"]: verdict for verdict in verdicts}
            score = said.get(judge, {}).get("score")
            self.instructions.append(instruction)
            scores.append(float("nan") if score is None else min(1.0, max(0.0, score)))
            labels.append(said.get(truth, {}).get("passed"))
        self.scores = np.array(scores, float)
        self.labels = np.array([label is True for label in labels], bool)
        self.both = np.array([label is not None for label in labels], bool) & ~np.isnan(self.scores)
