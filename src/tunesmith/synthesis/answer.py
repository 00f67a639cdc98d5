"""Answer an instruction, one or several times.

The response stage of Code Evol-Instruct (WizardCoder, arXiv 2306.08568, sec. 2), the regeneration of
responses by a stronger model (WaveCoder-Pro, arXiv 2312.14187, sec. 3), and candidate sampling for
self-evaluation (DolphCoder, arXiv 2402.09136) are all this step; evolver and responder are separate
models because ``with:`` names them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..code.markdown import blocks
from ..requests import Completion, Request, Sampling
from ..sample import Drop, Sample
from ..step import Context, Step, Yield


class Answer(Step):
    """Answer each instruction; one child per draw. An earlier answer is kept in ``meta.old_answer``."""

    version: ClassVar[str] = "1"

    per_instruction: int = Field(default=1, ge=1)
    """Answers per instruction. More than one needs a temperature above 0 to differ."""
    system: str = ""
    """System prompt; empty takes the row's own, if it has one."""
    temperature: float | None = Field(default=None, ge=0)
    """Sampling temperature; the model's own if not given."""
    max_tokens: int | None = Field(default=None, gt=0)
    """Longest answer in tokens; the model's own if not given."""

    def expects(self, rows: int) -> int:
        return rows * self.per_instruction

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        facts = {"instruction": sample.instruction, "language": sample.language}
        return [
            Request.of(
                sample.instruction, system=self.system or sample.system, intent="answer", facts=facts,
                sampling=sampling, draw=draw,
            )
            for draw in range(self.per_instruction)
        ]  # fmt: skip

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        old = {"old_answer": sample.answer} if sample.answer else {}
        for draw, completion in enumerate(completions):
            child = sample.grow(
                ctx.step, draw=draw, answer=replies.clean(completion.text),
                system=self.system or sample.system,
                meta={**sample.meta, **old, "answered_by": completion.model},
            )  # fmt: skip
            reason = replies.defect(completion)
            if not reason and any(not block.closed for block in blocks(child.answer)):
                reason = "cut off"
            yield Drop(child, reason) if reason else child
