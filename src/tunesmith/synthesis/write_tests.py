"""Write tests for an instruction before, and apart from, any answer to it.

Generated tests decide more about data quality than an opinion does, but one wrong test fails a right
answer (XCoder, arXiv 2409.03810, table 6), so tests are written one fact per ``assert`` and are
weighed against each other later (``verification.consensus``). The model does not see the answer
unless ``show_answer``: tests copied from an answer prove nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from .. import replies
from ..code.markdown import code_of, defined, parse
from ..requests import Completion, Request
from ..sample import Drop, Sample, Verdict
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Write tests for the programming task below. The solution will be a {language} program{named}. The tests run \
after it, in the same file.

Requirements:
- Write plain `assert` statements at the top level, at most {count} of them. Each checks one fact.
- Derive every expected value from the task, not from a possible implementation.
- Cover an ordinary case, an empty or smallest case, and the invalid input that the task mentions.
- Do not use a test framework, files, the network, randomness or the clock.

<task>
{instruction}
</task>
{solution}
Reply with one {language} code block that contains only the tests."""


class WriteTests(Decoding, Step):
    """Ask for tests of each instruction; the child differs from its parent in ``tests`` only."""

    renamed: ClassVar[Mapping[str, str]] = {"count": "n"}
    version: ClassVar[str] = "2"

    n: int = Field(default=10, gt=0)
    """Most tests to ask for."""
    show_answer: bool = False
    """Let the model see the row's answer. Then the tests are no independent evidence for it."""
    keep_tested: bool = True
    """Pass on a row that has tests already, unchanged."""
    untested: Literal["drop", "keep"] = "drop"
    """A row for which no tests came: drop it, or pass it on as it is, with an unknown verdict and why."""

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        if self._untestable(sample) or (self.keep_tested and sample.tests):
            return []
        code = code_of(sample.answer or sample.code, sample.language)
        entry = next(iter(defined(code)), "")
        prompt = PROMPT.format(
            language=sample.language or "python", count=self.n, instruction=sample.instruction,
            named=f" that defines `{entry}`" if entry else "",
            solution=f"\nA solution:\n{replies.fenced(code)}\n" if self.show_answer and code else "",
        )  # fmt: skip
        facts = {"instruction": sample.instruction, "language": sample.language, "entry_point": entry}
        facts["code"] = code if self.show_answer else ""
        return [Request.of(prompt, intent="write_tests", facts=facts, sampling=self.sampling())]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        if self.keep_tested and sample.tests:
            yield sample
            return
        reason = self._untestable(sample)
        if reason:
            yield self._without(sample, reason, ctx)
            return
        for completion in completions:
            tests = code_of(replies.clean(completion.text), "python").strip("\n")
            child = sample.grow(ctx.step, tests=tests)
            reason = replies.defect(completion) or _fault(tests)
            if not reason:
                yield child
            else:
                yield Drop(child, reason) if self.untested == "drop" else self._without(sample, reason, ctx)

    def _without(self, sample: Sample, reason: str, ctx: Context) -> Sample | Drop:
        if self.untested == "drop":
            return Drop(sample, reason)
        return sample.judged(Verdict(ctx.step, passed=None, reason=f"no tests: {reason}"))

    def _untestable(self, sample: Sample) -> str:
        if sample.language not in ("", "python"):
            return f"no tests for {sample.language}"
        return "" if sample.instruction.strip() else "no instruction"


def _fault(tests: str) -> str:
    """Why a text is no set of tests, or empty text."""
    tree = parse(tests)
    if tree is None:
        return "tests do not parse"
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert | ast.Raise)]
    if not checks:
        return "tests check nothing"
    trivial = all(isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) for node in checks)
    return "tests check nothing" if trivial else ""
