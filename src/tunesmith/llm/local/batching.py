"""The live side of a local model: requests that arrive together are generated together.

One batch is generated at a time, in a thread, so the event loop stays free; what arrives meanwhile
makes the next batch. Nothing is loaded before the backend is entered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...requests import Completion, Request
from ..request_errors import Permanent
from .generation import Local

_LINGER = 0.005
"""Seconds that an incomplete batch waits for more requests; generating it takes far longer."""


class Batching:
    """A ``Backend`` over a ``Local`` model, opened by ``load`` on entry and released on exit."""

    def __init__(self, load: Callable[[], Local]) -> None:
        self._load = load
        self._local: Local | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Completion | None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Batching:
        self._local = await asyncio.to_thread(self._load)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait((self._worker,))
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting, self._worker, self._local = [], None, None

    async def complete(self, request: Request) -> Completion:
        """The reply to ``request``, generated with whatever else is waiting.

        Raises:
            Permanent: the prompt alone fills the model's context.
        """
        answer: asyncio.Future[Completion | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        completion = await answer
        if completion is None:
            raise Permanent("prompt too long", "the prompt alone fills the model's context")
        return completion

    async def _work(self) -> None:
        local = self._local
        if local is None:
            raise RuntimeError("a backend is used inside `async with`")
        try:
            while self._waiting:
                if len(self._waiting) < local.batch_size:
                    await asyncio.sleep(_LINGER)
                batch = self._waiting[: local.batch_size]
                del self._waiting[: local.batch_size]
                await self._answer(local, batch)
        finally:
            self._worker = None

    async def _answer(
        self, local: Local, batch: list[tuple[Request, asyncio.Future[Completion | None]]]
    ) -> None:
        try:
            completions = await asyncio.to_thread(local.answer, [request for request, _ in batch])
        except Exception as error:  # each caller gets what was caught
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), completion in zip(batch, completions, strict=True):
            if not answer.done():
                answer.set_result(completion)
