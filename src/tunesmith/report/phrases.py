"""Numbers and settings as people read them."""

from __future__ import annotations

from typing import Any

import orjson


def usd(amount: float | None) -> str:
    """Money with two significant digits: ``$12.40``, ``$0.0031``, ``$0``."""
    if not amount:
        return "$0"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.2g}" if amount < 0.01 else f"${amount:.3f}"


def clock(seconds: float) -> str:
    """``0.4 s``, ``3 min 12 s``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "< 0.1 s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min {int(seconds % 60):02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def share(part: float, whole: float) -> str:
    """``37%``; ``<1%`` if it is small but not zero."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 1 or 99 < percent < 100:
        return "<1%" if percent < 1 else ">99%"
    return f"{percent:.0f}%"


def value(setting: Any) -> str:
    """A setting or fact as one line of text."""
    match setting:
        case None | "" | [] | ():
            text = "–"
        case bool():
            text = "yes" if setting else "no"
        case int():
            text = f"{setting:,}"
        case float():
            text = f"{setting:.6g}"
        case str():
            text = setting
        case dict():
            text = ", ".join(f"{key}: {value(item)}" for key, item in setting.items()) or "–"
        case list() | tuple():
            text = ", ".join(value(item) for item in setting)
        case _:
            text = orjson.dumps(setting, default=str).decode()
    return text
