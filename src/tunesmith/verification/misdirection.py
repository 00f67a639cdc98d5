"""``verification.misdirection``: the wrong program that a task hands over is run, and must be wrong.

The fourth heuristic of Code Evol-Instruct (WizardCoder, arXiv 2306.08568, sec. 2) puts erroneous code
into the task as a misleading reference. Nothing in the paper checks that it is erroneous. Here every
program shown in such a task is run against the row's tests: one must fail, and none may be the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..code.markdown import blocks, code_of, fingerprint
from ..results import Outcome, Program
from ..sample import Sample, Verdict
from ..step import Context, Limits, Step, Yield

_MOST = 10
"""So many of the programs that one task shows are run."""


class Misdirection(Limits, Step):
    """Marks rows evolved by ``misdirect``: passed where the code they show is proven wrong."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        shown = [
            _shown(sample)[:_MOST] if _misdirects(sample) and sample.tests.strip() else []
            for sample in samples
        ]
        programs = [
            Program(code, tests=sample.tests, **self.limits())
            for sample, codes in zip(samples, shown, strict=True)
            for code in codes
        ]
        outcomes = iter(ctx.sandbox.run(programs)) if programs else iter(())
        for sample, codes in zip(samples, shown, strict=True):
            yield _marked(sample, ctx.step, [next(outcomes) for _ in codes])


def _misdirects(sample: Sample) -> bool:
    return sample.meta.get("heuristic") == "misdirect" and sample.language in ("", "python")


def _shown(sample: Sample) -> list[str]:
    """The different programs that the instruction shows."""
    found = (block.code for block in blocks(sample.instruction) if block.language in ("", "python"))
    return list(dict.fromkeys(found))


def _marked(sample: Sample, step: str, outcomes: Sequence[Outcome]) -> Sample:
    if not _misdirects(sample):
        return sample
    shapes = {fingerprint(code) for code in _shown(sample)}
    verdict: tuple[bool | None, str]
    if not shapes:
        verdict = False, "no code is shown"
    elif sample.answer and fingerprint(code_of(sample.answer, "python")) in shapes:
        verdict = False, "the answer is the code shown"
    elif not outcomes:
        verdict = None, "no tests"
    elif any(outcome.passed is False for outcome in outcomes):
        wrong = next(outcome for outcome in outcomes if outcome.passed is False)
        verdict = True, f"the code shown is wrong: {wrong.failure or wrong.status}"
    elif any(outcome.passed is None for outcome in outcomes):
        verdict = None, "the code shown could not be run"
    else:
        verdict = False, "the code shown is right"
    return sample.judged(Verdict(step, passed=verdict[0], reason=verdict[1]))
