"""``selection.answer_format``: answers that look like an explained program, no more and no less.

DolphCoder filters its answers by the rules that CodeFuse published with Evol-66k (2402.09136, Section 2.2;
2311.02303): instruction of 10 to 1000 words, answer of 50 to 2000 words, exactly one fenced block of 3 to
100 lines, at most 200 words before it. These are the defaults.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..code.markdown import blocks
from ..code.words import word_count
from ..sample import Drop, Sample
from ..step import Context, Step, Yield

Range = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
"""Least and most, both allowed."""


class AnswerFormat(Step):
    """Keeps rows whose instruction and answer have the required form; a drop names what was wrong."""

    instruction_words: Range = (10, 1000)
    """Words of the instruction, least and most."""
    answer_words: Range = (50, 2000)
    """Words of the answer, code included."""
    blocks: Range = (1, 1)
    """Fenced blocks in the answer."""
    code_lines: Range = (3, 100)
    """Lines of every fenced block."""
    lead_words: int = Field(default=200, ge=0)
    """Most words before the first fenced block."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        reason = self._reason(sample)
        yield Drop(sample, reason) if reason else sample

    def _reason(self, sample: Sample) -> str:
        found = blocks(sample.answer)
        counts = [
            ("instruction words", self.instruction_words, word_count(sample.instruction)),
            ("answer words", self.answer_words, word_count(sample.answer)),
            ("fenced blocks", self.blocks, len(found)),
            *(("lines of code", self.code_lines, len(block.code.splitlines())) for block in found),
        ]
        for what, (least, most), count in counts:
            if count < least:
                return f"under {least} {what}"
            if count > most:
                return f"over {most} {what}"
        if not all(block.closed for block in found):
            return "the fenced block is not closed"
        lead = sample.answer[: found[0].start] if found else ""
        return f"over {self.lead_words} words before the code" if word_count(lead) > self.lead_words else ""
