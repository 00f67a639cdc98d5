"""The way back from a summary: code is written again from the summary alone.

WaveCoder (arXiv 2312.14187) takes summaries on trust (checklist 43). A summary that leaves out what
matters cannot be turned back into code that does the same, so each summary row gets children whose
answers were written by a model that saw the summary and the function's head, never the code. A child
carries the original as ``code`` and its tests (``meta.reference_tests`` of the summary row) as
``tests``, so ``verification.execute`` can run it; ``verification.round_trip`` does that too and brings
the verdict back to the summary. Code blocks inside a summary are not shown.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from .. import replies
from ..code.markdown import blocks, code_of, defined, parse, unparsed
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import Context, Decoding, Step, Yield

PROMPT = """\
Write the Python function `{head}` from this description:

{summary}

Reply with one Python code block that contains only the function and the imports that it needs."""


class RoundTrip(Decoding, Step):
    """Ask for code from each summary alone; the summary row passes on, the code comes as its child."""

    renamed: ClassVar[Mapping[str, str]] = {"draws": "n"}
    version: ClassVar[str] = "2"

    n: int = Field(default=1, ge=1)
    """Times the code is written again from one summary."""

    def expects(self, rows: int) -> int:
        return rows * (1 + self.n)

    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]:
        summary, head = _told(sample)
        if not summary or not head:
            return []
        prompt = PROMPT.format(head=head, summary=summary)
        facts = {"instruction": summary, "language": "python", "head": head}
        return [
            Request.of(
                prompt, intent="answer", facts=facts, draw=sample.draw + draw, sampling=self.sampling()
            )
            for draw in range(self.n)
        ]

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield:
        yield sample
        summary, head = _told(sample)
        for draw, completion in enumerate(completions):
            answer = replies.labelled(replies.clean(completion.text).strip(), "python")
            child = sample.grow(
                ctx.step, draw=draw, task="round trip", instruction=PROMPT.format(head=head, summary=summary),
                answer=answer, code=_original(sample), tests=str(sample.meta.get("reference_tests") or ""),
                meta={**sample.meta, "summary_of": sample.id},
            )  # fmt: skip
            reason = replies.defect(completion) or _fault(answer)
            yield Drop(child, reason) if reason else child


def _told(sample: Sample) -> tuple[str, str]:
    """The prose of a summary and the head of the function it is about; empty where there is none."""
    if sample.task != "summarisation" or sample.language not in ("", "python"):
        return "", ""
    return replies.prose(sample.answer).strip(), _head(_original(sample))


def _original(sample: Sample) -> str:
    shown = str(sample.meta.get("information") or "")
    return code_of(shown, "python") if blocks(shown) else sample.code


def _head(code: str) -> str:
    """``name(parameters)`` of the only function of Python ``code``."""
    tree = parse(code)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    given = unparsed(found[0].args) if len(found) == 1 else None
    return "" if given is None else f"{found[0].name}({given})"


def _fault(answer: str) -> str:
    code = code_of(answer, "python")
    if any(not block.closed for block in blocks(answer)):
        return "cut off"
    if parse(code) is None:
        return "answer does not parse"
    return "" if defined(code) else "no function"
