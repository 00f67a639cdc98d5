"""Sizes and shares of rows: what ``size: 0.1`` means, and whole numbers from proportions."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import Field

Size = Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0, lt=1)]
"""A number of rows, or a share of them between 0 and 1."""

Key = TypeVar("Key")


def rows_of(size: int | float, rows: int) -> int:
    """``size`` in rows; a share is rounded, and at least one row where there is any."""
    return size if isinstance(size, int) else min(max(round(size * rows), 1), rows)


def allot(total: int, weights: Mapping[Key, int | float]) -> dict[Key, int]:
    """``total`` split in proportion to ``weights``, in whole numbers that add up (largest remainders).

    With weights that are counts and a total no larger than their sum, none gets more than its count.
    """
    whole = sum(map(Fraction, weights.values()))
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {key: Fraction(weight) * total / whole for key, weight in weights.items()}
    shares = {key: int(value) for key, value in exact.items()}
    left = total - sum(shares.values())
    for key in sorted(exact, key=lambda key: shares[key] - exact[key])[:left]:
        shares[key] += 1
    return shares
