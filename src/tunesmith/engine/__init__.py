"""Engines drive steps over rows. A step cannot tell which one drives it.

An engine takes a ``StepJob`` and gives ``Chunk``s in the order of the input rows, whatever order the work
was done in; it writes nothing. ``local`` uses this machine's processes and one async window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..requests import Failure
from ..sample import Drop, Sample

if TYPE_CHECKING:
    from ..llm.client import Client
    from ..rows import Table
    from ..step import Context, Step


@dataclass(frozen=True, slots=True)
class StepJob:
    """A step to drive: over ``rows`` from position ``start`` on.

    client: opens the language-model client of an ask step; None where its fields leave nothing to ask.
    held: rows of an ask step, by id, that failed before and are not asked again.
    tell: hears of the chunk under way, each time it has grown.
    """

    step: Step
    ctx: Context
    rows: Table
    start: int = 0
    client: Callable[[], Client] | None = None
    tell: Callable[[Chunk], None] = lambda chunk: None
    held: Mapping[str, Failure] = field(default_factory=dict)


@dataclass(slots=True)
class Chunk:
    """What came of the input rows from ``start`` up to ``stop`` (for source and table steps: of outputs)."""

    start: int
    stop: int
    rows: list[Sample] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)

    def take(self, thing: Sample | Drop) -> None:
        """Put a row where it belongs: among the rows or in the bin."""
        if isinstance(thing, Drop):
            self.drops.append(thing)
        else:
            self.rows.append(thing)


class Engine(Protocol):
    """Drives row-giving steps."""

    def drive(self, job: StepJob) -> Iterator[Chunk]: ...
