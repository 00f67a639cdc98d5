"""Answer an instruction, one or several times.

The response stage of Code Evol-Instruct (WizardCoder, arXiv 2306.08568, sec. 2), the regeneration of
responses by a stronger model (WaveCoder-Pro, arXiv 2312.14187, sec. 3), and candidate sampling for
self-evaluation (DolphCoder, arXiv 2402.09136) are all this step; evolver and responder are separate
models because ``with:`` names them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..code.markdown import blocks
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield


class Answer(Decoding, Step):
    """Answer each instruction; one child per draw. An earlier answer is kept in ``meta.old_answer``."""

    renamed: ClassVar[Mapping[str, str]] = {"per_instruction": "n"}
    version: ClassVar[str] = "1"

    n: int = Field(default=1, ge=1)
    """Answers per instruction. More than one needs a temperature above 0 to differ."""
    system: str = ""
    """System prompt; empty takes the row's own, if it has one."""

    def expects(self, rows: int) -> int:
        return rows * self.n

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        facts = {"instruction": sample.instruction, "language": sample.language}
        return [
            Request.of(
                sample.instruction, system=self.system or sample.system, intent="answer", facts=facts,
                sampling=self.sampling(), draw=draw,
            )
            for draw in range(self.n)
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
