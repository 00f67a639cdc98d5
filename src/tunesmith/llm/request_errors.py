"""What can go wrong between us and a model, sorted by what to do about it.

    RequestError
    ├── Permanent    this request only: its row goes to the bin, nothing is retried
    ├── Transient    try again, after ``retry_after`` seconds or a jittered wait
    │   └── RateLimited    the same, and send less: 429, 503
    └── AccessRefused  no request will be answered (bad key, no credit, no such model): stop the run

A backend raises these from ``complete``; the client turns them into a ``Failure``, another try, or
``ProviderRefused``. ``kind`` is short and countable, because rows in the bin are counted by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from ..errors import TunesmithError

PASSING = (
    "timeout", "no connection", "dropped connection", "malformed", "rate limit", "overloaded",
    "server error", "batch lost",
)  # fmt: skip
"""Kinds of ``Failure`` that may be answered when they are asked again another time (``tunesmith retry``)."""

LASTING = (
    "content filter", "prompt too long", "not recorded", "refused 400", "refused 413", "refused 422",
)  # fmt: skip
"""Kinds that will fail again unless something is changed; other 4xx give ``refused NNN``."""

LONGEST_WAIT = 900.0
"""Seconds. A provider that asks us to wait longer (a daily quota) stops the run instead."""


class RequestError(TunesmithError):
    """A request was not answered. ``kind`` is countable, ``message`` is for people."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(f"{kind}: {message}")


class Permanent(RequestError):
    """This request will never be answered; others may."""


class Transient(RequestError):
    """The same request may be answered later. ``retry_after``: seconds, where the server said."""

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(kind, message)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The server asks for fewer requests. ``elsewhere``: another server may be asked at once."""

    def __init__(
        self, kind: str, message: str, retry_after: float | None = None, *, elsewhere: bool = False
    ) -> None:
        super().__init__(kind, message, retry_after)
        self.elsewhere = elsewhere


class AccessRefused(RequestError):
    """Nothing we send will be answered until the user mends something."""


def of_status(status: int, message: str, retry_after: float | None = None) -> RequestError:
    """The fault that an HTTP ``status`` (not 2xx) stands for; ``message`` is the server's, scrubbed."""
    said = f"HTTP {status}: {message}"
    if status in (401, 402, 403):
        return AccessRefused(f"refused {status}", f"{said}. Check the API key, its rights and its credit")
    if status in (404, 405, 410) or 300 <= status < 400:
        return AccessRefused(
            f"refused {status}", f"{said}. Check base_url (it usually ends in /v1) and model"
        )
    if status in (429, 503, 529):
        return _pushed_back(status, said, retry_after)
    if status in (408, 504):
        return Transient("timeout", said, retry_after)
    if status in (409, 425) or status >= 500:
        return Transient("server error", said, retry_after)
    return Permanent(f"refused {status}", said)


def _pushed_back(status: int, said: str, retry_after: float | None) -> RequestError:
    if "insufficient_quota" in said:
        return AccessRefused("no credit", f"{said}. Add credit to the account, then run the same command")
    if retry_after is not None and retry_after > LONGEST_WAIT:
        wait = f"{retry_after / 3600:.1f} hours"
        return AccessRefused(
            "rate limit", f"{said}. The provider asks to come back in {wait}; run again then"
        )
    return RateLimited("rate limit" if status == 429 else "overloaded", said, retry_after)


def retry_after(headers: Iterable[tuple[str, str]], now: float) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``Retry-After`` (seconds or a date).  now: Unix time."""
    found = {name.lower(): value for name, value in headers}
    try:
        if "retry-after-ms" in found:
            return max(0.0, float(found["retry-after-ms"]) / 1000)
        value = found.get("retry-after", "")
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - now) if value else None
    except (TypeError, ValueError, OverflowError):
        return None
