"""The parts of a starter task: what to take, keep and change, and how to finish.

A task runs over the items of its input (the numbers of a list, the characters of a text). Up to
three optional steps come first, in this order: *take* a part of the input, *keep* some items,
*change* each; then *finish* turns what is left into the result. A part's code is Python in the
family's variable, and it is the only statement of its meaning: reference and answers come from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Slot = Literal["take", "keep", "change", "finish"]
SLOTS: tuple[Slot, ...] = ("take", "keep", "change", "finish")


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a task.

    name: unique within its family and slot.  code: for take a slice, for keep a condition, for
    change an expression, for finish a call with ``{}`` where the items go.
    says: imperative phrases, each unique within its family, that mean exactly this part.
    start, step: for a finish that can be folded, the first value of ``result`` and the statement
    that adds one ``{}`` to it; without them a loop collects a list.
    end: what a folded loop returns.
    """

    name: str
    code: str
    says: tuple[str, ...]
    start: str = "[]"
    step: str = "result.append({})"
    end: str = "result"

    @property
    def folds(self) -> bool:
        """Whether one pass suffices, with no list built."""
        return self.start != "[]"


@dataclass(frozen=True, slots=True)
class Family:
    """Tasks over one kind of input.

    argument: the parameter's name.  variable: one item's.  source: the items, with ``{}`` where a slice
    goes.
    takes, keeps, changes, finishes: parts, from the most common to the rarest.
    """

    name: str
    argument: str
    variable: str
    source: str
    takes: tuple[Part, ...]
    keeps: tuple[Part, ...]
    changes: tuple[Part, ...]
    finishes: tuple[Part, ...]

    def parts(self, slot: Slot) -> tuple[Part, ...]:
        """The parts that may stand in ``slot``."""
        by_slot = {
            "take": self.takes, "keep": self.keeps, "change": self.changes, "finish": self.finishes
        }  # fmt: skip
        return by_slot[slot]
