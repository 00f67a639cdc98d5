"""``verification.translation``: a translation must return what its source returns, on the same inputs.

WaveCoder (arXiv 2312.14187) takes translations on trust (checklist 42). Here the Python code that was to
be translated (``meta.information``) and the answer run on inputs from tests and docstring examples, or
made by type where annotations, defaults or usage leave no doubt of it, and what they return is compared
as JSON (``differential``). Where no inputs are honest, or the sandbox does not run the language, the
verdict is unknown and its reason says so. Answers in Python and JavaScript can be compared.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from ..code.markdown import blocks, code_of, language_name, parse
from ..sample import Sample, Verdict
from ..step import Context, Limits, Step, Yield
from ._differential import Plan, findings, plan


class Translation(Limits, Step):
    """Marks translation rows: passed where source and answer agree on every input the source returns on."""

    renamed: ClassVar[Mapping[str, str]] = {"inputs": "max_inputs", "informative": "min_inputs"}

    max_inputs: int = Field(default=60, ge=5)
    """Most inputs to try."""
    min_inputs: int = Field(default=5, ge=1)
    """Fewest inputs on which the source must return plain data for anything to be claimed."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        translations = [sample for sample in samples if sample.task == "translation"]
        plans = [self._plan(sample, ctx) for sample in translations]
        found = iter(findings(plans, ctx.sandbox, self.min_inputs) if plans else ())
        for sample in samples:
            if sample.task != "translation":
                yield sample
                continue
            finding = next(found)
            noted = sample.noted(compared=dict(finding.facts)) if finding.facts else sample
            yield noted.judged(Verdict(ctx.step, passed=finding.passed, reason=finding.reason))

    def _plan(self, sample: Sample, ctx: Context) -> Plan | str:
        shown = str(sample.meta.get("information") or sample.code)
        tag = next((block.language for block in blocks(shown) if block.language), "python")
        if tag != "python":
            return f"no comparison from {tag}"
        source, target = code_of(shown, "python"), language_name(sample.language)
        hints = [sample.tests, str(sample.meta.get("docstring") or ""), *docstrings(sample.code)]
        answer = code_of(sample.answer, target)
        return plan(source, answer, target, hints, ctx.chance(sample), self.max_inputs, self.limits())


def docstrings(code: str) -> list[str]:
    """The docstrings of the functions of Python ``code``."""
    tree = parse(code)
    nodes = ast.walk(tree) if tree else ()
    return [ast.get_docstring(node) or "" for node in nodes if isinstance(node, ast.FunctionDef)]
