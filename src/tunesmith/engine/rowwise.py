"""Applies a step to one row or one chunk of rows: pure work, the same in any process.

Where a step raises on a row, that row is dropped with what was raised; a step that raises on every row is
broken, and the engine stops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from ..errors import StepError, TunesmithError
from ..requests import Completion, Request
from ..sample import Drop, Sample
from ..step import AskStep, BatchStep, Context, RowStep, Step, Yield

T = TypeVar("T")
RAISED = "raised "
"""Reasons of rows that a step raised on begin with this."""


def apply_row(step: Step, sample: Sample, ctx: Context) -> list[Sample | Drop]:
    """What a row step makes of one row; at least one row or drop."""
    return _all_of(lambda: cast(RowStep, step).row(sample, ctx), sample)


def apply_ask(step: Step, sample: Sample, ctx: Context) -> list[Request] | Drop:
    """The requests an ask step makes for one row."""
    return attempt(lambda: list(cast(AskStep, step).ask(sample, ctx)), sample)


def apply_read(
    step: Step, sample: Sample, completions: Sequence[Completion], ctx: Context
) -> list[Sample | Drop]:
    """What an ask step makes of the answers to one row; at least one row or drop.

    What the model reasoned besides its answers is kept in ``meta.reasoning`` under the step's name.
    """
    made = _all_of(lambda: cast(AskStep, step).read(sample, completions, ctx), sample)
    reasoning = "\n\n".join(answer.reasoning for answer in completions if answer.reasoning)
    if not reasoning:
        return made

    def noted(row: Sample) -> Sample:
        earlier = row.meta.get("reasoning")
        return row.noted(reasoning={**(earlier if isinstance(earlier, dict) else {}), ctx.step: reasoning})

    return [replace(one, sample=noted(one.sample)) if isinstance(one, Drop) else noted(one) for one in made]


def attempt(work: Callable[[], T], sample: Sample) -> T | Drop:
    """``work()``, or a drop of the row that records what was raised."""
    try:
        return work()
    except TunesmithError:
        raise
    except Exception as error:  # steps of other packages may raise anything
        name = type(error).__name__
        return Drop(sample.noted(raised=f"{name}: {error}"), RAISED + name)


def _all_of(work: Callable[[], Yield], sample: Sample) -> list[Sample | Drop]:
    made = attempt(lambda: list(work()), sample)
    if isinstance(made, Drop):
        return [made]
    return made or [Drop(sample, "yielded nothing")]


def apply_batch(step: Step, samples: Sequence[Sample], ctx: Context) -> list[Sample | Drop]:
    """What a batch step makes of a chunk.

    Raises:
        StepError: it raised, or an input row did not come out again.
    """
    try:
        made = list(cast(BatchStep, step).batch(samples, ctx))
    except TunesmithError:
        raise
    except Exception as error:  # steps of other packages may raise anything
        raise StepError(f"steps.{ctx.step}: {type(error).__name__}: {error}") from error
    seen = accounted(made)
    lost = [sample.id for sample in samples if sample.id not in seen]
    if lost:
        raise StepError(f"steps.{ctx.step}: {len(lost)} rows went in and did not come out, first {lost[0]}")
    return made


def accounted(made: Iterable[Sample | Drop]) -> set[str]:
    """The ids that ``made`` accounts for: rows themselves, their parents, dropped rows."""
    seen: set[str] = set()
    for thing in made:
        sample = thing.sample if isinstance(thing, Drop) else thing
        seen.add(sample.id)
        seen.update(sample.parents)
    return seen
