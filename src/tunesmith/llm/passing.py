"""Whether an answer passes: the question, its two replies, and how sure a reply is.

DolphCoder (arXiv 2402.09136) sec. 2.3 has the verdict learnt as text. Whoever makes such rows, and whoever
asks the model that learnt from them, must ask in the same words, so the words stand here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ..exchange import Request
from ..sample import Sample
from . import replies
from .forms import Form, task_and_answer

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


def question(sample: Sample, logprobs: int = 0, form: Form = "plain") -> Request:
    """The question about one answered row; ``logprobs``: how many of the first token to ask for.

    form: in which form it is asked; only ``plain`` is in the words that are learnt.
    """
    labels = ("not passed", "passed") if form == "turned" else ("passed", "not passed")
    shown = task_and_answer(sample.instruction, sample.answer, form, task="Task")
    prompt = f"{_ASKED.format(*labels)}\n\n{shown}"
    facts = {"instruction": sample.instruction, "answer": sample.answer, "language": sample.language}
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
