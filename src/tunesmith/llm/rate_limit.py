"""How many requests may be under way, and how fast: one sliding window that listens to the server.

Two controls, both additive-increase, multiplicative-decrease. *How many*: the window shrinks by a
third when the server pushes back (429, 503) and grows by a twentieth of its bound per window of
answers. *How fast*: a rate limit cannot be met by a small window alone when answers are quick, so after
a push-back the window also keeps a pace, learned from how many requests were accepted, which then
grows slowly and ever faster while nothing is refused. ``Retry-After`` shuts the window for that long.
Stated limits (``rpm``, ``tpm``) are paces that never change.

The clock is an argument; nothing here knows requests, models or HTTP.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_SHRINK = 0.7
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_PACE_KEPT = 0.95
_SLOWEST = 1 / 60
_STEADY = 1.0
_ENOUGH = 3
_FIRST_GROWTH, _GROWTH, _FASTEST, _GROWTH_DOUBLES = 0.05, 0.005, 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Flow:
    """How hard to try, and how fast at most.

    tries: requests sent for one answer before its row is given up; push-backs (429, 503) have ten
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


class Pace:
    """At most ``rate`` units per second, with ``burst`` units let through at once (GCRA)."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._full_at = now

    def opens(self) -> float:
        """The clock time at which the next unit may go."""
        return self._full_at - (self.burst - 1.0) / self.rate

    def spend(self, amount: float, now: float) -> None:
        """``amount`` units go now (a negative amount gives back what was not used)."""
        self._full_at = max(self._full_at, now) + amount / self.rate


class RateLimiter:
    """Lets ``enter`` through while there is room and time; ``leave`` and ``refused`` steer it.

    most: upper bound of requests under way.  limit: the bound now.  pace: requests per second once
    learned, else None.  under_way: requests sent and not yet answered.  refusals: push-backs so far.
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
        self._pause, self._growth = _PAUSE, _GROWTH
        self._since: float | None = None  # when what is counted here began
        self._sent = self._pushed_back = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pace(self) -> float | None:
        """Requests per second that the server was found to accept, or None if it never pushed back."""
        return self._learned.rate if self._learned else None

    async def enter(self, tokens: float = 0.0, *, again: bool = False) -> float:
        """Wait for a place; returns the clock time of entering. ``again``: ahead of those who wait.

        tokens: what the request is expected to use, for ``tpm``.
        """
        now = self._clock()
        if self._waiting or self.under_way >= int(self.limit) or self._opens(now) > now:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            (self._waiting.appendleft if again else self._waiting.append)(place)
            self._admit()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()
                raise
            now = self._clock()
        else:
            self._let_in(now)
        if self._tokens:
            self._tokens.spend(tokens, now)
        return now

    def leave(self, tokens_over: float = 0.0) -> None:
        """A request is over, however it ended. ``tokens_over``: used beyond what ``enter`` was told."""
        self.under_way -= 1
        if self._tokens and tokens_over:
            self._tokens.spend(tokens_over, self._clock())
        if self._waiting:
            self._admit()

    def accepted(self) -> None:
        """The server took a request and answered it: there may be room for more."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + self._step / self.limit)
        if self._learned:
            now = self._clock()
            growth = min(_FASTEST, self._growth * 2.0 ** ((now - self._cut_at) / _GROWTH_DOUBLES))
            self._learned.rate *= 1.0 + growth * max(0.0, min(now - self._grown_at, 1.0))
            self._grown_at = now

    def refused(self, sent: float, retry_after: float | None) -> None:
        """The server pushed back a request that entered at ``sent``."""
        now = self._clock()
        self.refusals += 1
        self._pushed_back += 1
        pause = retry_after or self._pause  # "after 0 seconds" says nothing
        self._shut_until = max(self._shut_until, now + pause * self._chance.uniform(1.0, 1.1))
        if sent >= self._cut_at:  # the first of its burst
            self.limit = max(1.0, self.limit * _SHRINK)
            self._cut_at = now

    def _learn(self, now: float) -> None:
        """The window opens again after a push-back: go on at the pace that the server accepted."""
        assert self._since is not None
        taken = self._sent - self._pushed_back
        self._pause = min(_LONGEST_PAUSE, self._pause * 2) if taken <= 0 else _PAUSE
        steady = self._cut_at - self._since
        seen = _PACE_KEPT * max(taken, 0) / (steady if steady > _STEADY else max(now - self._since, 0.05))
        if self._learned:
            old, self._growth = self._learned.rate, _GROWTH
            rate = min(seen if taken >= _ENOUGH else max(seen, old / 2), old * _PACE_KEPT)
            self._learned = Pace(max(rate, _SLOWEST), 1.0, now)
        elif taken > 0:  # where nothing was taken, nothing was learned
            self._learned, self._growth = Pace(max(seen, _SLOWEST), 1.0, now), _FIRST_GROWTH
        self._grown_at, self._since, self._sent, self._pushed_back = now, None, 0, 0

    def _opens(self, now: float) -> float:
        """The clock time at which one more may go."""
        if self._shut_until > now:
            return self._shut_until
        if self._pushed_back and self._since is not None:
            self._learn(now)
        opens = now
        for pace in (self._requests, self._tokens, self._learned):
            if pace is not None:
                opens = max(opens, pace.opens())
        return opens

    def _let_in(self, now: float) -> None:
        self.under_way += 1
        self._sent += 1
        if self._since is None:
            self._since = now
        for pace in (self._requests, self._learned):
            if pace is not None:
                pace.spend(1.0, now)

    def _admit(self) -> None:
        """Let in as many of those who wait as there is room and time for; come back when it opens."""
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
