"""Code Evol-Instruct: rewrite a programming task into a harder one by one of five heuristics.

WizardCoder (arXiv 2306.08568) sec. 2: general Evol-Instruct without deepening and in-breadth, plus
two heuristics for code: an erroneous reference program, and tighter time or space complexity. The
paper does not say how the heuristic is chosen; here it is seeded chance with ``weights``. The model
sees the task only. The child carries the new instruction, no answer and no tests: those of the
parent were for another task. One round per step; ``repeat`` in the recipe makes rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, field_validator

from .. import replies
from ..code.markdown import blocks, defined
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

Heuristic = Literal["constraints", "replace", "reason", "misdirect", "complexity"]

METHODS: dict[Heuristic, str] = {
    "constraints": "Add one or two requirements that the solution must meet, in about ten more words.",
    "replace": "Replace a requirement that many tasks share with a rarer and more specific one.",
    "reason": "If a few obvious steps solve the task, change it so that it needs more reasoning steps.",
    "misdirect": (
        "Include a short program in a Markdown code block that looks like a solution but is wrong. State "
        "that it is a failed attempt. The task must still ask for a correct solution."
    ),
    "complexity": "Require less time or memory than the straightforward solution needs. State the bound.",
}

WEIGHTS: dict[Heuristic, float] = {
    "constraints": 1.0,
    "replace": 1.0,
    "reason": 1.0,
    "misdirect": 1.0,
    "complexity": 0.5,
}
"""The paper asks for tighter complexity sparingly and says no more about the choice."""

PROMPT = """\
You write programming exercises. Write a somewhat harder version of the task below.

How to make it harder: {method}

Requirements:
- You may combine this method with ideas of your own.
- The new task must be self-contained and solvable.
- It must keep the programming language of the original task.
- It must be at most {growth} words longer than the original task.

<task>
{instruction}
</task>

Reply with the text of the new task only. Do not add a solution, a title or comments."""


class Evolve(Decoding, Step):
    """Make each instruction harder by one heuristic (WizardCoder sec. 2). One child per row."""

    version: ClassVar[str] = "2"

    weights: dict[Heuristic, Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: dict(WEIGHTS))
    """How often each heuristic is chosen, relative to the others; one left out is never chosen."""
    growth: int = Field(default=60, gt=0)
    """Most words that the model is told to add."""
    max_words: int = Field(default=600, gt=0)
    """Longer new instructions are dropped."""

    @field_validator("weights")
    @classmethod
    def _some_weight(cls, weights: dict[Heuristic, float]) -> dict[Heuristic, float]:
        if sum(weights.values()) <= 0:
            raise ValueError(f"one of {', '.join(get_args(Heuristic))} needs a weight above 0")
        return weights

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        heuristic = self._heuristic(sample, ctx)
        prompt = PROMPT.format(method=METHODS[heuristic], growth=self.growth, instruction=sample.instruction)
        facts = {
            "instruction": sample.instruction,
            "answer": sample.answer,
            "language": sample.language,
        }
        return [Request.of(prompt, intent=f"evolve.{heuristic}", facts=facts, sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        heuristic = self._heuristic(sample, ctx)
        for completion in completions:
            text = replies.task_text(completion.text)
            child = sample.grow(
                ctx.step, instruction=text, answer="", tests="", code="",
                meta={**sample.meta, "heuristic": heuristic, "evolved_from": sample.instruction,
                      "evolutions": int(sample.meta.get("evolutions", 0)) + 1},
            )  # fmt: skip
            reason = replies.defect(completion) or self._fault(sample.instruction, text)
            yield Drop(child, reason) if reason else child

    def _heuristic(self, sample: Sample, ctx: Context) -> Heuristic:
        names: list[Heuristic] = [name for name in get_args(Heuristic) if self.weights.get(name)]
        chosen: list[Heuristic] = ctx.chance(sample).choices(names, [self.weights[name] for name in names])
        return chosen[0]

    def _fault(self, parent: str, text: str) -> str:
        """Why a new instruction is none, or empty text."""
        said = replies.words(text)
        if replies.leaks(text):
            return "template leakage"
        if said == replies.words(parent):
            return "same as parent"
        if len(said) > self.max_words:
            return "too long"
        return "answered, not evolved" if _answers(text) else ""


def _answers(text: str) -> bool:
    """Whether a reply is a program rather than a task: the slip of a model tuned to answer."""
    if defined(text):
        return True
    return bool(blocks(text)) and len(replies.words(replies.prose(text))) < 4
