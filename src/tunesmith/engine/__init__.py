"""Engines drive steps over rows. A step cannot tell which one drives it.

An engine takes a ``StepJob`` and yields ``Chunk``s in the order of the input rows, whatever order the work
was done in; it writes nothing. ``local`` uses this machine's processes and one async window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..requests import Failure
from ..sample import Drop, Sample

if TYPE_CHECKING:
    from ..rows import Table
    from ..step import Context, Step


@dataclass(frozen=True, slots=True)
class StepJob:
    """A step to drive over ``rows``, from position ``start`` on.

    An ask step asks through ``ctx.client``, which is None where its fields leave nothing to ask.
    stop_if_dropped: the share of asked rows, 0..1, that may be lost before the step is stopped.
    on_chunk: called with the unfinished chunk each time it has grown.
    """

    step: Step
    ctx: Context
    rows: Table
    start: int = 0
    on_chunk: Callable[[Chunk], None] = lambda chunk: None
    stop_if_dropped: float = 1.0


@dataclass(slots=True)
class Chunk:
    """What became of the input rows from ``start`` up to ``stop`` (source and table steps count outputs).

    ahead: how many rows behind ``stop`` are answered and wait for one before them.
    failures: the requests that failed for good, of the rows that were dropped for it.
    """

    start: int
    stop: int
    rows: list[Sample] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ahead: int = 0

    def add(self, made: Iterable[Sample | Drop]) -> None:
        """Add rows and dropped rows."""
        for row in made:
            if isinstance(row, Drop):
                self.drops.append(row)
            else:
                self.rows.append(row)


class Engine(Protocol):
    """Drives row-giving steps."""

    def drive(self, job: StepJob) -> Iterator[Chunk]: ...
