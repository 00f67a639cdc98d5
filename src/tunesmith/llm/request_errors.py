"""What can go wrong between us and a model, sorted by what to do about it.

    RequestError
    ├── Permanent    this request only: its row is dropped, nothing is retried
    ├── Transient    try again, after ``retry_after`` seconds or a jittered wait
    │   └── RateLimited    the same, and send less: 429, 503
    └── AccessRefused  no request will be answered (bad key, no credit, no such model): stop the run

A backend raises these from ``complete``; the client turns them into a ``Failure``, another try, or
``ProviderRefused``. ``kind`` is short and countable, because dropped rows are counted by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from math import isfinite

from ..errors import TunesmithError
from .secrets import hidden

PASSING = (
    "timeout", "no connection", "dropped connection", "malformed", "rate limit", "overloaded",
    "server error", "batch lost",
)  # fmt: skip
"""Kinds of ``Failure`` that may be answered at another time (``tunesmith retry``)."""

LASTING = (
    "content filter", "prompt too long", "not recorded", "refused 400", "refused 413", "refused 422",
)  # fmt: skip
"""Kinds that fail again unless something is changed; other 4xx give ``refused NNN``."""

LONGEST_WAIT = 900.0
"""Seconds. A provider that asks us to wait longer (a daily quota) stops the run instead."""


_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|max(?:imum)?.?(?:model|context|input|sequence).?len"
    r"|prompt.{0,20}(?:is )?too long|n_ctx|exceeds? the (?:available|model)",
    re.IGNORECASE,
)
"""How servers word a request that does not fit: OpenAI, vLLM, SGLang, TGI, llama.cpp, Anthropic."""


class RequestError(TunesmithError):
    """A request was not answered. ``kind`` is countable; ``message`` is for people and holds no secret."""

    def __init__(self, kind: str, message: str) -> None:
        message = hidden(message)
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
    """Nothing we send will be answered until the user changes something."""


def of_status(status: int, message: str, retry_after: float | None = None) -> RequestError:
    """The error for an HTTP ``status`` that is not 200; ``message`` is the server's."""
    said = f"HTTP {status}: {message}"
    if status in (401, 402, 403):
        return AccessRefused(f"refused {status}", f"{said}. Check the API key, its rights and its credit")
    if status in (404, 405, 410) or 300 <= status < 400:
        return AccessRefused(
            f"refused {status}", f"{said}. Check base_url (it usually ends in /v1), api and model"
        )
    if status in (429, 503, 529):
        return _pushed_back(status, said, retry_after)
    if status in (408, 504):
        return Transient("timeout", said, retry_after)
    if status in (409, 425) or status >= 500:
        return Transient("server error", said, retry_after)
    too_long = status in (400, 413, 422) and _TOO_LONG.search(message)
    fix = ". Lower max_tokens, or shorten the prompt" if too_long else ""
    return Permanent("prompt too long" if too_long else f"refused {status}", said + fix)


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
    waits = {name.lower(): value for name, value in headers}
    try:
        if "retry-after-ms" in waits:
            seconds = float(waits["retry-after-ms"]) / 1000
            return max(0.0, seconds) if isfinite(seconds) else None
        value = waits.get("retry-after", "")[:80]
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - now) if value else None
    except (TypeError, ValueError, OverflowError):
        return None
