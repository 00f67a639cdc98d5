"""``same_task``: whether an evolved task asks for anything new. Facts: ``parent``, ``instruction``."""

from __future__ import annotations

from ...replies import words
from ...requests import Request
from .. import world
from .python import rework


def reply(request: Request) -> str | None:
    """``equal`` or ``different``, where both are starter tasks or the second was evolved by rule."""
    parent, evolved = (str(request.facts.get(key, "")) for key in ("parent", "instruction"))
    if words(parent) == words(evolved):
        return "equal"
    one, other = world.read(parent), world.read(evolved)
    if one and other:
        same = one.task.results() == other.task.results() and one.one_pass == other.one_pass
        return "equal" if same and bool(one.misleading) == bool(other.misleading) else "different"
    new, old = rework.read_back(evolved), rework.read_back(parent)
    if new is None:
        return None
    return "different" if set(new.requirements) - set(old.requirements if old else ()) else "equal"
