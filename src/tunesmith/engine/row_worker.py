"""The inside of a worker process: it opens its own sandbox, and ends when its parent does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

from ..sample import Drop, Sample
from ..step import Context, Step
from .resources import LocalResources
from .rowwise import apply_batch, apply_row

_resources: LocalResources | None = None  # one per worker process, for its whole life


def start(path: list[str], isolation: str | None) -> None:
    """Called once in a fresh worker: find the caller's modules, leave Ctrl-C to the parent, die with it."""
    global _resources  # noqa: PLW0603 - a pool offers no other place for what a worker keeps
    sys.path[:] = path
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _resources = LocalResources(1, isolation)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work(step: Step, samples: Sequence[Sample], ctx: Context) -> list[Sample | Drop]:
    """Apply a row or batch step to a chunk."""
    ctx = replace(ctx, resources=_resources)
    if step.kind == "batch":
        return apply_batch(step, samples, ctx)
    return [thing for sample in samples for thing in apply_row(step, sample, ctx)]
