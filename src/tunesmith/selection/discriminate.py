"""``selection.discriminate``: a model checks each row against rules, one by one, and the row stays or goes.

The discriminator of WaveCoder (arXiv 2312.14187, sec. 2.3): rule after rule, a yes or no with the
reason, then an overall verdict. The rules are data. A verdict that is malformed, incomplete or at odds
with itself is a rejection with that reason, never a crash and never a pass. The analysis stays on the
row (``meta.analysis``), dropped or not: it is what makes a good or a bad example of it. Asked again
(``draw``) or in another form, ``evaluation.retest`` tells whether its verdicts stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from .. import replies
from ..replies import structured
from ..replies.verdict import Form, task_and_answer
from ..requests import Completion, Request
from ..sample import Drop, Sample, Verdict
from ..step import Context, Decoding, Step, Yield

RULES: dict[str, str] = {
    "language named": "The instruction names the programming language or shows code in it.",
    "input is code": "If the task works on existing code, that code is shown, and it is not only comments.",
    "answers the task": "The answer does what the instruction asks, with the information that it gives.",
    "only what is asked": "The answer contains what was asked for and no more. A code answer is code only.",
    "readable": "The logic is easy to follow. It has no needless detours, and names are sensible.",
    "imports present": "Everything that the code uses is defined, imported or stated to exist.",
    "about the input": "The instruction is about its own input. It refers to nothing that is not shown.",
}

PROMPT = """\
You check training examples for a programming assistant. Check the example below against these rules.

Rules:
{rules}

{shown}

First judge each rule by itself. Then reply with a JSON object with two fields:
- "rules": an object that maps the name of each rule to an object with "holds" (true or false) and \
"reason" (one sentence).
- "overall": true if every rule holds, otherwise false."""


class Discriminate(Decoding, Step):
    """Keeps rows of which the model says that every rule holds (WaveCoder sec. 2.3)."""

    filters: ClassVar[bool] = True
    version: ClassVar[str] = "2"

    rules: dict[str, str] = Field(default_factory=lambda: dict(RULES), min_length=1)
    """Rules by name; each says in a sentence what must hold."""
    keep_when: Literal["all_rules", "overall"] = "all_rules"
    """Keep a row when every rule holds and the overall verdict says so, or by the overall verdict alone."""

    form: Form = "plain"
    """In which form to ask: `answer_first`, `turned` (rules in reverse order), `rewrapped` (other fences)."""
    draw: int = Field(default=0, ge=0)
    """Which asking this is; a question asked again needs a number of its own, or its kept reply is read."""

    @field_validator("rules")
    @classmethod
    def _named(cls, rules: dict[str, str]) -> dict[str, str]:
        if not all(name.strip() and text.strip() for name, text in rules.items()):
            raise ValueError("each rule needs a name and a sentence")
        return rules

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        rules = dict(reversed(self.rules.items())) if self.form == "turned" else self.rules
        shown = task_and_answer(sample.instruction, sample.answer, self.form, task="Instruction")
        listed = "\n".join(f"- {name}: {text}" for name, text in rules.items())
        prompt = PROMPT.format(rules=listed, shown=shown)
        facts = {
            "instruction": sample.instruction, "answer": sample.answer, "language": sample.language,
            "task": sample.task, "rules": list(self.rules), "form": self.form,
        }  # fmt: skip
        return [
            Request.of(
                prompt,
                intent="discriminate",
                facts=facts,
                schema=schema(rules),
                draw=self.draw,
                sampling=self.sampling(),
            )
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        reply = replies.clean(completions[0].text) if completions else ""
        record = structured.one_object(reply)
        fault = replies.defect(completions[0]) if completions else "empty"
        if fault or record is None or structured.departs(record, schema(self.rules)):
            yield Drop(sample.noted(reply=reply), fault or "malformed verdict")
            return
        broken = [name for name in self.rules if not record["rules"][name]["holds"]]
        passed = bool(record["overall"]) and not (broken and self.keep_when == "all_rules")
        said = {name: record["rules"][name]["reason"] for name in broken or self.rules}
        first = broken[0] if broken else ""
        reason = "" if passed else f"rule broken: {first}" if first else "overall verdict is no"
        if bool(record["overall"]) and broken and self.keep_when == "all_rules":
            reason = "verdict contradicts itself"
        told = replies.clean(str(said.get(first, "")))
        marked = sample.noted(analysis={name: replies.clean(str(text)) for name, text in said.items()})
        marked = marked.judged(Verdict(ctx.step, passed=passed, reason=told))
        yield marked if passed else Drop(marked, reason)


def schema(rules: Mapping[str, str]) -> dict[str, Any]:
    """The JSON Schema of a verdict on these rules."""
    one = {
        "type": "object",
        "properties": {"holds": {"type": "boolean"}, "reason": {"type": "string"}},
        "required": ["holds", "reason"],
    }
    every = {"type": "object", "properties": dict.fromkeys(rules, one), "required": list(rules)}
    return {
        "type": "object",
        "properties": {"rules": every, "overall": {"type": "boolean"}},
        "required": ["rules", "overall"],
    }
