"""The self-evaluation objective: rows that ask whether an answer is right, and say passed or not passed.

DolphCoder (arXiv 2402.09136) sec. 2.3: candidates of the tuned model are labelled by GPT-4, about a
fifth of the labels being wrong, and the model learns to give the verdict as text. Here the label may
come from the judge, as published, or from execution, which has no such noise; where a row has both,
both stay in ``meta``, and ``evaluation.agreement`` measures how often the judge errs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from .. import replies
from ..replies.verdict import LABELS, PASSED, QUESTION, question
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Need, Step, StepName, Yield


class SelfEvaluate(Decoding, Step):
    """Ask of each answered row whether the answer passes, and give the label (DolphCoder sec. 2.3)."""

    renamed: ClassVar[Mapping[str, str]] = {"judged_by": "truth"}
    needs_model: ClassVar[Need] = "optional"
    version: ClassVar[str] = "1"

    labels: Literal["judge", "verdicts"] = "judge"
    """Who says whether an answer passes: the model that ``with`` names, or verdicts by execution."""
    truth: StepName = ""
    """Name of the step whose verdicts are taken; empty takes the last one that is not unknown."""
    logprobs: int = Field(default=0, ge=0, le=20)
    """Ask for this many log-probabilities of the first token; ``meta.p_pass`` is then P(passed)."""

    def needs(self) -> Need:
        return "required" if self.labels == "judge" else "optional"

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if self.labels == "verdicts" or not sample.answer.strip():
            return []
        return [replace(question(sample, self.logprobs), sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not sample.answer.strip():
            yield Drop(sample, "no answer")
            return
        executed = self._executed(sample)
        facts: dict[str, bool | float | None] = {"executed": executed}
        label, reason = executed, "no verdict"
        if self.labels == "judge":
            label, reason = PASSED.read(completions[0].text), "verdict not understood"
            reason = replies.defect(completions[0]) or reason
            facts |= {"judged": label, "p_pass": PASSED.probability(completions[0].first_logprobs)}
        if label is None:
            yield Drop(sample, reason)
            return
        yield sample.grow(
            ctx.step, task="evaluation", tests="", system="", answer=LABELS[label], draw=sample.draw,
            instruction=QUESTION.format(instruction=sample.instruction, answer=sample.answer),
            meta={**sample.meta, **facts, "label_by": self.labels},
        )  # fmt: skip

    def _executed(self, sample: Sample) -> bool | None:
        found = [
            verdict.passed
            for verdict in sample.verdicts
            if verdict.passed is not None and (not self.truth or verdict.by == self.truth)
        ]
        return found[-1] if found else None
