"""Diverse instruction tuning: several answers to one instruction, each under another system prompt.

DolphCoder (arXiv 2402.09136) sec. 2.2: a model answers the same instruction under different system
prompts, so that the student sees several ways from one question. Gains grow with the number of answers
up to three to six. The paper's prompts are not published; these are ours. Whether the answers differ in
*strategy* and not in wording only is for ``verification.strategy`` to measure. The way to an answer can be
asked for in so many words, and is then told apart from the code and kept with the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, get_args

from pydantic import Field, model_validator

from .. import replies
from ..code.markdown import blocks, program_block
from ..requests import Completion, Request
from ..sample import Drop, Json, Sample
from ..step import Context, Decoding, Step, Yield

Persona = Literal[
    "terse", "tutor", "planner", "tester", "simple_first",
    "efficient", "functional", "defensive", "reviewer", "standard_library",
]  # fmt: skip

PERSONAS: dict[Persona, str] = {
    "terse": "You are a programmer of few words. Reply with one code block and at most one sentence.",
    "tutor": "You teach programming. Explain the idea in everyday words. Then show commented code.",
    "planner": "Before any code, write a numbered plan of the steps. Then write code that follows the plan.",
    "tester": "List the inputs that usually break such programs. Then write code that handles them.",
    "simple_first": "First describe the obvious solution and its cost. Then write a better one in code.",
    "efficient": "You care about time and memory. Choose data structures with care. State both complexities.",
    "functional": "You prefer pure functions and expressions to mutable state. Write code in that style.",
    "defensive": "You write production code: clear names, checked arguments and helpful error messages.",
    "reviewer": "Write the code. Then review it as a colleague would, and explain why it is correct.",
    "standard_library": "You know the standard library well. Use it wherever it can do the work.",
}
REASON = """\
In that style, reason in words before the code: state what is asked, which approaches are possible, which \
one you choose and why. Then give the whole program in one fenced code block."""


class Diversify(Decoding, Step):
    """Answer each instruction under several personas (DolphCoder sec. 2.2); one child per persona."""

    renamed: ClassVar[Mapping[str, str]] = {"per_instruction": "n"}
    version: ClassVar[str] = "2"

    personas: tuple[Persona, ...] = Field(default=get_args(Persona), min_length=1)
    """The bank of system prompts to draw from."""
    n: int = Field(default=6, ge=1)
    """Answers per instruction, each under another persona. The paper's gains flatten past 3 to 6."""
    reasoning: Literal["unasked", "taught", "apart"] = "unasked"
    """Whether reasoning is asked for before the code; what came before it is then `meta.rationale`.
    `taught`: the answer keeps it, so a student learns it. `apart`: the answer begins at the code, and the
    row has no system text, which asked for more than that."""

    @model_validator(mode="after")
    def _enough_personas(self) -> Diversify:
        if len(set(self.personas)) < len(self.personas):
            raise ValueError("personas: one is named twice")
        if self.n > len(self.personas):
            raise ValueError(f"n: {self.n} answers need as many personas")
        return self

    def expects(self, rows: int) -> int:
        return rows * self.n

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        facts: dict[str, Json] = {"instruction": sample.instruction, "language": sample.language}
        if self.reasoning != "unasked":
            facts["reasoning"] = True
        return [
            Request.of(
                sample.instruction, system=self._system(persona), intent="answer", sampling=self.sampling(),
                facts={**facts, "persona": persona},
            )
            for persona in self._drawn(sample, ctx)
        ]  # fmt: skip

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        drawn = self._drawn(sample, ctx)
        seen: set[str] = set()
        for draw, (persona, completion) in enumerate(zip(drawn, completions, strict=False)):
            text = replies.clean(completion.text)
            way, answer = self._told_apart(text, sample.language)
            kept = {} if way is None else {"rationale": way}
            child = sample.grow(
                ctx.step, draw=draw, answer=answer,
                system="" if self.reasoning == "apart" else self._system(persona),
                meta={**sample.meta, "persona": persona, "answered_by": completion.model, **kept},
            )  # fmt: skip
            reason = replies.defect(completion) or self._amiss(text, way)
            if not reason and text in seen:
                reason = "same answer again"
            seen.add(text)
            yield Drop(child, reason) if reason else child

    def _system(self, persona: Persona) -> str:
        return PERSONAS[persona] if self.reasoning == "unasked" else f"{PERSONAS[persona]}\n\n{REASON}"

    def _told_apart(self, text: str, language: str) -> tuple[str | None, str]:
        """What a reply says before its program (None where that was not asked for), and the answer."""
        block = None if self.reasoning == "unasked" else program_block(text, language)
        if block is None:
            return None, text
        return text[: block.start].strip(), text[block.start :] if self.reasoning == "apart" else text

    def _amiss(self, text: str, way: str | None) -> str:
        """What a reply lacks; empty where it has all that was asked for."""
        if any(not block.closed for block in blocks(text)):
            return "cut off"
        if self.reasoning == "unasked":
            return ""
        if way is None:
            return "no code"
        return "" if replies.words(way) else "no reasoning"

    def _drawn(self, sample: Sample, ctx: Context) -> list[Persona]:
        """The personas for one row, each at most once."""
        return ctx.chance(sample).sample(self.personas, self.n)
