"""Self-Instruct: a model that has seen some tasks of a pool writes further ones.

How Code Alpaca, WizardCoder's seeds, came to be (Self-Instruct, arXiv 2212.10560, sec. 2.2: tasks in
context, new ones filtered by length, by words for what a text model cannot see, and by ROUGE-L against the
pool). Here the model sees the row and its ``synthesis.companions``; lengths and words are gated here,
novelty is ``selection.novelty`` over the pool and the new tasks. Answers come from ``synthesis.answer``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from pydantic import Field

from .. import replies
from ..replies import structured
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
You extend a collection of programming tasks. Here are some tasks of the collection:

{tasks}

Write {count} new tasks for the collection.
- Each new task must ask for something that no task above and no other new task asks for. Other words are \
not enough.
- Each new task must be self-contained. It states what is given and what is wanted.
- Each new task must have a solution of moderate length in {language}.
- Do not write solutions.

Reply with a JSON object whose field "tasks" is the list of the new tasks, each a string."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"tasks": {"type": "array", "items": {"type": "string"}}},
    "required": ["tasks"],
}
UNSEEN = ("image", "images", "picture", "pictures", "photo", "video", "audio", "music", "draw", "flowchart",
          "diagram")  # fmt: skip
"""What a model that reads text cannot be given or give."""


class SelfInstruct(Decoding, Step):
    """Ask for new tasks in the manner of each row and its companions (Self-Instruct sec. 2.2)."""

    renamed: ClassVar[Mapping[str, str]] = {"count": "n"}
    version: ClassVar[str] = "2"

    n: int = Field(default=4, ge=1)
    """New tasks per row."""
    min_words: int = Field(default=3, ge=1)
    """Fewest words of a task."""
    max_words: int = Field(default=150, ge=1)
    """Most words of a task."""
    forbid: tuple[str, ...] = UNSEEN
    """Words that a task must not hold, upper or lower case."""

    def expects(self, rows: int) -> int:
        return rows * self.n

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if not sample.instruction.strip():
            return []
        shown = [sample.instruction, *sample.meta.get("companions", ())]
        prompt = PROMPT.format(
            tasks="\n\n".join(f"{place}. {text}" for place, text in enumerate(shown, start=1)),
            count=self.n, language=sample.language or "a common language",
        )  # fmt: skip
        facts = {"tasks": shown, "count": self.n, "language": sample.language}
        return [
            Request.of(prompt, intent="self_instruct", facts=facts, schema=SCHEMA, sampling=self.sampling())
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield Drop(sample, "no instruction")
            return
        reply = replies.clean(completions[0].text)
        record, reason = structured.one_object(reply), replies.defect(completions[0])
        tasks = [] if record is None or structured.departs(record, SCHEMA) else list(record["tasks"])
        if reason or not tasks:
            yield Drop(sample.noted(reply=reply), reason or "no list of tasks")
            return
        kept = {key: value for key, value in sample.meta.items() if key != "companions"}
        for draw, task in enumerate(tasks[: self.n]):
            text = replies.clean(str(task)).strip()
            child = sample.grow(
                ctx.step, draw=draw, instruction=text, answer="", tests="", code="",
                meta={**kept, "grown_from": sample.instruction},
            )  # fmt: skip
            reason = self._fault(text, sample)
            yield Drop(child, reason) if reason else child

    def _fault(self, text: str, sample: Sample) -> str:
        """Why a text is no new task, or empty text."""
        said = replies.words(text)
        shown = [sample.instruction, *sample.meta.get("companions", ())]
        gates = (
            ("too short", len(said) < self.min_words),
            ("too long", len(said) > self.max_words),
            ("template leakage", replies.leaks(text)),
            ("a task that was shown", any(said == replies.words(str(other)) for other in shown)),
            ("beyond text", bool(self.forbid) and bool(_any_of(self.forbid).search(text))),
            ("begins oddly", not text[:1].isalnum() and text[:1] not in "`\"'("),
        )
        return next((reason for reason, shut in gates if shut), "")


@cache
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)
