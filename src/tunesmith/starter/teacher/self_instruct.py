"""``self_instruct``: further tasks of the starter world. Facts: ``tasks`` (those shown), ``count``."""

from __future__ import annotations

import orjson

from ...requests import Request
from .. import world
from .rng import rng


def reply(request: Request) -> str | None:
    """Training tasks of the same families as those shown, as JSON, in random wordings."""
    shown = [world.read(str(text)) for text in request.facts.get("tasks", ())]
    families = {reading.task.family.name for reading in shown if reading}
    pool = [task for task in world.tasks("train") if task.family.name in families]
    if not pool:
        return None
    chosen = rng(request)
    new = chosen.sample(pool, min(int(request.facts.get("count", 1)), len(pool)))
    return orjson.dumps({"tasks": [world.instruction(task, chosen) for task in new]}).decode()
