"""Several servers of one model: the least loaded healthy one is asked, a failing one rests.

After three failures in a row (5xx, timeout), at once when nothing listens, or after a refusal (429, 503), an
endpoint rests. The rest doubles up to half a minute; after it, a single request tries the endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SHORTEST_REST, _LONGEST_REST = 0.5, 30.0  # seconds
_FAULTS_ALLOWED = 3


@dataclass(slots=True)
class Endpoint:
    """One base_url and its state.

    under_way: requests in flight.  faults: failures in a row.  asked: requests so far.
    rests_until: clock time; before it, the endpoint is asked only where no other is healthy.
    """

    base_url: str
    under_way: int = 0
    faults: int = 0
    rests_until: float = 0.0
    asked: int = 0


class Endpoints:
    """Chooses among ``base_urls``. The clock is an argument."""

    def __init__(self, base_urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.all = tuple(Endpoint(url.rstrip("/")) for url in base_urls)
        self._clock = clock

    def choose(self) -> Endpoint:
        """The healthy endpoint with the fewest requests under way; the soonest healthy where none is."""
        if len(self.all) == 1:
            return self.all[0]
        now = self._clock()
        # One request at a time probes an endpoint that failed: a dead one would swallow a whole window.
        awake = [
            e for e in self.all if e.rests_until <= now and not (e.faults >= _FAULTS_ALLOWED and e.under_way)
        ]
        if not awake:
            return min(self.all, key=lambda e: (e.rests_until, e.under_way))
        return min(awake, key=lambda e: (e.under_way, e.asked))

    def well(self, endpoint: Endpoint) -> None:
        """It answered."""
        endpoint.faults, endpoint.rests_until = 0, 0.0

    def ill(self, endpoint: Endpoint, *, gone: bool = False) -> None:
        """It failed. ``gone``: nothing listens there, so it rests at once."""
        endpoint.faults = max(endpoint.faults + 1, _FAULTS_ALLOWED if gone else 0)
        if endpoint.faults >= _FAULTS_ALLOWED:
            rest = _SHORTEST_REST * 2.0 ** min(endpoint.faults - _FAULTS_ALLOWED, 10)
            endpoint.rests_until = self._clock() + min(rest, _LONGEST_REST)

    def busy(self, endpoint: Endpoint, retry_after: float | None) -> bool:
        """It refused a request and rests; returns whether another endpoint may be asked at once."""
        now = self._clock()
        endpoint.rests_until = max(endpoint.rests_until, now + (1.0 if retry_after is None else retry_after))
        return any(other.rests_until <= now for other in self.all)
