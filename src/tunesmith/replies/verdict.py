"""Whether an answer passes: the question, its two replies, and how sure a reply is.

DolphCoder (arXiv 2402.09136) sec. 2.3 has the verdict learnt as text. Whoever makes such rows, and whoever
asks the model that learnt from them, must ask in the same words, so the words stand here.

The same question in another form, to find out whether a judge goes by the form.

Verdicts of language models change with the order in which things are shown (Wang et al. 2023, 2305.17926) and
with how they are wrapped. No form here adds or takes away anything that bears on the verdict.

| form             | what differs                                                        |
|------------------|---------------------------------------------------------------------|
| ``plain``        | nothing                                                             |
| ``answer_first`` | the answer stands above the task                                    |
| ``turned``       | what there is to choose from or to check, in reverse order          |
| ``rewrapped``    | the answer's code stands in fences of the other kind, or in one     |
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
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

_SAID = re.compile(
    r"\W*(?:(?:the |this )?(?:answer|verdict|solution|it)\W+(?:is |has |does |would )?)?"
    r"(not[ _-]pass(?:ed)?|fail(?:ed|s)?|no|incorrect|pass(?:ed|es)?|yes|correct)\b",
    re.IGNORECASE,
)
_POSITIVE = ("pass", "yes", "correct")
_WORDS = {True: ("passed", "yes", "correct"), False: ("not", "failed", "incorrect")}

Form = Literal["plain", "answer_first", "turned", "rewrapped"]
_SHORTEST = 3


def question(sample: Sample, logprobs: int = 0, form: Form = "plain") -> Request:
    """The question about one answered row; ``logprobs``: how many of the first token to ask for.

    form: in which form it is asked; only ``plain`` is in the words that are learnt.
    """
    labels = ("not passed", "passed") if form == "turned" else ("passed", "not passed")
    shown = task_and_answer(sample.instruction, sample.answer, form, task="Task")
    prompt = f"{_ASKED.format(*labels)}\n\n{shown}"
    facts = {
        "instruction": sample.instruction, "answer": sample.answer, "language": sample.language, "form": form,
    }  # fmt: skip
    return Request(Request.of(prompt).messages, intent=INTENT, facts=facts, logprobs=logprobs)


def verdict(text: str) -> bool | None:
    """The verdict that a reply begins with; None where it gives none."""
    found = _SAID.match(replies.clean(text))
    return None if found is None else found[1].lower().startswith(_POSITIVE)


def p_pass(first: Mapping[str, float]) -> float | None:
    """P(passed) / (P(passed) + P(not passed)) from log-probabilities of first tokens, or None.

    A token counts for a verdict if it is one of its words or the beginning of one: small vocabularies
    cut ``passed`` into pieces. No beginning is shared by words of both kinds.
    """
    mass = {True: 0.0, False: 0.0}
    for token, logprob in first.items():
        said = token.strip().lower()
        for label, words in _WORDS.items():
            if said and any(word.startswith(said) for word in words):
                mass[label] += math.exp(min(logprob, 0.0))
    total = mass[True] + mass[False]
    return mass[True] / total if total > 0 else None


def task_and_answer(instruction: str, answer: str, form: Form, *, task: str) -> str:
    """The part of a question that shows what is judged; ``task``: how the instruction is headed."""
    shown = rewrapped(answer) if form == "rewrapped" else answer
    parts = [f"{task}:\n{instruction}", f"Answer:\n{shown}"]
    return "\n\n".join(parts[::-1] if form == "answer_first" else parts)


def rewrapped(text: str) -> str:
    """``text`` with tildes for backticks around its code, and the other way round; in a fence if it has none.

    What is inside and between the blocks stays as it is, and so does a block that never ends.
    """
    found = blocks(text)
    if not found:
        return replies.fenced(text)
    kept, position = [], 0
    for block in found:
        body = text.find("\n", block.start) + 1
        if not block.closed:
            break
        end = text.find("\n", body + len(block.code))
        end = len(text) if end < 0 else end
        opened = text[block.start : body].strip()
        sign = "~" if opened[0] == "`" else "`"
        mark = sign * (max([_SHORTEST - 1, *map(len, _runs(block.code, sign))]) + 1)
        kept.append(f"{text[position : block.start]}{mark}{opened.lstrip('`~')}\n{block.code}{mark}")
        position = end
    return "".join([*kept, text[position:]])


def _runs(text: str, sign: str) -> list[str]:
    """The runs of ``sign`` that begin a line of ``text``."""
    begun = (line.lstrip() for line in text.splitlines())
    return [line[: len(line) - len(line.lstrip(sign))] for line in begun]
