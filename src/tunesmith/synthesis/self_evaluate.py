"""The self-evaluation objective: rows that ask whether an answer is right, and say passed or not passed.

DolphCoder (arXiv 2402.09136) sec. 2.3: candidates of the tuned model are labelled by GPT-4, about a
fifth of the labels being wrong, and the model learns to give the verdict as text. Here the label may
come from the judge, as published, or from execution, which has no such noise; where a row has both,
both stay in ``meta``, and ``verification.agreement`` measures how often the judge errs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from ..exchange import Completion, Request
from ..llm import replies
from ..sample import Drop, Sample
from ..step import Context, Need, Step, Yield

QUESTION = """\
Does this answer solve the programming task? Reply "passed" or "not passed".

Task:
{instruction}

Answer:
{answer}"""
LABELS = {True: "passed", False: "not passed"}
_SAID = re.compile(
    r"\W*(?:(?:the |this )?(?:answer|verdict|solution|it)\W+(?:is |has |does |would )?)?"
    r"(not[ _-]pass(?:ed)?|fail(?:ed|s)?|no|incorrect|pass(?:ed|es)?|yes|correct)\b",
    re.IGNORECASE,
)
_POSITIVE = ("pass", "yes", "correct")


class SelfEvaluate(Step):
    """Ask of each answered row whether the answer passes, and give the label (DolphCoder sec. 2.3)."""

    names_steps = ("judged_by",)
    needs_model: ClassVar[Need] = "optional"
    version: ClassVar[str] = "1"

    labels: Literal["judge", "verdicts"] = "judge"
    """Who says whether an answer passes: the model that ``with`` names, or verdicts by execution."""
    judged_by: str = ""
    """Name of the step whose verdicts are taken; empty takes the last one that is not unknown."""
    logprobs: int = Field(default=0, ge=0, le=20)
    """Ask for this many log-probabilities of the first token; ``meta.p_pass`` is then P(passed)."""

    def needs(self) -> Need:
        return "required" if self.labels == "judge" else "optional"

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if self.labels == "verdicts" or not sample.answer.strip():
            return []
        prompt = QUESTION.format(instruction=sample.instruction, answer=sample.answer)
        facts = {"instruction": sample.instruction, "answer": sample.answer, "language": sample.language}
        return [replace(Request.of(prompt, intent="judge", facts=facts), logprobs=self.logprobs)]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not sample.answer.strip():
            yield Drop(sample, "no answer")
            return
        executed = self._executed(sample)
        facts: dict[str, bool | float | None] = {"executed": executed}
        label, reason = executed, "no verdict"
        if self.labels == "judge":
            label, reason = verdict(completions[0].text), "verdict not understood"
            reason = replies.fault(completions[0]) or reason
            facts |= {"judged": label, "p_pass": p_pass(completions[0].first_logprobs)}
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
            if verdict.passed is not None and (not self.judged_by or verdict.by == self.judged_by)
        ]
        return found[-1] if found else None


def verdict(text: str) -> bool | None:
    """The verdict that a reply begins with; None where it gives none."""
    found = _SAID.match(replies.clean(text))
    if found is None:
        return None
    said = found[1].lower()
    return said.startswith(_POSITIVE)


def p_pass(first: Mapping[str, float]) -> float | None:
    """P(passed) / (P(passed) + P(not passed)) from log-probabilities of first tokens, or None."""
    mass = {True: 0.0, False: 0.0}
    for token, logprob in first.items():
        word = token.strip().lower()
        if word in ("pass", "passed", "yes", "correct"):
            mass[True] += math.exp(logprob)
        elif word in ("not", "no", "fail", "failed", "incorrect"):
            mass[False] += math.exp(logprob)
    total = mass[True] + mass[False]
    return mass[True] / total if total > 0 else None
