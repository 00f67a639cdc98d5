"""``selection.where``: keep the rows that are of one kind, from one place, or passed by a judge.

What verification marked, selection drops: WaveCoder's discriminator (2312.14187, Section 2.3) and
DolphCoder's labels (2402.09136) are marks, and this step acts on them.
"""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import model_validator

from ..sample import Drop, Sample
from ..step import Context, Step, StepName, Yield

Column = Literal["source", "task", "language", "license"]


class Where(Step):
    """Keeps rows whose columns have the values given and on whom the judges named agree."""

    source: str | tuple[str, ...] = ()
    """Sources to keep."""
    task: str | tuple[str, ...] = ()
    """Tasks to keep."""
    language: str | tuple[str, ...] = ()
    """Programming languages to keep."""
    license: str | tuple[str, ...] = ()
    """Licences to keep."""
    passed: StepName | tuple[StepName, ...] = ()
    """Steps whose verdict must be "passed"; failed, unknown and missing verdicts drop the row."""
    not_failed: StepName | tuple[StepName, ...] = ()
    """Steps whose verdict must not be "failed"; what could not be judged stays."""

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        if not any(_listed(getattr(self, name)) for name in (*get_args(Column), "passed", "not_failed")):
            raise ValueError("no condition is given: say for example passed: executed")
        return self

    def row(self, sample: Sample, ctx: Context) -> Yield:
        reason = self._reason(sample)
        yield Drop(sample, reason) if reason else sample

    def _reason(self, sample: Sample) -> str:
        for column in get_args(Column):
            wanted, value = _listed(getattr(self, column)), getattr(sample, column)
            if wanted and value not in wanted:
                return f"{column} is {value or 'empty'}"
        verdicts = {verdict.by: verdict.passed for verdict in sample.verdicts}
        for judge in _listed(self.passed):
            if verdicts.get(judge) is not True:
                return f"{judge}: {_WORDS[verdicts[judge]] if judge in verdicts else 'no verdict'}"
        for judge in _listed(self.not_failed):
            if verdicts.get(judge) is False:
                return f"{judge}: {_WORDS[False]}"
        return ""


_WORDS = {True: "passed", False: "failed", None: "unknown"}


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
