"""See before you pay: the prompts that a recipe would send, and a few real answers to them.

Prompts cost nothing: sources, row and ask steps are tried on the first rows, as for a plan. A step below an
asking step is shown with the stored answers, and where there are none with unanswered rows, and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ..engine.rowwise import apply_read
from ..errors import UserError, nearest
from ..llm.client import Client
from ..llm.costs import Costs
from ..llm.model import Model
from ..llm.store import AnswerStore, default_store
from ..recipe.recipe import Recipe
from ..requests import Completion, Failure, Request
from ..sample import Drop, Sample
from .plan import UNANSWERED, Planner, Prompts, stored_answers


@dataclass(frozen=True, slots=True)
class RowPreview:
    """One row at an asking step. answers, made: empty unless the model was asked."""

    row: Sample
    requests: tuple[Request, ...]
    answers: tuple[Completion | Failure, ...] = ()
    made: tuple[Sample | Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class StepPreview:
    """An asking step. model: its name in the recipe.  unanswered: its rows lack answers of steps above.

    usd: what asking cost now, None if the price is unknown or nothing was asked.
    """

    step: str
    do: str
    model: str
    unanswered: bool
    rows: tuple[RowPreview, ...]
    usd: float | None = None


def preview(recipe: Recipe, step: str = "", rows: int = 3, *, ask: bool = False) -> list[StepPreview]:
    """The prompts of ``step`` for its first ``rows`` rows; of every asking step if none is named.

    ask: send them, read the answers as the step does, and keep them in the answer store.

    Raises:
        UserError: no asking step is called ``step``; or ``ask`` without a step, or of a model to be trained.
    """
    with stored_answers() as store:
        planner = Planner(recipe, store=store)
        planner.lines()
    known = planner.prompts
    if step and step not in known:
        raise UserError(f"steps.{step}", "is not a step that asks a model", nearest(step, known))
    if ask and not step:
        raise UserError("--ask", "needs the name of a step", nearest("", known))
    previews = [_shown(name, known[name], rows) for name in ([step] if step else known)]
    return [_asked(one, known[one.step]) for one in previews] if ask else previews


def _shown(name: str, prompts: Prompts, rows: int) -> StepPreview:
    node, model = prompts.node, prompts.ctx.model
    some = [(row, requests) for row, requests in prompts.asked if requests][:rows]
    resolved = [
        RowPreview(row, tuple(map(model.resolve, requests)) if model else requests) for row, requests in some
    ]
    unanswered = any(row.meta.get(UNANSWERED) for row, _ in some)
    return StepPreview(name, node.address, node.model or "", unanswered, tuple(resolved))


def _asked(shown: StepPreview, prompts: Prompts) -> StepPreview:
    model = prompts.ctx.model
    if model is None:
        problem = f"asks {shown.model!r}, which the recipe trains"
        raise UserError(f"steps.{shown.step}", problem, "preview a step that asks a declared model")
    costs = Costs()
    with closing(AnswerStore(default_store())) as store:
        answers = asyncio.run(_answers(model, store, costs, shown))
    rows = [
        replace(one, answers=tuple(some), made=tuple(_read(prompts, one.row, some)))
        for one, some in zip(shown.rows, answers, strict=True)
    ]
    return replace(shown, rows=tuple(rows), usd=None if model.token_price() is None else costs.usd)


async def _answers(
    model: Model, store: AnswerStore, costs: Costs, shown: StepPreview
) -> list[list[Completion | Failure]]:
    async with Client(model, store, costs, shown.step) as client:
        return [await asyncio.gather(*map(client.answer, one.requests)) for one in shown.rows]


def _read(prompts: Prompts, row: Sample, answers: Sequence[Completion | Failure]) -> list[Sample | Drop]:
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    if failures:
        return [Drop(row.noted(failure=failures[0].message), failures[0].kind)]
    completions = [answer for answer in answers if isinstance(answer, Completion)]
    return apply_read(prompts.node.step, row, completions, prompts.ctx)
