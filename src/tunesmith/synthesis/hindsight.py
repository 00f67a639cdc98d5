"""AlchemistPrompts: a preface, written with the answer in sight, that says what the answer really does.

AlchemistCoder (arXiv 2405.19265) sec. 2.2: answers from several sources disagree in style; a model
sees instruction and answer and writes what the instruction should have said (language, algorithm,
expected output). The preface is put before the instruction; instruction and answer stay as they are,
byte for byte. 5% of the rows is best, more widens the gap between domains. The paper does not measure
whether a preface is true or gives the answer away; here both are checked against the answer's code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from .. import replies
from ..code.facts import claimed_imports, claims, code_facts
from ..code.markdown import blocks, code_of, language_name
from ..requests import Completion, Request
from ..sample import Drop, Sample, Verdict
from ..step import Context, Decoding, Step, StepName, Yield

PROMPT = """\
You edit training data for a programming assistant. Below are a programming task and the answer to it. The \
task leaves open some choices that the answer makes.

Write a preface of at most {words} words, so that the task asks for the kind of answer that it has.
- Name the programming language.
- Name the approach and the libraries that the answer really uses.
- State the form of the output.
- Define any special term.
- Claim nothing that is not true of the answer.
- Do not solve the task, and do not quote the answer.

<task>
{instruction}
</task>

<answer>
{answer}
</answer>

Reply with the preface only."""

_LANGUAGES = {
    "python": r"python", "javascript": r"javascript|node\.js", "java": r"java(?!script)",
    "go": r"golang|(?:in|use|using) (?-i:Go)", "c": r"(?:in|use|using) (?-i:C)(?![+#])",
    "cpp": r"c\+\+", "csharp": r"c#|c sharp", "rust": r"rust", "php": r"php", "ruby": r"ruby",
    "typescript": r"typescript", "sql": r"sql",
    "kotlin": r"kotlin", "swift": r"swift", "scala": r"scala", "perl": r"perl", "haskell": r"haskell",
    "bash": r"bash|shell script",
}  # fmt: skip
"""Words that name a language; C and Go are words of their own too, so these must be capitals after "in"."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_COPIED = 6
"""So many code tokens in a row, copied from the answer, give it away."""


class Hindsight(Decoding, Step):
    """Put a truthful preface before some instructions (AlchemistCoder sec. 2.2); pass the others on."""

    renamed: ClassVar[Mapping[str, str]] = {"share": "size"}
    version: ClassVar[str] = "2"

    size: float = Field(default=0.05, ge=0, le=1)
    """Chance of each row to get a preface; ``selection.mark`` with ``marked`` gives exact shares."""
    marked: StepName = ""
    """The ``selection.mark`` step whose rows get a preface; ``size`` is then not used."""
    max_words: int = Field(default=80, gt=0)
    """Longest preface."""
    rejected: Literal["keep", "drop"] = "keep"
    """A row whose preface fails: pass it on without one, with a verdict that says why, or drop it."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if not self._chosen(sample, ctx):
            return []
        prompt = PROMPT.format(words=self.max_words, instruction=sample.instruction, answer=sample.answer)
        facts = {"instruction": sample.instruction, "answer": sample.answer, "language": sample.language}
        return [Request.of(prompt, intent="hindsight", facts=facts, sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if not completions:
            yield sample
            return
        preface = replies.clean(completions[0].text).strip()
        child = sample.grow(
            ctx.step,
            instruction=f"{preface}\n\n{sample.instruction}",
            meta={**sample.meta, "preface": preface},
        )
        reason = replies.defect(completions[0]) or fault(sample, preface, self.max_words)
        if not reason:
            yield child
        elif self.rejected == "drop":
            yield Drop(child, reason)
        else:
            yield sample.judged(Verdict(ctx.step, passed=None, reason=reason))

    def _chosen(self, sample: Sample, ctx: Context) -> bool:
        if not sample.answer.strip():
            return False
        if self.marked:
            return self.marked in sample.meta.get("marks", ())
        return ctx.chance(sample).random() < self.size


def fault(sample: Sample, preface: str, max_words: int) -> str:
    """Why a preface is not fit for a row, or empty text."""
    if len(replies.words(preface)) > max_words:
        return "too long"
    if replies.leaks(preface):
        return "template leakage"
    if blocks(preface) or _copies(sample, preface):
        return "gives the answer away"
    wrong = unfaithful(sample, preface)
    return f"unfaithful: {wrong}" if wrong else ""


def unfaithful(sample: Sample, preface: str) -> str:
    """What kind of claim in a preface the answer's code does not bear out: language, import or approach."""
    tags = {block.language for block in blocks(sample.answer) if block.language}
    known = {language_name(sample.language)} - {""} or tags
    said = {
        name for name, words in _LANGUAGES.items() if re.search(rf"(?<!\w)(?:{words})(?!\w)", preface, re.I)
    }
    if known and said - known:
        return "language"
    facts = code_facts(code_of(sample.answer, "python")) if known <= {"python"} else None
    if facts is None:
        return ""
    if claimed_imports(preface) - facts.imports:
        return "import"
    return "approach" if claims(preface) - facts.traits else ""


def _copies(sample: Sample, preface: str) -> bool:
    """Whether a run of the answer's code stands in the preface but not in the instruction."""
    told = _TOKEN.findall(preface)
    code = _TOKEN.findall(code_of(sample.answer, sample.language))
    asked = _runs(_TOKEN.findall(sample.instruction))
    return bool((_runs(told) & _runs(code)) - asked)


def _runs(tokens: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + _COPIED]) for i in range(len(tokens) - _COPIED + 1)}
