"""What the tests of the language-model client share: asking many prompts, and time that passes at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.llm.model import Model
from tunesmith.llm.store import AnswerStore
from tunesmith.models.openai import OpenAI
from tunesmith.requests import Completion, Failure, Request

Answer = Completion | Failure
Got = TypeVar("Got")


def served(*urls: str, **fields: Any) -> OpenAI:
    """A model at ``urls``."""
    return OpenAI(**({"model": "mock", "base_url": urls, "in_flight": 64, "max_tokens": 64} | fields))


def ask_all(
    model: Model,
    prompts: Iterable[str | Request],
    *,
    store: Path | None = None,
    bill: Costs | None = None,
    backoff: float = 0.02,
    step: str = "answers",
) -> list[Answer]:
    """Every answer, in the order of ``prompts``. backoff: seconds, of the first retry."""
    return asyncio.run(asking(model, list(prompts), store, bill or Costs(), backoff, step))


async def asking(
    model: Model, prompts: Sequence[str | Request], store: Path | None, bill: Costs, backoff: float, step: str
) -> list[Answer]:
    """``ask_all`` in a loop that runs."""
    kept = AnswerStore(store) if store else None
    client = Client(model, kept, bill, step)
    client.flow = replace(client.flow, backoff=backoff)
    requests = [Request.of(p, intent="answer") if isinstance(p, str) else p for p in prompts]
    try:
        async with client:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(client.answer(request)) for request in requests]
            return [task.result() for task in tasks]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        if kept:
            kept.close()


def answered(answers: Iterable[Answer]) -> list[Completion]:
    """The completions among ``answers``."""
    return [answer for answer in answers if isinstance(answer, Completion)]


def failed(answers: Iterable[Answer]) -> list[Failure]:
    """The failures among ``answers``."""
    return [answer for answer in answers if isinstance(answer, Failure)]


class _Leaping(selectors.DefaultSelector):
    """A selector that never waits: time leaps to the next timer instead."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now += timeout
        return super().select(0 if timeout is None or timeout >= 0 else timeout)


def in_no_time(work: Coroutine[Any, Any, Got]) -> Got:
    """Run ``work`` in a loop whose clock leaps over every sleep: minutes pass in milliseconds."""
    selector = _Leaping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work)
