"""Asks one model until it answers: a rate limiter, a bounded number of tries, and a circuit breaker.

After a transient error a request is sent again, after a jittered wait or as long as the server asks for. When
its tries are used up the request fails, unless nothing else was answered since its last try: then a one-word
request (the probe) is sent. If the probe is answered, the request was the problem; if not, the provider is
down and the run stops, so an outage costs no rows. In the same way a provider that refuses each of the first
requests is probed, to see whether it refuses everything.

A request counts as in flight until its answer is kept (``keep``: charged and on disk), so ``kill -9`` never
loses more paid answers than may be in flight. Nothing here knows what keeping means.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ..errors import ProviderRefused
from ..requests import Completion, Failure, Request, Sampling
from .model import Backend, Model
from .rate_limit import Flow, RateLimiter, Traffic
from .request_errors import AccessRefused, Permanent, RateLimited, RequestError, Transient
from .secrets import scrubber
from .tokens import request_tokens

Keep = Callable[[Completion], Awaitable[Completion]]

_PUSH_BACKS = 10
"""Times ``tries``: a 429 says when to come back, so it may be repeated more often than an error."""
_ALL_REFUSED = 20
"""Refusals, with no answer before them, that raise the suspicion that every request is refused."""
_PROBE = Request.of("Reply with the single word: yes", sampling=Sampling(max_tokens=16))
_PROBE_TRIES = 3


@dataclass(slots=True)
class _Try:
    """The tries of one request. expected: tokens.  sent: clock time of the last try."""

    expected: float = 0.0
    sent: float = 0.0
    wait: float = 0.0
    faults: int = 0
    push_backs: int = 0

    @property
    def attempts(self) -> int:
        return self.faults + self.push_backs


class RequestRetrier:
    """Asks ``backend``, with at most ``model.in_flight`` requests under way.

    probed: called with what a probe's answer used.
    """

    def __init__(
        self, model: Model, flow: Flow, backend: Backend, clock: Callable[[], float],
        probed: Callable[[Completion], None],
    ) -> None:  # fmt: skip
        self._model, self._flow, self._backend = model, flow, backend
        self._clock, self._probed = clock, probed
        self.window = RateLimiter(model.in_flight, flow, clock)
        self._hide = scrubber()
        self._chance = random.Random()
        self._stopped: ProviderRefused | None = None
        self._answered_at: float | None = None
        self._refusals = self._retries = 0
        self._probing = asyncio.Lock()
        self._usual_reply = 0.0

    async def ask(self, request: Request, keep: Keep) -> tuple[Completion | Failure, int]:
        """The answer to a resolved request, or why there is none, and how many requests it took.

        keep: stores the answer, and returns the stored one if there was one before.

        Raises:
            ProviderRefused: the provider answers nothing at all.
        """
        tried = _Try(self._expected_tokens(request) if self._flow.tpm else 0.0)
        while True:
            answer = await self._once(request, keep, tried)
            if isinstance(answer, Completion):
                return answer, tried.attempts + 1
            if isinstance(answer, RateLimited):
                tried.push_backs += 1
            else:
                tried.faults += 1
            if isinstance(answer, Permanent):
                await self._check_refusals(answer)
            elif tried.faults < self._flow.tries and tried.push_backs < self._flow.tries * _PUSH_BACKS:
                await self._wait(answer, tried)
                continue
            else:
                await self._check_outage(answer, tried)
            return Failure(answer.kind, answer.message, tried.attempts), tried.attempts

    async def _once(self, request: Request, keep: Keep, tried: _Try) -> Completion | Permanent | Transient:
        """One try, in the window."""
        self._raise_if_stopped()
        tried.sent = await self.window.enter(tried.expected, again=tried.attempts > 0)
        used = tried.expected
        try:
            self._raise_if_stopped()  # another request may have stopped the run while this one waited
            answer = self._scrubbed(await self._backend.complete(request))
            used = float(answer.usage.input + answer.usage.output)
            self._answered(answer)
            return await keep(answer)
        except RateLimited as fault:
            if not fault.elsewhere:  # else another endpoint is free: no reason to slow down
                tried.wait = self.window.refused(tried.sent, fault.retry_after)
            return fault
        except (Permanent, Transient) as fault:
            return fault
        except AccessRefused as fault:
            raise self._stop(fault.message) from fault
        finally:
            self.window.leave(used - tried.expected)  # corrects the tokens booked beforehand

    def traffic(self) -> Traffic:
        """What is going on at present."""
        window = self.window
        return Traffic(window.under_way, int(window.limit), window.refusals, self._retries)

    def _scrubbed(self, answer: Completion) -> Completion:
        """``answer`` without our keys, which a server that echoes requests would put into rows and stores."""
        texts = (answer.text, answer.reasoning, answer.model, answer.finish_reason)
        clean = tuple(map(self._hide, texts))
        if clean == texts:
            return answer
        text, reasoning, model, finish = clean
        return replace(answer, text=text, reasoning=reasoning, model=model, finish_reason=finish)

    def _answered(self, answer: Completion) -> None:
        self.window.accepted()
        self._answered_at = self._clock()
        # A moving average over about ten replies: prompts of one step get replies of one length.
        self._usual_reply += 0.1 * (answer.usage.output - self._usual_reply)

    async def _wait(self, fault: Transient, tried: _Try) -> None:
        self._retries += 1
        if isinstance(fault, RateLimited):
            await asyncio.sleep(0.0 if fault.elsewhere else tried.wait)
            return
        jittered = self._flow.wait(tried.faults - 1, self._chance)
        await asyncio.sleep(jittered if fault.retry_after is None else fault.retry_after)

    def _expected_tokens(self, request: Request) -> float:
        return request_tokens(request) + (self._usual_reply or (request.sampling.max_tokens or 0) / 2)

    async def _check_outage(self, fault: Transient, tried: _Try) -> None:
        """Raise unless the provider answered something since the last try, or answers the probe."""
        # One probe at a time: in an outage every request in flight arrives here, and the first probe decides.
        async with self._probing:
            self._raise_if_stopped()
            if self._answered_at is not None and self._answered_at >= tried.sent:
                return
            other = await self._probe()
            if isinstance(other, (Transient, AccessRefused)):
                probe = "" if str(other) == str(fault) else f" (a one-word probe: {other})"
                raise self._stop(f"{self._model.identity()} answers nothing: {fault}{probe}") from other

    async def _check_refusals(self, fault: Permanent) -> None:
        """Raise if nothing was ever answered and the provider refuses the probe as well."""
        self._refusals += 1
        if self._answered_at is not None or self._refusals < _ALL_REFUSED:
            return
        async with self._probing:
            self._raise_if_stopped()
            if self._answered_at is None and isinstance(other := await self._probe(), RequestError):
                problem = f"the first {_ALL_REFUSED} requests were all refused: {fault.message}"
                raise self._stop(problem) from other

    async def _probe(self) -> Completion | RequestError:
        """Ask the provider for one word."""
        for attempt in range(_PROBE_TRIES):
            try:
                answer = await self._backend.complete(self._model.resolve(_PROBE))
            except Transient as fault:
                other: RequestError = fault
                await asyncio.sleep(self._flow.wait(attempt, self._chance))
            except (Permanent, AccessRefused) as fault:
                return fault
            else:
                self._answered_at = self._clock()
                self._probed(answer)
                return answer
        return other

    def _raise_if_stopped(self) -> None:
        if self._stopped:
            raise self._stopped

    def _stop(self, why: str) -> ProviderRefused:
        fix = "What was answered is kept: fix this and run the same command to go on"
        self._stopped = self._stopped or ProviderRefused(f"{why}. {fix}")
        return self._stopped
