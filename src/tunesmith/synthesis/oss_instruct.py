"""OSS-Instruct: a few lines of real code inspire a new problem and its solution.

Magicoder (arXiv 2312.02120) sec. 2: 1 to 15 consecutive lines at a random place of a file are shown to
a model, which invents a self-contained problem and solves it; the fragment is inspiration, not input.
A solution that merely gives the fragment back is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from .. import replies
from ..code.markdown import blocks, code_of, parse
from ..replies import structured
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
You write programming exercises. Take an idea from the code fragment below, turn it into a new programming \
problem, and solve that problem.

Fragment{of_language}:
{fragment}

Requirements:
- The problem must be self-contained. Its readers do not see the fragment, so do not mention it.
- The problem states the inputs, the expected result and every rule that matters.
- The solution is complete and correct {language} code with its imports, in one Markdown code block.

Reply with a JSON object with two string fields: "problem" and "solution"."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"problem": {"type": "string"}, "solution": {"type": "string"}},
    "required": ["problem", "solution"],
}


class OssInstruct(Decoding, Step):
    """Ask for a problem and a solution inspired by some lines of each row's code (Magicoder sec. 2)."""

    version: ClassVar[str] = "2"

    min_lines: int = Field(default=1, ge=1)
    """Fewest lines of a fragment that are not blank."""
    max_lines: int = Field(default=15, ge=1)
    """Most lines of a fragment."""

    @model_validator(mode="after")
    def _some_lines(self) -> OssInstruct:
        if self.min_lines > self.max_lines:
            raise ValueError(f"min_lines: {self.min_lines} is more than max_lines: {self.max_lines}")
        return self

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        fragment = self._fragment(sample, ctx)
        if not fragment:
            return []
        language = sample.language or "python"
        prompt = PROMPT.format(
            of_language=f" ({sample.language})" if sample.language else "", language=language,
            fragment=replies.fenced(fragment, sample.language),
        )  # fmt: skip
        facts = {"fragment": fragment, "language": sample.language}
        return [
            Request.of(prompt, intent="oss_instruct", facts=facts, schema=SCHEMA, sampling=self.sampling())
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield Drop(sample, "too little code")
            return
        reply = replies.clean(completions[0].text)
        record, reason = structured.one_object(reply), replies.defect(completions[0])
        reason = reason or ("not one record" if record is None else "")
        if reason or record is None or structured.departs(record, SCHEMA):
            yield Drop(sample.noted(reply=reply), reason or "missing field")
            return
        yield self._row(sample, record, ctx)

    def _row(self, sample: Sample, record: Mapping[str, str], ctx: Context) -> Sample | Drop:
        fragment, language = self._fragment(sample, ctx), sample.language or "python"
        problem, solution = (replies.clean(record[key]).strip() for key in ("problem", "solution"))
        row = sample.grow(
            ctx.step, task="generation", language=language, instruction=problem, tests="",
            answer=replies.labelled(solution, language), meta={**sample.meta, "fragment": fragment},
        )  # fmt: skip
        code = code_of(row.answer, language)
        gates = (
            ("empty field", not problem or not solution),
            ("cut off", any(not block.closed for block in blocks(row.answer))),
            ("template leakage", replies.leaks(problem)),
            ("about the fragment", "fragment" in replies.words(problem)),
            ("solution does not parse", language == "python" and parse(code) is None),
            ("solution is the fragment", code.split() in (fragment.split(), sample.code.split())),
        )
        reason = next((reason for reason, shut in gates if shut), "")
        return Drop(row, reason) if reason else row

    def _fragment(self, sample: Sample, ctx: Context) -> str:
        """Consecutive lines of the row's code; empty where it has fewer than ``min_lines``."""
        lines = sample.code.split("\n")
        chance = ctx.chance(sample)
        wanted = chance.randint(self.min_lines, self.max_lines)
        start = chance.randrange(max(1, len(lines) - wanted + 1))
        taken = lines[start : start + wanted]
        solid = [line for line in (taken if any(map(str.strip, taken)) else lines[:wanted]) if line.strip()]
        return "\n".join(solid) if len(solid) >= self.min_lines else ""
