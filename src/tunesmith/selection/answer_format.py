"""``selection.answer_format``: answers that look like an explained program, no more and no less.

DolphCoder filters its answers by the rules that CodeFuse published with Evol-66k (2402.09136, Section 2.2;
2311.02303): instruction of 10 to 1000 words, answer of 50 to 2000 words, exactly one fenced block of 3 to
100 lines, at most 200 words before it. These are the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ..code.markdown import blocks
from ..sample import Drop, Sample
from ..step import Context, Step, Yield

Count = Annotated[int, Field(ge=0)]


class AnswerFormat(Step):
    """Keeps rows whose instruction and answer have the given form; each drop says what was wrong."""

    renamed: ClassVar[Mapping[str, str]] = {
        **{
            key: f"min_{key}, max_{key}"
            for key in ("instruction_words", "answer_words", "blocks", "code_lines")
        },
        "lead_words": "max_lead_words",
    }

    min_instruction_words: Count = 10
    """Fewest words of the instruction."""
    max_instruction_words: Count = 1000
    """Most words of the instruction."""
    min_answer_words: Count = 50
    """Fewest words of the answer, code included."""
    max_answer_words: Count = 2000
    """Most words of the answer, code included."""
    min_blocks: Count = 1
    """Fewest fenced blocks in the answer."""
    max_blocks: Count = 1
    """Most fenced blocks in the answer."""
    min_code_lines: Count = 3
    """Fewest lines of every fenced block."""
    max_code_lines: Count = 100
    """Most lines of every fenced block."""
    max_lead_words: Count = 200
    """Most words before the first fenced block."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        reason = self._reason(sample)
        yield Drop(sample, reason) if reason else sample

    def _reason(self, sample: Sample) -> str:
        found = blocks(sample.answer)
        counts = [
            ("instruction_words", "instruction words", len(sample.instruction.split())),
            ("answer_words", "answer words", len(sample.answer.split())),
            ("blocks", "fenced blocks", len(found)),
            *(("code_lines", "lines of code", len(block.code.splitlines())) for block in found),
        ]
        for key, what, count in counts:
            least, most = getattr(self, f"min_{key}"), getattr(self, f"max_{key}")
            if count < least:
                return f"under {least} {what}"
            if count > most:
                return f"over {most} {what}"
        if not all(block.closed for block in found):
            return "the fenced block is not closed"
        lead = sample.answer[: found[0].start] if found else ""
        return (
            f"over {self.max_lead_words} words before the code"
            if len(lead.split()) > self.max_lead_words
            else ""
        )
