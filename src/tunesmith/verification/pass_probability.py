"""``verification.pass_probability``: how sure a model is that an answer passes.

DolphCoder (arXiv 2402.09136) sec. 2.3 trains a model to say "passed" or "not passed" of an answer. Asked in
the same words, its first token gives more than the word: P(passed) over P(passed) + P(not passed). Where the
server gives no log-probabilities, the word itself counts as 1 or 0, and the verdict says so. Whether such a
probability can be taken at its word is for ``evaluation.calibrate`` to find out; asked again (``draw``) or in
another form, ``evaluation.retest`` tells whether the verdict stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..replies.verdict import PASSED, Form, question
from ..requests import Completion, Request
from ..sample import Sample, Verdict
from ..step import Context, Decoding, Step, Yield


class PassProbability(Decoding, Step):
    """Marks each answered row with the model's P(passed); passed from `min_score` on. Every row goes on."""

    renamed: ClassVar[Mapping[str, str]] = {"least": "min_score"}
    version: ClassVar[str] = "1"

    min_score: float = Field(default=0.5, ge=0, le=1)
    """Probability from which the verdict is "passed"."""
    logprobs: int = Field(default=20, ge=0, le=20)
    """How many log-probabilities of the first token to ask for."""

    form: Form = "plain"
    """In which form to ask: `answer_first`, `turned` ("not passed" comes first), `rewrapped` (fences)."""
    draw: int = Field(default=0, ge=0)
    """Which asking this is; a question asked again needs a number of its own, or its kept reply is read."""
    temperature: float | None = Field(default=0.0, ge=0)
    """Sampling temperature; above 0 the word alone may change from one asking to the next."""
    max_tokens: int | None = Field(default=8, gt=0)
    """Longest reply, in tokens; the verdict is its first words."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if not sample.answer.strip():
            return []
        asked = question(sample, self.logprobs, self.form)
        return [replace(asked, sampling=self.sampling(), draw=self.draw)]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield sample.judged(Verdict(ctx.step, passed=None, reason="no answer"))
            return
        score, how = PASSED.probability(completions[0].first_logprobs), "from log-probabilities"
        if score is None:
            said, how = PASSED.read(completions[0].text), "from the word alone"
            score = None if said is None else float(said)
        if score is None:
            how = replies.defect(completions[0]) or "verdict not understood"
        passed = None if score is None else score >= self.min_score
        yield sample.judged(Verdict(ctx.step, passed=passed, score=score, reason=how))
