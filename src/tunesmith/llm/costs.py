"""What was spent, by step and intent, and the guarantee that a budget is kept.

Money that may still be spent by requests under way is reserved at its worst case (the longest reply
allowed), so a run never goes over its budget by more than one answer. Answers taken from the store
cost nothing now; their tokens are counted apart. Where the price of a model is unknown its tokens
are counted and ``priced`` is False: the sum is then a lower bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from ..errors import BudgetReached
from ..requests import Usage


@dataclass(frozen=True, slots=True)
class Charge:
    """One answer's price: who asked for it and what it used. ``usd`` is None where no price is known."""

    run: str
    step: str
    intent: str
    usage: Usage
    usd: float | None


@dataclass(slots=True)
class CostLine:
    """Sums for one step and intent. Tokens of answers from the store are under ``stored_``.

    failed: requests given up for good.  retries: further requests that were needed.
    unpriced: answers whose price is unknown.
    """

    answers: int = 0
    input: int = 0
    output: int = 0
    cached_input: int = 0
    usd: float = 0.0
    unpriced: int = 0
    stored_answers: int = 0
    stored_input: int = 0
    stored_output: int = 0
    failed: int = 0
    retries: int = 0

    def add(self, other: CostLine) -> None:
        """Add ``other``'s sums to these."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(slots=True)
class Costs:
    """The money and tokens of a run.

    budget: US dollars that may be spent in all, or None.  run: names the run in the answer store
    (``AnswerStore.charges``).
    """

    budget: float | None = None
    run: str = ""
    lines: dict[tuple[str, str], CostLine] = field(default_factory=dict)
    _reserved: float = 0.0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def usd(self) -> float:
        """US dollars spent so far, earlier sessions included."""
        return sum(line.usd for line in self.lines.values())

    @property
    def priced(self) -> bool:
        """Whether the price of every answer was known; if not, ``usd`` is a lower bound."""
        return not any(line.unpriced for line in self.lines.values())

    def line(self, step: str, intent: str = "") -> CostLine:
        """The line of ``step`` and ``intent``, made on first use."""
        key = (step, intent)
        if key not in self.lines:
            self.lines[key] = CostLine()
        return self.lines[key]

    def of_step(self, step: str) -> CostLine:
        """The sum of a step's lines."""
        return _sum(line for (name, _), line in self.lines.items() if name == step)

    def intents(self, step: str) -> dict[str, CostLine]:
        """A step's lines by intent."""
        return {intent: line for (owner, intent), line in sorted(self.lines.items()) if owner == step}

    def total(self) -> CostLine:
        """The sum of all lines."""
        return _sum(self.lines.values())

    def charge(self, charge: Charge) -> None:
        """Enter an answer that was paid for."""
        line, used = self.line(charge.step, charge.intent), charge.usage
        line.answers += 1
        line.input += used.input
        line.output += used.output
        line.cached_input += used.cached_input
        if charge.usd is None:
            line.unpriced += 1
        else:
            line.usd += charge.usd

    def reuse(self, step: str, intent: str, usage: Usage) -> None:
        """Enter an answer that came from the store."""
        line = self.line(step, intent)
        line.stored_answers += 1
        line.stored_input += usage.input
        line.stored_output += usage.output

    async def reserve(self, worst: float) -> None:
        """Reserve ``worst`` US dollars until ``settle``; waits for requests under way if it must.

        Raises BudgetReached when the budget is spent and nothing is under way.
        """
        if self.budget is None:
            return
        while self.usd + self._reserved + worst > self.budget:
            if not self._reserved:
                if self.usd < self.budget:
                    break  # the last answer may go a little over; an answer is never cut
                raise BudgetReached(
                    f"the budget of {self.budget:g} USD is spent ({self.usd:.4f} USD); "
                    "what was answered is kept: raise the budget and run the same command to go on"
                )
            released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(released)
            await released
        self._reserved += worst

    def settle(self, worst: float) -> None:
        """Release a reservation, after its answer was charged or given up."""
        if self.budget is None:
            return
        # Sums of floats leave dust behind; a reservation of 1e-17 would keep ``reserve`` waiting for ever.
        self._reserved = self._reserved - worst if self._reserved - worst > 1e-12 else 0.0
        waiting, self._waiting = self._waiting, []
        for released in waiting:
            if not released.done():
                released.set_result(None)


def _sum(lines: Iterable[CostLine]) -> CostLine:
    total = CostLine()
    for line in lines:
        total.add(line)
    return total
