"""``verification.execute``: runs each row's program with the row's tests and marks the row with the verdict.

Labels by execution rather than opinion: DolphCoder's self-evaluation objective (2402.09136, Section 2.3)
needs answers labelled right or wrong, and a test run is the judge that cannot be talked round.
A row without tests, or in a language this machine cannot run, is marked unknown, never failed; where
that leaves rows without a verdict for want of a toolchain, or all of them for want of tests, the step warns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from ..code.markdown import code_of
from ..results import Outcome, Program
from ..sample import Sample, Verdict
from ..step import Context, Limits, Step, Yield
from ._outcome_cache import Verdicts

_NO_TESTS = "no tests"
_NO_TOOLCHAIN, _NO_RUNNER = "no toolchain: ", "no runner for "
_AGAIN = "; to judge them after that, run the recipe again with --fresh (paid answers are reused)"


class Execute(Limits, Step):
    """Marks each row passed, failed or unknown, with the class of its failure as the reason."""

    program: Literal["answer", "code"] = "answer"
    """Where the program is: in the row's `answer` (its first fenced block, or all of it) or its `code`."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        programs = [self._program(sample) for sample in samples]
        with Verdicts(ctx.folder / "verdicts.sqlite") as known:
            unknown = [program for program in dict.fromkeys(programs) if program and program not in known]
            if unknown:
                for program, outcome in zip(unknown, ctx.sandbox.run(unknown), strict=True):
                    known.add(program, outcome)
            yield from self._mark(samples, programs, known, ctx.step)

    def warnings(self, rows: Iterable[Sample], ctx: Context) -> list[str]:
        """Which languages could not be run, and whether there was nothing to run at all."""
        verdicts = (verdict for row in rows for verdict in row.verdicts if verdict.by == ctx.step)
        reasons = Counter("" if verdict.passed is not None else verdict.reason for verdict in verdicts)
        of = f"of {reasons.total():,} rows"
        if reasons[_NO_TESTS] == reasons.total() > 0:
            column = "map the column that has them in the source step: `columns: {tests: COLUMN}`"
            return [f"{reasons.total():,} {of} have no tests: {column}"]
        return [
            f"{count:,} {of} were not judged: {why}{_AGAIN if why.startswith(_NO_TOOLCHAIN) else ''}"
            for why, count in reasons.most_common()
            if why.startswith((_NO_TOOLCHAIN, _NO_RUNNER))
        ]

    def _program(self, sample: Sample) -> Program | None:
        if not sample.tests.strip():
            return None
        return Program(
            code=code_of(sample.answer, sample.language) if self.program == "answer" else sample.code,
            tests=sample.tests,
            language=sample.language or "python",
            entry_point=str(sample.meta.get("entry_point", "")),
            **self.limits(),
        )

    def _mark(
        self, samples: Sequence[Sample], programs: Sequence[Program | None], known: Verdicts, by: str
    ) -> Iterator[Sample]:
        for sample, program in zip(samples, programs, strict=True):
            if program is None:
                yield sample.judged(Verdict(by, passed=None, reason=_NO_TESTS))
            else:
                yield sample.judged(_verdict(by, known[program]))


def _verdict(by: str, outcome: Outcome) -> Verdict:
    return Verdict(
        by, passed=outcome.passed, reason="" if outcome.passed else outcome.failure or outcome.status
    )
