"""``verification.complexity``: whether an answer keeps the bound on time or memory that its task sets.

The fifth heuristic of Code Evol-Instruct (WizardCoder, arXiv 2306.08568, sec. 2) asks for tighter
complexity; nobody checks that the answer complies. Here the answer's function runs on inputs of doubling
size and its work is counted (``growth``); a claim holds if the counts grow no faster than it allows.
Operation counts, never one clock reading. Functions of one argument that take a list or a number can be
measured; for others nothing is claimed. How hard a row is in itself (words, tokens, constraints, branches)
is noted beside it in ``meta.difficulty``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..chance import number
from ..code.markdown import code_of, parse
from ..replies import words
from ..results import Outcome, Program
from ..sample import Json, Sample, Verdict
from ..step import Context, Limits, Step, Yield
from ._growth import Claim, claims_of, counts_in, holds, measured, measuring

_CONSTRAINT = re.compile(
    r"\b(?:must|should|without|only|at most|at least|no more than|exactly|raise|return|handle|ensure|using)\b"
    r"|\b(?:do not|avoid)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_BRANCHES = (
    ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.Assert, ast.comprehension, ast.AsyncFor,
    ast.match_case,
)  # fmt: skip


class Complexity(Limits, Step):
    """Marks rows whose instruction claims a bound: passed, failed, or unknown where it cannot be measured."""

    version: ClassVar[str] = "2"

    cpu_seconds: float = Field(default=10.0, gt=0)
    """CPU time of the whole measurement of one answer, in seconds; it runs the function many times."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        claimed = [claims_of(sample.instruction) for sample in samples]
        plans = [
            self._plan(sample) if claims else None for sample, claims in zip(samples, claimed, strict=True)
        ]
        outcomes = iter(ctx.sandbox.run([plan for plan in plans if plan])) if any(plans) else iter(())
        for sample, claims, plan in zip(samples, claimed, plans, strict=True):
            noted = sample.noted(difficulty=difficulty(sample))
            if claims:
                outcome = next(outcomes) if plan else None
                noted = _marked(noted, ctx.step, claims, outcome)
            yield noted

    def _plan(self, sample: Sample) -> Program | None:
        """The measuring program, where the answer defines a function of one required argument."""
        code = code_of(sample.answer, "python")
        tree = parse(code) if sample.language in ("", "python") else None
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
        fit = [f for f in functions if len(f.args.args) - len(f.args.defaults) == 1 and not f.args.kwonlyargs]
        if not fit:
            return None
        return Program(measuring(code, fit[-1].name, _nonce(sample)), **self.limits())


def _nonce(sample: Sample) -> str:
    return f"counts-{number(0, 'complexity', sample.id):016x} "


def _marked(sample: Sample, step: str, claims: Sequence[Claim], outcome: Outcome | None) -> Sample:
    counts = counts_in(outcome.stdout, _nonce(sample)) if outcome else {}
    if not counts:
        why = (
            outcome.failure or outcome.status
            if outcome and outcome.status != "passed"
            else "no way to measure it"
        )
        return sample.judged(Verdict(step, passed=None, reason=why))
    tried = {
        claim: [holds(claim, kind["sizes"], kind[claim.what]) for kind in counts.values()] for claim in claims
    }
    found: dict[str, Json] = {
        name: {what: measured(what, kind["sizes"], kind[what]) for what in ("time", "space")}
        for name, kind in counts.items()
    }
    verdicts = [verdict for results in tried.values() for verdict in results]
    confidence = min((sure for passed, sure in verdicts if passed is not None), default=0.0)
    broken = next((c for c, results in tried.items() if any(passed is False for passed, _ in results)), None)
    if broken is not None:
        passed, reason = False, f"{broken.what} grows faster than {broken.growth}"
    elif all(any(passed for passed, _ in results) for results in tried.values()):
        passed, reason = True, ""
    else:
        passed, reason = None, "growth is not clear"
    return sample.noted(growth=found).judged(Verdict(step, passed=passed, score=confidence, reason=reason))


def difficulty(sample: Sample) -> dict[str, Json]:
    """Words and constraints of the instruction; tokens of both texts; a Python answer's cyclomatic number.

    tokens: words and marks, as they stand in the text; not those of any model.  cyclomatic: or None.
    """
    tree = (
        parse(code_of(sample.answer, "python"))
        if sample.answer and sample.language in ("", "python")
        else None
    )
    nodes = list(ast.walk(tree)) if tree else []
    joins = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    return {
        "words": len(words(sample.instruction)),
        "tokens": len(_TOKEN.findall(sample.instruction)) + len(_TOKEN.findall(sample.answer)),
        "constraints": len(_CONSTRAINT.findall(sample.instruction)),
        "cyclomatic": 1 + joins + sum(isinstance(node, _BRANCHES) for node in nodes) if tree else None,
    }
