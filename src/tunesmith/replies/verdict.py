"""Two-sided verdicts in replies (yes or no, passed or not passed), and the question whether an answer passes.

DolphCoder (arXiv 2402.09136) sec. 2.3 trains a model to give the verdict as text. The training rows and
the questions to that model must use the same words, so both take them from here.

Verdicts of language models change with the order in which things are shown (Wang et al. 2023, 2305.17926) and
with how they are wrapped. A question can be asked in another form, which changes nothing that the verdict
should depend on:

| form             | what differs                                                        |
|------------------|---------------------------------------------------------------------|
| ``plain``        | nothing                                                             |
| ``answer_first`` | the answer comes before the task                                    |
| ``turned``       | the choices, or the points to check, come in reverse order          |
| ``rewrapped``    | the answer's code is fenced with the other sign, or fenced at all   |
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .. import replies
from ..code.markdown import blocks
from ..requests import Request
from ..sample import Sample

_ASKED = 'Does this answer solve the programming task? Reply "{}" or "{}".'
QUESTION = f"""\
{_ASKED.format("passed", "not passed")}

Task:
{{instruction}}

Answer:
{{answer}}"""
LABELS = {True: "passed", False: "not passed"}
INTENT = "judge"
_BEFORE = re.compile(
    r"\A\W*(?:(?:the |this )?(?:answer|verdict|solution|it)\W+(?:is |has |does |would )?)?", re.IGNORECASE
)
"""What may come before the verdict: signs, and "the answer is"."""


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """The words of a two-sided verdict, and how to read one from a reply.

    positive, negative: lower-case phrases; a blank in one also matches ``-`` and ``_``.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]

    def read(self, text: str) -> bool | None:
        """The verdict that a reply begins with; None where it begins with no such word."""
        said = re.sub(r"[ _-]+", " ", _BEFORE.sub("", replies.clean(text), count=1)[:40].lower())
        for label, phrases in ((False, self.negative), (True, self.positive)):
            if any(re.match(rf"{phrase}\b", said) for phrase in phrases):
                return label
        return None

    def probability(self, first: Mapping[str, float]) -> float | None:
        """P(positive) / (P(positive) + P(negative)) from first-token log-probabilities; None without either.

        A token counts for a side if it is the beginning of one of its phrases: small vocabularies cut
        ``passed`` into pieces. A token that begins phrases of both sides counts for neither.
        """
        mass = [0.0, 0.0]
        for token, logprob in first.items():
            said = token.strip().lower()
            sides = [any(p.startswith(said) for p in phrases) for phrases in (self.negative, self.positive)]
            if said and sides[0] != sides[1]:
                mass[sides[1]] += math.exp(min(logprob, 0.0))
        total = sum(mass)
        return mass[True] / total if total > 0 else None


PASSED = VerdictWords(
    ("passed", "pass", "passes", "yes", "correct"),
    ("not passed", "not pass", "failed", "fails", "fail", "no", "incorrect"),
)
YES_NO = VerdictWords(("yes",), ("no",))
EQUAL = VerdictWords(("equal", "the same"), ("not equal", "unequal", "different"))

Form = Literal["plain", "answer_first", "turned", "rewrapped"]
_SHORTEST = 3


def question(sample: Sample, logprobs: int = 0, form: Form = "plain") -> Request:
    """The question about one answered row; ``logprobs``: how many of the first token to ask for.

    form: how it is put; only ``plain`` uses the words that a model is trained on.
    """
    labels = ("not passed", "passed") if form == "turned" else ("passed", "not passed")
    shown = task_and_answer(sample.instruction, sample.answer, form, task="Task")
    prompt = f"{_ASKED.format(*labels)}\n\n{shown}"
    facts = {
        "instruction": sample.instruction, "answer": sample.answer, "language": sample.language, "form": form,
    }  # fmt: skip
    return Request(Request.of(prompt).messages, intent=INTENT, facts=facts, logprobs=logprobs)


def task_and_answer(instruction: str, answer: str, form: Form, *, task: str) -> str:
    """The task and the answer to be judged; ``task``: the heading of the instruction."""
    shown = rewrapped(answer) if form == "rewrapped" else answer
    parts = [f"{task}:\n{instruction}", f"Answer:\n{shown}"]
    return "\n\n".join(parts[::-1] if form == "answer_first" else parts)


def rewrapped(text: str) -> str:
    """``text`` with tildes for backticks around its code, or the reverse; all in one fence if it has none.

    Only the fences change; a block that never ends keeps its own.
    """
    fences = blocks(text)
    if not fences:
        return replies.fenced(text)
    parts, position = [], 0
    for block in fences:
        body = text.find("\n", block.start) + 1
        if not block.closed:
            break
        end = text.find("\n", body + len(block.code))
        end = len(text) if end < 0 else end
        opened = text[block.start : body].strip()
        sign = "~" if opened[0] == "`" else "`"
        mark = sign * (max([_SHORTEST - 1, *map(len, _runs(block.code, sign))]) + 1)
        parts.append(f"{text[position : block.start]}{mark}{opened.lstrip('`~')}\n{block.code}{mark}")
        position = end
    return "".join([*parts, text[position:]])


def _runs(text: str, sign: str) -> list[str]:
    """The runs of ``sign`` that begin a line of ``text``."""
    begun = (line.lstrip() for line in text.splitlines())
    return [line[: len(line) - len(line.lstrip(sign))] for line in begun]
