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
from ..step import Context, Step, Yield

Heuristic = Literal["constraints", "replace", "reason", "misdirect", "complexity"]

METHODS: dict[Heuristic, str] = {
    "constraints": "Add one or two requirements that the solution must meet too, in about ten further words.",
    "replace": "Take a requirement that many tasks share and put a rarer, more specific one in its place.",
    "reason": "If the task falls in a few obvious steps, change it so that more steps of thought are needed.",
    "misdirect": (
        "Include a short program that looks like a solution but is wrong, say that it is an attempt "
        "that fails, and let the task be to solve it correctly all the same."
    ),
    "complexity": "Ask for less running time or memory than the plain solution needs, and name the bound.",
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
Between the marks stands a programming task. Write a version of it that is somewhat harder.

How to make it harder: {method}
You may combine this with ideas of your own. The new task must make sense by itself, must be solvable,
must stay with the programming language of the old one, and must not grow by more than {growth} words.

<task>
{instruction}
</task>

Reply with the text of the new task and nothing else: no solution, no title, no remark."""


class Evolve(Step):
    """Make each instruction harder by one heuristic (WizardCoder sec. 2). One child per row."""

    version: ClassVar[str] = "1"

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
        return [Request.of(prompt, intent=f"evolve.{heuristic}", facts=facts)]

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
