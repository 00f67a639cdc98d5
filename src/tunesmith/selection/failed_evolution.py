"""``selection.failed_evolution``: drop evolved rows that failed, each with its reason.

WizardCoder only says that some evolutions fail; the rules are those of WizardLM (arXiv 2304.12244,
sec. 3.2): nothing gained over the parent, a short refusal as answer, an answer of stop words only, words of
the template in the instruction. Added here are limits of length, answers that do not parse, and answers that
repeat the wrong program of the task. ``meta.heuristic`` and ``meta.evolutions`` stay on dropped rows, so that
drops can be counted by heuristic and round. ``selection.no_gain`` asks a model whether a task is really new.
"""

from __future__ import annotations

import re

from pydantic import Field

from .. import replies
from ..code.find_program import code_of
from ..code.markdown import blocks, fingerprint, parse
from ..sample import Drop, Sample
from ..step import Context, Step, Yield

_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an and are as at be but by can do for from has have here i if in is it its no not of ok okay on or
        so sure that the there this to was we well what will with yes you your
        """,
    )
)


class FailedEvolution(Step):
    """Drops failed evolutions. Rows that were not evolved are checked by the rules that need no parent."""

    min_new_words: int = Field(default=1, ge=0)
    """Fewest words, without stop words, that are in the new instruction and not in its parent."""
    max_instruction_words: int = Field(default=600, gt=0)
    """Longer instructions are dropped."""
    max_answer_words: int = Field(default=2000, gt=0)
    """Longer answers are dropped."""
    parses: bool = True
    """Whether a Python answer must parse."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        reason = self.fault(sample)
        yield Drop(sample, reason) if reason else sample

    def fault(self, sample: Sample) -> str:
        """Why an evolved row is dropped, or empty text."""
        return self._instruction_fault(sample) or (self._answer_fault(sample) if sample.answer else "")

    def _instruction_fault(self, sample: Sample) -> str:
        said, parent = replies.words(sample.instruction), str(sample.meta.get("evolved_from", ""))
        gates = (
            ("empty instruction", not set(said) - _STOP_WORDS),
            ("instruction refuses", replies.refuses(sample.instruction)),
            ("template leakage", replies.leaks(sample.instruction)),
            ("instruction too long", len(said) > self.max_instruction_words),
            ("no gain over the parent", bool(parent) and not self._gains(said, replies.words(parent))),
        )
        return next((reason for reason, shut in gates if shut), "")

    def _gains(self, said: list[str], parent: list[str]) -> bool:
        """Whether enough words are new. Numbers and code count; another order of the same words does not."""
        return len(set(said) - set(parent) - _STOP_WORDS) >= self.min_new_words and sorted(said) != sorted(
            parent
        )

    def _answer_fault(self, sample: Sample) -> str:
        said = replies.words(sample.answer)
        python = sample.language in ("", "python") and (bool(blocks(sample.answer)) or sample.language != "")
        gates = (
            ("answer refuses", replies.refuses(sample.answer)),
            ("answer of stop words only", not set(said) - _STOP_WORDS),
            ("answer too long", len(said) > self.max_answer_words),
            ("answer does not parse", self.parses and python and _unparsable(sample)),
            ("answer is the faulty code", _hands_back(sample)),
        )
        return next((reason for reason, shut in gates if shut), "")


def _unparsable(sample: Sample) -> bool:
    found = [block for block in blocks(sample.answer) if block.language in ("python", "")]
    if any(not block.closed for block in found):
        return True
    if not found and blocks(sample.answer):
        return False
    return parse(code_of(sample.answer, "python")) is None


def _hands_back(sample: Sample) -> bool:
    """Whether the answer to a misdirected task is the wrong program that the task shows."""
    if sample.meta.get("heuristic") != "misdirect":
        return False
    shown = {fingerprint(block.code) for block in blocks(sample.instruction)}
    return fingerprint(code_of(sample.answer, sample.language)) in shown
