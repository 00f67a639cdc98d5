"""How many requests may be in flight, and how fast they are sent, learned from the server's refusals.

Refusals (429, 503) come in two kinds. A few among many accepted requests are chance, or the price of finding
the limit: only the refused request waits. Where more than an eighth of the recent requests are refused, the
server is over its limit, and two controls act, both additive increase, multiplicative decrease:

- *How many*: the window shrinks by a third, and grows by a twentieth of its bound per window of answers.
- *How fast*: where answers are quick, even a small window exceeds a rate limit. So the limiter also keeps a
  pace, learned from the number of accepted requests, which grows slowly, and faster the longer nothing is
  refused. ``Retry-After`` stops all requests for that long.

Stated limits (``rpm``, ``tpm``) are paces that never change. The clock is an argument; nothing here knows
requests, models or HTTP.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_SHRINK = 0.7
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds to stop where the server does not say how long
_PACE_KEPT = 0.95  # start below the rate that was accepted, as the last of it was refused
_SLOWEST = 1 / 60  # requests per second
_STEADY = 1.0  # seconds; a shorter measurement is mostly the burst at its beginning
_ENOUGH = 3  # accepted requests that make a measured rate credible
_FIRST_GROWTH, _GROWTH, _FASTEST, _GROWTH_DOUBLES = 0.05, 0.005, 0.5, 5.0  # per second; doubling: seconds
_TOLERATED, _MEMORY, _FEW = 1 / 8, 64.0, 2.0
"""Share of refusals among about the last ``_MEMORY`` requests, and their number, that count as chance."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How hard to try, and how fast at most.

    tries: requests sent for one answer before its row is given up; refusals (429, 503) have ten
    times as many.  backoff: seconds; retry k waits uniformly in 0..backoff * 2**k, at most ``longest``.
    rpm, tpm: requests and tokens per minute that the provider allows; None: no stated limit.
    """

    tries: int = 6
    backoff: float = 0.5
    longest: float = 30.0
    rpm: float | None = None
    tpm: float | None = None

    def wait(self, attempt: int, chance: random.Random) -> float:
        """Seconds before try ``attempt + 1`` (full jitter)."""
        return chance.uniform(0.0, min(self.longest, self.backoff * 2.0**attempt))


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a live display shows. in_flight: requests sent and unanswered.  limit: most of them at present.

    refusals: answers 429 or 503 so far.  retries: requests sent again so far, for whatever reason.
    """

    in_flight: int
    limit: int
    refusals: int
    retries: int


class Pace:
    """At most ``rate`` units per second, with bursts of ``burst`` (generic cell rate algorithm)."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._full_at = now  # the time up to which all units are used; one number holds the whole state

    def opens(self) -> float:
        """The clock time from which the next unit may be used."""
        return self._full_at - (self.burst - 1.0) / self.rate

    def spend(self, amount: float, now: float) -> None:
        """Use ``amount`` units now; a negative amount returns what was not used."""
        self._full_at = max(self._full_at, now) + amount / self.rate


class RateLimiter:
    """``enter`` waits until one more request may be sent; the other methods report its end.

    most: upper bound of requests in flight.  limit: the bound at present.  under_way: requests in flight.
    refusals: so far.
    """

    def __init__(self, most: int, flow: Flow, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.limit, self.under_way, self.refusals = most, float(most), 0, 0
        self._step = max(1.0, most / 20)
        self._clock, self._chance = clock, random.Random()
        now = clock()
        self._requests = Pace(flow.rpm / 60, 1.0, now) if flow.rpm else None
        self._tokens = Pace(flow.tpm / 60, flow.tpm / 12, now) if flow.tpm else None
        self._learned: Pace | None = None
        self._shut_until = self._cut_at = self._grown_at = now
        self._recent, self._recent_refused = 0.0, 0.0  # requests and refusals, older ones fading
        self._over = False  # the server is over its limit: measure and set a pace once the pause is over
        self._pause, self._growth = _PAUSE, _GROWTH
        self._since: float | None = None  # when counting of the next line began
        self._sent = self._pushed_back = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pace(self) -> float | None:
        """Requests per second that the server was found to accept, or None before it is known."""
        return self._learned.rate if self._learned else None

    async def enter(self, tokens: float = 0.0, *, again: bool = False) -> float:
        """Wait until one more request may be sent; returns the clock time.

        tokens: what the request is expected to use, for ``tpm``.  again: it is a retry and goes first.
        """
        now = self._clock()
        if self._waiting or self.under_way >= int(self.limit) or self._opens(now) > now:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            (self._waiting.appendleft if again else self._waiting.append)(turn)
            self._admit()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.leave()  # cancelled after it was let in: the slot would be lost
                raise
            now = self._clock()
        else:
            self._let_in(now)
        if self._tokens:
            self._tokens.spend(tokens, now)
        return now

    def leave(self, tokens_over: float = 0.0) -> None:
        """A request ended, in whatever way. ``tokens_over``: tokens used beyond those expected."""
        self.under_way -= 1
        if self._tokens and tokens_over:
            self._tokens.spend(tokens_over, self._clock())
        if self._waiting:
            self._admit()

    def accepted(self) -> None:
        """The server answered a request: it may take more."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + self._step / self.limit)
        if self._learned:
            now = self._clock()
            growth = min(_FASTEST, self._growth * 2.0 ** ((now - self._cut_at) / _GROWTH_DOUBLES))
            self._learned.rate *= 1.0 + growth * max(0.0, min(now - self._grown_at, 1.0))
            self._grown_at = now

    def refused(self, sent: float, retry_after: float | None) -> float:
        """The server refused a request that entered at ``sent``; returns how many seconds it must wait."""
        now = self._clock()
        self.refusals += 1
        self._pushed_back += 1
        wait = (retry_after or self._pause) * self._chance.uniform(1.0, 1.1)  # "after 0 seconds" says nothing
        if sent >= self._cut_at:  # not of a burst that has been answered for already
            self._recent_refused += 1
            if self._recent_refused <= max(_FEW, _TOLERATED * self._recent):
                return wait
            self.limit = max(1.0, self.limit * _SHRINK)
            self._cut_at, self._over = now, True
            self._recent = self._recent_refused = 0.0
        self._shut_until = max(self._shut_until, now + wait)
        return wait

    def _learn(self, now: float) -> None:
        """The pause after too many refusals is over: continue at the pace that the server accepted."""
        assert self._since is not None
        self._over = False
        taken = self._sent - self._pushed_back
        self._pause = min(_LONGEST_PAUSE, self._pause * 2) if taken <= 0 else _PAUSE
        steady = self._cut_at - self._since
        seen = _PACE_KEPT * max(taken, 0) / (steady if steady > _STEADY else max(now - self._since, 0.05))
        if self._learned:
            old, self._growth = self._learned.rate, _GROWTH
            rate = min(seen if taken >= _ENOUGH else max(seen, old / 2), old * _PACE_KEPT)
            self._learned = Pace(max(rate, _SLOWEST), 1.0, now)
        elif taken > 0:  # where nothing was accepted, there is nothing to learn from
            self._learned, self._growth = Pace(max(seen, _SLOWEST), 1.0, now), _FIRST_GROWTH
        self._grown_at, self._since, self._sent, self._pushed_back = now, None, 0, 0

    def _opens(self, now: float) -> float:
        """The clock time from which one more may be sent."""
        if self._shut_until > now:
            return self._shut_until
        if self._over and self._since is not None:
            self._learn(now)
        opens = now
        for pace in (self._requests, self._tokens, self._learned):
            if pace is not None:
                opens = max(opens, pace.opens())
        return opens

    def _let_in(self, now: float) -> None:
        self.under_way += 1
        self._sent += 1
        fading = 1.0 - 1.0 / _MEMORY
        self._recent, self._recent_refused = self._recent * fading + 1.0, self._recent_refused * fading
        if self._since is None:
            self._since = now
        for pace in (self._requests, self._learned):
            if pace is not None:
                pace.spend(1.0, now)

    def _admit(self) -> None:
        """Let in as many waiting requests as slots and paces allow; run again when the next may be sent."""
        now = self._clock()
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            if self.under_way >= int(self.limit):
                return
            opens = self._opens(now)
            if opens > now:
                self._wake_in(opens - now)
                return
            self._let_in(now)
            self._waiting.popleft().set_result(None)

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._admit)
