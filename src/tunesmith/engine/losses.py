"""Stops an ask step that loses nearly all its rows: the prompt or the model is wrong then, not the rows.

Without this a teacher that does not keep to the format costs the whole budget and leaves an empty data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import RunStopped, visible
from ..requests import Completion, Failure, Request
from ..sample import Drop, Sample

FIRST = 50
"""Rows to see before deciding: where half of all rows are lost, 50 lost ones in a row come once in 10**15."""
_SHOWN = 600
"""Characters shown of a prompt and of a reply."""


@dataclass(frozen=True, slots=True)
class AskedRow:
    """What became of one row of an ask step: its requests, their answers, and the rows made of them."""

    made: list[Sample | Drop]
    requests: Sequence[Request] = ()
    answers: Sequence[Completion | Failure] = ()

    @property
    def failures(self) -> list[Failure]:
        return [answer for answer in self.answers if isinstance(answer, Failure)]


@dataclass(slots=True)
class Losses:
    """Counts the rows of a step that were asked about and gave nothing.

    most: share of rows, 0..1, that may be lost; 1 lets the step go on whatever it loses.
    filters: the step drops rows on purpose; only unreadable and missing replies are losses then.
    """

    step: str
    most: float = 1.0
    filters: bool = False
    asked: int = 0
    lost: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    example: tuple[str, str] = ("", "")

    def count(self, row: AskedRow) -> None:
        """Count one row.

        Raises:
            RunStopped: at least ``FIRST`` rows are counted, and more than ``most`` of them are lost.
        """
        if not row.requests:
            return  # rows that need no question say nothing about the model
        self.asked += 1
        if all(isinstance(made, Drop) and self._is_loss(made, row) for made in row.made):
            self.lost += 1
            self.reasons[next(made.reason for made in row.made if isinstance(made, Drop))] += 1
            self.example = self.example if any(self.example) else _example(row)
        if self.asked >= FIRST:
            self.check()

    def check(self) -> None:
        """Raise RunStopped if more than ``most`` of the rows so far are lost."""
        if not self.asked or self.lost <= self.most * self.asked:
            return
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons.most_common(3))
        prompt, reply = (visible(text) for text in self.example)
        raise RunStopped(
            f"steps.{self.step}: {self.lost:,} of the first {self.asked:,} rows gave nothing ({reasons})\n"
            f"    asked:\n{_indented(prompt)}\n    replied:\n{_indented(reply)}\n"
            "    The answers are kept. Change the model, its max_tokens or the step and run again,"
            " or give the step `stop_if_dropped: 1.0` to go on whatever is lost"
        )

    def _is_loss(self, drop: Drop, row: AskedRow) -> bool:
        # A filter notes the reply only where it could not read it.
        return not self.filters or bool(row.failures) or "reply" in drop.sample.meta


def _example(row: AskedRow) -> tuple[str, str]:
    answer = next((a for a in row.answers if isinstance(a, Failure)), row.answers[0])
    reply = answer.text if isinstance(answer, Completion) else f"{answer.kind}: {answer.message}"
    return row.requests[0].messages[-1].content, reply


def _indented(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} [...]"
    return "\n".join(f"        {line}" for line in shown.splitlines()) or "        (empty)"
