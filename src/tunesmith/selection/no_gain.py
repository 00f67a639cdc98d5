"""``selection.no_gain``: let a model say whether an evolved task asks for anything new; drop it if not.

The equality judge of WizardLM (arXiv 2304.12244, sec. 3.2, rule 1), which WizardCoder inherits: two
tasks are equal if they have the same requirements and the same depth and breadth of inquiry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .. import replies
from ..replies.verdict import EQUAL
from ..requests import Completion, Request
from ..sample import Drop, Sample, Verdict
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Compare two programming tasks. They are equal if they have the same requirements and the same scope and need \
the same amount of work, so that a programmer who can solve one can solve the other by the same means. \
Ignore differences in wording.

First task:
{parent}

Second task:
{instruction}

Reply with one word: "equal" or "different"."""


class NoGain(Decoding, Step):
    """Drops evolved rows whose task a model finds equal to the parent's.

    Rows that were not evolved pass unasked; a row on which the model gives no verdict is marked unknown.
    """

    filters: ClassVar[bool] = True
    version: ClassVar[str] = "2"

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        parent = str(sample.meta.get("evolved_from", ""))
        if not parent:
            return []
        prompt = PROMPT.format(parent=parent, instruction=sample.instruction)
        facts = {"parent": parent, "instruction": sample.instruction}
        return [Request.of(prompt, intent="same_task", facts=facts, sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield sample
            return
        equal = EQUAL.read(completions[0].text)
        if equal is None:
            why = replies.defect(completions[0]) or "verdict not understood"
            yield sample.judged(Verdict(ctx.step, passed=None, reason=why))
        elif equal:
            yield Drop(sample, "no gain over the parent")
        else:
            yield sample
