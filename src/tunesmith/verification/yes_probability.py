"""``verification.yes_probability``: how sure a model is that an answer fits its instruction.

InverseCoder (arXiv 2407.05700) sec. 3.3: P(YES) over P(YES) + P(NO) at the first token of the reply.
Where the server gives no log-probabilities, the word itself counts as 1 or 0, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..replies.verdict import YES_NO
from ..requests import Completion, Request
from ..sample import Sample, Verdict
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Does the program do everything that the task asks and nothing else?

Task:
{instruction}

Program:
{answer}

Reply YES or NO."""


class YesProbability(Decoding, Step):
    """Marks each row with the model's P(YES) that the answer fits; passed from `min_score` on."""

    renamed: ClassVar[Mapping[str, str]] = {"least": "min_score"}
    version: ClassVar[str] = "2"

    min_score: float = Field(default=0.5, ge=0, le=1)
    """Probability from which the verdict is "passed"."""
    logprobs: int = Field(default=20, ge=0, le=20)
    """How many log-probabilities of the first token to ask for."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        prompt = PROMPT.format(instruction=sample.instruction, answer=sample.answer)
        facts = {"instruction": sample.instruction, "answer": sample.answer, "language": sample.language}
        return [
            replace(
                Request.of(prompt, intent="fits", facts=facts),
                logprobs=self.logprobs,
                sampling=self.sampling(),
            )
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        completion = completions[0]
        score, how = YES_NO.probability(completion.first_logprobs), "from log-probabilities"
        if score is None:
            said = YES_NO.read(completion.text)
            score = None if said is None else float(said)
            how = "from the word alone"
        if score is None:
            why = replies.defect(completion) or "verdict not understood"
            yield sample.judged(Verdict(ctx.step, passed=None, reason=why))
        else:
            yield sample.judged(Verdict(ctx.step, passed=score >= self.min_score, score=score, reason=how))
