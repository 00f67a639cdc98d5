"""``verification.parse``: marks whether each row's program is a program at all; nothing runs.

The cheapest of the checks by tools rather than by opinion that WaveCoder's discriminator and
AlchemistCoder's review task lean on (2312.14187, Section 2.3; 2405.19265, Section 2.3). Python is
read with its own parser, other languages with their tree-sitter grammar where that is installed.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ..code.find_program import code_of
from ..code.grammars import has_grammar, syntax
from ..code.markdown import language_name, parse
from ..sample import Sample, Verdict
from ..step import Context, Step, Yield


class Parse(Step):
    """Marks each row: True where its program parses, False where not, None where no grammar is at hand."""

    version: ClassVar[str] = "2"

    program: Literal["answer", "code"] = "answer"
    """Where the program is: in the row's `answer` (its first fenced block, or all of it) or its `code`."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        text = code_of(sample.answer, sample.language) if self.program == "answer" else sample.code
        passed, reason = parses(text, sample.language)
        yield sample.judged(Verdict(ctx.step, passed=passed, reason=reason))


def parses(text: str, language: str) -> tuple[bool | None, str]:
    """Whether ``text`` is a program in ``language`` (empty: Python), and why not or why unknown."""
    language = language_name(language or "python")
    if not text.strip():
        return False, "empty"
    if language == "python":
        passed = parse(text) is not None
    elif has_grammar(language):
        passed = not syntax(text, language).root_node.has_error
    else:
        return None, f"no grammar for {language}"
    return passed, "" if passed else "does not parse"
