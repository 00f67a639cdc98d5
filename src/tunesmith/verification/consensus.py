"""``verification.consensus``: generated answers and generated tests check each other by execution.

CodeT (arXiv 2207.10397, sec. 2) calls it dual execution agreement: every answer to an instruction is run
against every test; answers that pass the same tests form a group, and the best group is the one with the
largest product of answers and tests. One wrong test fails a right answer (XCoder, 2409.03810, found
generated tests right in 65 to 79% of cases), so a label from one test set is noise: here tests are
validated by the best group, an answer passes if it passes every validated test, and where no group
stands out nothing is claimed.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from pydantic import Field

from ..code.markdown import code_of, parse, unparsed
from ..results import Program
from ..rows import Table
from ..sample import Sample, Verdict
from ..step import Context, Limits, Step, Yield


class Consensus(Limits, Step):
    """Marks rows that answer one instruction by the tests that their best group agrees on."""

    min_answers: int = Field(default=2, ge=1)
    """Fewest different programs that must agree; with fewer nothing is claimed."""
    max_tests: int = Field(default=40, gt=0)
    """Most different tests of one instruction that are run."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        left = Counter(instruction for (instruction,) in rows.columns("instruction"))
        waiting: dict[str, list[Sample]] = defaultdict(list)
        for sample in rows:
            key = sample.instruction
            waiting[key].append(sample)
            left[key] -= 1
            if not left[key]:
                yield from self._group(waiting.pop(key), ctx)

    def _group(self, samples: Sequence[Sample], ctx: Context) -> Iterator[Sample]:
        tests = list(dict.fromkeys(test for sample in samples for test in single_tests(sample.tests)))
        tests = tests[: self.max_tests]
        codes = [code_of(sample.answer, "python") for sample in samples]
        passes = self._run(list(dict.fromkeys(codes)), tests, ctx) if tests else {}
        best = best_group([passes.get(code, frozenset()) for code in codes], codes, self.min_answers)
        for sample, code in zip(samples, codes, strict=True):
            yield _marked(sample, ctx.step, tests, passes.get(code, frozenset()), best)

    def _run(self, codes: Sequence[str], tests: Sequence[str], ctx: Context) -> dict[str, frozenset[int]]:
        """Which tests, by number, each program passes. One that passes all at once is not run on each."""
        whole = [self._program(code, "\n".join(tests)) for code in codes]
        every = frozenset(range(len(tests)))
        passes = {
            code: every
            for code, outcome in zip(codes, ctx.sandbox.run(whole), strict=True)
            if outcome.status == "passed"
        }
        rest = [code for code in codes if code not in passes]
        outcomes = iter(ctx.sandbox.run([self._program(code, test) for code in rest for test in tests]))
        for code in rest:
            passes[code] = frozenset(number for number in every if next(outcomes).status == "passed")
        return passes

    def _program(self, code: str, tests: str) -> Program:
        return Program(code, tests=tests, **self.limits())


def single_tests(tests: str) -> list[str]:
    """The tests of a test program one by one: each statement that asserts, after what it may need.

    None where it does not parse, or a statement is nested too deeply to be written by itself.
    """
    tree = parse(tests)
    prelude: list[str] = []
    found = []
    for node in tree.body if tree else ():
        text = unparsed(node)
        if text is None:
            return []
        asserts = any(isinstance(inner, ast.Assert | ast.Raise) for inner in ast.walk(node))
        if asserts and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append("\n".join([*prelude, text]))
        else:
            prelude.append(text)
    return found


def best_group(
    passes: Sequence[frozenset[int]], codes: Sequence[str], min_answers: int
) -> frozenset[int] | None:
    """The tests that the best group of answers passes; None where no group stands out.

    passes: for each answer, the tests it passes.  The best group has the largest product of answers and
    tests; it needs ``min_answers`` different programs, and no other group may score as much.
    """
    sizes = Counter(passed for passed in passes if passed)
    if not sizes:
        return None
    ranked = sorted(sizes, key=lambda passed: -sizes[passed] * len(passed))
    best = ranked[0]
    scores = [sizes[passed] * len(passed) for passed in ranked]
    different = {code for code, passed in zip(codes, passes, strict=True) if passed >= best}
    return None if scores[1:2] == scores[:1] or len(different) < min_answers else best


def _marked(
    sample: Sample, step: str, tests: Sequence[str], passed: frozenset[int], best: frozenset[int] | None
) -> Sample:
    if not tests:
        return sample.judged(Verdict(step, passed=None, reason="no tests"))
    share = len(passed) / len(tests)
    if best is None:
        return sample.judged(Verdict(step, passed=None, score=share, reason="no consensus"))
    noted = sample.noted(validated_tests="\n\n".join(tests[number] for number in sorted(best)))
    right = passed >= best
    agreed = len(passed & best) / len(best)
    return noted.judged(
        Verdict(step, passed=right, score=agreed, reason="" if right else "against the consensus")
    )
