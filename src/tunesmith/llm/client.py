"""The client behind every ask step: the answer store first, then the budget, then the model.

For each request: look in the store; wait if the same words are already under way; reserve what the
answer may cost; ask (``RequestRetrier``); enter the costs; return once the answer is on
disk. A request that fails for good comes back as a ``Failure`` and costs one row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from ..errors import SetupError
from ..replies.standard import standard
from ..requests import Completion, Failure, Request, Usage
from .costs import Charge, Costs
from .model import Backend, DrawsTogether, Model
from .rate_limit import Traffic
from .request_retry import RequestRetrier
from .store import AnswerStore
from .store_entry import key_maker
from .tokens import most_tokens

_WITHHELD = ("content_filter", "refusal")


class Client:
    """Answers requests to one model for one step. Used as ``async with``; opens nothing before.

    store: where answers are kept, or None.  costs: where they are charged, under ``step``.
    failed: requests, by key, that failed before and are not asked again.
    """

    def __init__(
        self, model: Model, store: AnswerStore | None, costs: Costs, step: str,
        failed: Mapping[str, Failure] | None = None,
    ) -> None:  # fmt: skip
        self.model, self.store, self.costs, self.step = model, store, costs, step
        self._failed = failed or {}
        self.price, self.flow = model.token_price(), model.flow()
        self._identity, self._key = model.identity(), key_maker(model)
        self._dearest, self._reserving = 0.0, asyncio.Semaphore(model.in_flight)
        self._under_way: dict[str, asyncio.Future[Completion | Failure | None]] = {}
        self._backend: Backend | None = None
        self._several: DrawsTogether | None = None
        self._opening = asyncio.Lock()
        self._asker: RequestRetrier | None = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._backend is not None:
            await self._backend.__aexit__(*exc)

    async def _open(self) -> RequestRetrier:
        """Connect at the first request that the store cannot answer: no weights are loaded for nothing."""
        async with self._opening:  # many requests arrive here at once; one of them connects
            if self._asker is None:
                backend = self.model.connect()
                await backend.__aenter__()
                self._backend = backend
                self._several = backend if isinstance(backend, DrawsTogether) else None
                clock = asyncio.get_running_loop().time
                self._asker = RequestRetrier(self.model, self.flow, backend, clock, self._probed)
            return self._asker

    def traffic(self) -> Traffic | None:
        """What is going on at present, for a live display; None before the first request is sent."""
        return self._asker.traffic() if self._asker else None

    async def answer(self, request: Request) -> Completion | Failure:
        """The answer to ``request``, or why there will be none.

        Raises:
            ProviderRefused: the provider refuses everything, or is down.
            BudgetReached: the budget is spent and nothing is under way.
            SetupError: a key is missing, or a budget is set and the model's price unknown.
            DataError: the store cannot be read or written.
        """
        request = self.model.resolve(request)
        if self.store is None:
            return _judged(await self._ask(request))
        key = self._key(request)
        while (same := self._under_way.get(key)) is not None:
            # ``wait`` instead of ``await same``: cancelling this row must not cancel the other's request.
            # A loop, because another row may have started the same request anew before this one woke up.
            await asyncio.wait((same,))
            if (shared := same.result()) is not None:
                return self._reused(request, shared)
        if (stored := self.store.find(key)) is not None:
            return self._reused(request, stored)
        if (failed := self._failed.get(key)) is not None:
            return failed
        return _judged(await self._ask_and_keep(key, request, self.store))

    def _reused(self, request: Request, answer: Completion | Failure) -> Completion | Failure:
        if isinstance(answer, Failure):
            return answer
        self.costs.reuse(self.step, request.intent, answer.usage)
        return _judged(answer if answer.cached else replace(answer, cached=True))

    async def _ask_and_keep(self, key: str, request: Request, store: AnswerStore) -> Completion | Failure:
        """Ask, while further requests with the same words wait for the answer to be on disk."""
        shared: asyncio.Future[Completion | Failure | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = shared
        answer: Completion | Failure | None = None
        try:
            answer = await self._ask(request, key, store)
            return answer
        finally:
            # None where this raised or was cancelled: one of those that wait then asks for itself.
            del self._under_way[key]
            shared.set_result(answer)

    async def _ask(
        self, request: Request, key: str = "", store: AnswerStore | None = None
    ) -> Completion | Failure:
        """Ask within the budget, enter the costs, keep the answer."""

        async def keep(answer: Completion) -> Completion:
            # Called by the retrier while the request still counts as in flight, so that at most
            # ``in_flight`` answers are ever paid for and not yet on disk.
            charge = self._charge(request.intent, answer.usage)
            self.costs.charge(charge)
            self._dearest = max(self._dearest, charge.usd or 0.0)
            if store is None:
                return answer
            return await store.put(key, request, answer, model=self._identity, charge=charge)

        asker = self._asker or await self._open()
        if self._several is None and self.costs.budget is None:
            answer, requests = await asker.ask(request, keep)
        else:
            async with self._announced(request), self._affordable(request):
                answer, requests = await asker.ask(request, keep)
        line = self.costs.line(self.step, request.intent)
        line.retries += requests - 1
        line.failed += isinstance(answer, Failure)
        return replace(answer, key=key) if isinstance(answer, Failure) else answer

    def _charge(self, intent: str, usage: Usage) -> Charge:
        usd = None if self.price is None else self.price.cost(usage)
        return Charge(self.costs.run, self.step, intent, usage, usd)

    def _probed(self, answer: Completion) -> None:
        charge = self._charge("probe", answer.usage)
        self.costs.charge(charge)
        if self.store is not None:
            self.store.enter(charge)

    @asynccontextmanager
    async def _announced(self, request: Request) -> AsyncIterator[None]:
        """Tell a backend that can answer several draws in one request which ones are waiting."""
        if self._several is None:
            yield
            return
        self._several.expect(request)
        try:
            await asyncio.sleep(0)  # lets the row's other draws announce themselves before the first is sent
            yield
        finally:
            self._several.forget(request)

    @asynccontextmanager
    async def _affordable(self, request: Request) -> AsyncIterator[None]:
        """Where there is a budget: reserve what the answer may cost while it is asked for.

        At most ``in_flight`` requests reserve at once: the answers to the first ones show what one costs
        (``_dearest``) before the rest reserve, where the bound from the request's length is too low.
        """
        if self.costs.budget is None:
            yield
            return
        async with self._reserving:
            worst = self._worst_cost(request)
            await self.costs.reserve(worst)
            try:
                yield
            finally:
                self.costs.settle(worst)

    def _worst_cost(self, request: Request) -> float:
        """US dollars: the bound from the request's length, or the dearest answer so far if that is more."""
        if self.price is None:
            problem = f"a budget is set, but the price of {self._identity!r} is not known"
            fix = (
                "give the model `price: {input: USD per million tokens, output: ...}`; 0 for your own server"
            )
            raise SetupError("budget", problem, fix)
        return max(self.price.cost(most_tokens(request)), self._dearest)


def _judged(answer: Completion | Failure) -> Completion | Failure:
    """The answer in standard form; a failure where the provider's filter withheld it, paid for or not.

    The store keeps replies as they came, so stored ones of any age pass here too.
    """
    if isinstance(answer, Failure):
        return answer
    answer = standard(answer)
    if not answer.text and answer.finish_reason in _WITHHELD:
        return Failure("content filter", "the provider withheld the answer", 1)
    return answer
