"""``verification.round_trip``: a summary is good if code written from it alone does what the original does.

For summaries, which WaveCoder (arXiv 2312.14187) takes on trust (checklist 43). Children made by
``synthesis.round_trip`` run with the original's tests, or, where it has none, on the same inputs as the
original (``differential``). The summary passes if one of its children does: what one reader made of
it shows that all was said. It fails if all that could be judged failed, which also a weak writer of code
may cause; the score is the share that passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar

from pydantic import Field

from ..code.markdown import code_of
from ..results import Program
from ..rows import Table
from ..sample import Sample, Verdict
from ..step import Context, Limits, Step, Yield
from ._differential import Finding, Plan, findings, plan

_AT_ONCE = 128


class RoundTrip(Limits, Step):
    """Marks code written from summaries, and the summaries by it; other rows pass unmarked."""

    renamed: ClassVar[Mapping[str, str]] = {"inputs": "max_inputs", "informative": "min_inputs"}

    max_inputs: int = Field(default=60, ge=5)
    """Most inputs to try where there are no tests."""
    min_inputs: int = Field(default=5, ge=1)
    """Fewest inputs on which the original must return plain data for anything to be claimed."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        found: dict[str, Finding] = {}
        by_summary: dict[str, list[bool | None]] = defaultdict(list)
        children = (row for row in rows if row.task == "round trip")
        while part := list(islice(children, _AT_ONCE)):
            for child, finding in zip(part, self._judge(part, ctx), strict=True):
                found[child.id] = finding
                by_summary[str(child.meta.get("summary_of", ""))].append(finding.passed)
        for row in rows:
            if row.task == "round trip":
                finding = found[row.id]
                yield row.judged(Verdict(ctx.step, passed=finding.passed, reason=finding.reason))
            elif row.task == "summarisation":
                yield row.judged(_of_summary(ctx.step, by_summary.get(row.id, ())))
            else:
                yield row

    def _judge(self, children: Sequence[Sample], ctx: Context) -> Iterator[Finding]:
        tested = [
            Program(code_of(child.answer, "python"), tests=child.tests, **self.limits())
            for child in children
            if child.tests.strip()
        ]
        outcomes = iter(ctx.sandbox.run(tested) if tested else ())
        plans = [self._plan(child, ctx) for child in children if not child.tests.strip()]
        compared = iter(findings(plans, ctx.sandbox, self.min_inputs))
        for child in children:
            if child.tests.strip():
                outcome = next(outcomes)
                yield Finding(outcome.passed, "" if outcome.passed else outcome.failure or outcome.status)
            else:
                yield next(compared)

    def _plan(self, child: Sample, ctx: Context) -> Plan | str:
        hints = [str(child.meta.get("docstring") or "")]
        answer = code_of(child.answer, "python")
        return plan(child.code, answer, "python", hints, ctx.chance(child), self.max_inputs, self.limits())


def _of_summary(by: str, verdicts: Sequence[bool | None]) -> Verdict:
    known = [verdict for verdict in verdicts if verdict is not None]
    if not known:
        return Verdict(
            by, passed=None, reason="nothing to judge it by" if verdicts else "no code written from it"
        )
    share = sum(known) / len(known)
    return Verdict(by, passed=share > 0, score=share, reason="" if share else "the code does otherwise")
