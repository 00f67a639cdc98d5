"""``selection.leak_judge``: ask a model whether a row only rewords a benchmark problem; drop it if so.

WizardCoder (arXiv 2306.08568; the second version) takes the five training rows nearest to each test problem
and lets GPT-4 say yes or no. The nearest are marked by ``selection.near_benchmark`` with ``nearest: mark``;
each pair is one question. A reworded or translated problem that no run of words gives away is found this
way, as far as the embedder brings it near and the judge sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .. import replies
from ..replies.verdict import YES_NO
from ..requests import Completion, Request
from ..sample import Drop, Sample, Verdict
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Compare a benchmark problem with a task from training data.

They are the same if a programmer who has seen the solution of one can write the solution of the other \
without further thought. Examples are the same function with other names, in other words, or with other \
example values. A shared topic or technique is not enough.

<problem>
{problem}
</problem>

<task>
{instruction}
</task>

Are they the same? Reply YES or NO."""


class LeakJudge(Decoding, Step):
    """Drops marked rows of which a model says that they are a benchmark problem in other words.

    Rows that are not marked pass unasked. Where one of a row's questions gets no verdict and no other
    finds a leak, the row stays and is marked unknown.
    """

    filters: ClassVar[bool] = True
    version: ClassVar[str] = "2"

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        return [
            Request.of(
                PROMPT.format(problem=near["text"], instruction=sample.instruction), intent="leak",
                facts={"problem": near["text"], "instruction": sample.instruction}, sampling=self.sampling(),
            )
            for near in _near(sample)
        ]  # fmt: skip

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        near = _near(sample)
        if not near:
            yield sample
            return
        unclear = "" if len(completions) == len(near) else "not every question was answered"
        for pair, completion in zip(near, completions, strict=False):
            same = YES_NO.read(completion.text)
            if same is None:
                unclear = replies.defect(completion) or "verdict not understood"
            elif same:
                leak = {"problem": pair["problem"], "similarity": pair["similarity"], "by": completion.model}
                yield Drop(sample.noted(leak=leak), f"rewords {pair['benchmark']}")
                return
        yield sample.judged(Verdict(ctx.step, passed=None if unclear else True, reason=unclear))


def _near(sample: Sample) -> list[Mapping[str, Any]]:
    found = sample.meta.get("near")
    return list(found.get("candidates", ())) if isinstance(found, dict) else []
