"""Make a starter task one step harder, within the training split."""

from __future__ import annotations

from .parts import SLOTS, Slot
from .split import split_of
from .task import Task


def harder(task: Task, how: str) -> list[Task]:
    """The training tasks that are one complication away from ``task``; an empty list if there is no such
    task.

    constraints: one more condition on the input (a keep or a take).  replace: one part is replaced by a rarer
    one.  reason: one more step between input and result (a change; if there is one, a keep or a take).
    """
    if how == "replace":
        options = [rarer for slot in SLOTS for rarer in _rarer(task, slot)]
    else:
        slots: tuple[Slot, ...] = ("keep", "take")
        if how == "reason" and task.change is None:
            slots = ("change",)
        options = [
            task.having(slot, part)
            for slot in slots
            if task.part(slot) is None
            for part in task.family.parts(slot)
        ]
    before = task.results()
    return [option for option in options if option.results() != before and split_of(option) == "train"]


def _rarer(task: Task, slot: Slot) -> list[Task]:
    part, known = task.part(slot), task.family.parts(slot)
    return [task.having(slot, other) for other in known[known.index(part) + 1 :]] if part else []
