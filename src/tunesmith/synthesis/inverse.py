"""Inverse-Instruct: from a program to the instructions that it may answer.

InverseCoder (arXiv 2407.05700) sec. 3: the model that is being tuned reads code and writes several
candidate instructions for it, each begun differently; the one that it most firmly calls fitting is kept
(``verification.yes_probability`` and ``selection.best``). Taking from code to words is easier than the
way back, which is why a model can teach itself by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..code.markdown import code_of, defined
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Write the programming task that the {language} program below solves.
- State the inputs, the result and what happens in special cases.
- State that the solution must be in {language}.
- Make the task self-contained. Its readers do not see the program.
- Begin the task with the word "{opening}".

Program:
{program}

Reply with the task only."""
OPENINGS = (
    "Write",
    "Create",
    "Implement",
    "Develop",
    "Define",
    "Build",
    "Design",
    "Construct",
    "Provide",
    "Make",
)


class Inverse(Decoding, Step):
    """Ask for candidate instructions of each row's program, one child each (InverseCoder sec. 3)."""

    renamed: ClassVar[Mapping[str, str]] = {"candidates": "n"}
    version: ClassVar[str] = "2"

    n: int = Field(default=10, ge=1, le=len(OPENINGS))
    """Candidate instructions per program."""
    max_words: int = Field(default=400, gt=0)
    """Longer instructions are dropped."""

    def expects(self, rows: int) -> int:
        return rows * self.n

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        program = _program(sample)
        if not program.strip():
            return []
        language = sample.language or "python"
        shown = replies.fenced(program, sample.language)
        openings = ctx.chance(sample).sample(OPENINGS, self.n)
        return [
            Request.of(
                PROMPT.format(opening=opening, language=language, program=shown),
                intent="inverse", draw=draw, sampling=self.sampling(),
                facts={"code": program, "language": sample.language, "opening": opening,
                       "docstring": str(sample.meta.get("docstring") or "")},
            )
            for draw, opening in enumerate(openings)
        ]  # fmt: skip

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        program = _program(sample)
        if not completions:
            yield Drop(sample, "no code")
            return
        answer = sample.answer or replies.fenced(program, sample.language or "python")
        seen: set[str] = set()
        for draw, completion in enumerate(completions):
            text = replies.task_text(completion.text)
            row = sample.grow(
                ctx.step, draw=draw, instruction=text, answer=answer, tests="", task="generation",
                meta={**sample.meta, "inverse_of": sample.id},
            )  # fmt: skip
            reason = replies.defect(completion) or self._fault(text, program)
            if not reason and text in seen:
                reason = "same instruction again"
            seen.add(text)
            yield Drop(row, reason) if reason else row

    def _fault(self, text: str, program: str) -> str:
        gates = (
            ("template leakage", replies.leaks(text)),
            ("too long", len(replies.words(text)) > self.max_words),
            ("too short", len(replies.words(text)) < 4),
            (
                "gives the answer away",
                bool(set(defined(text)) & set(defined(program))) or program.strip() in text,
            ),
        )
        return next((reason for reason, shut in gates if shut), "")


def _program(sample: Sample) -> str:
    """The first code block of the answer, else the raw code."""
    return code_of(sample.answer, sample.language) if sample.answer else sample.code
