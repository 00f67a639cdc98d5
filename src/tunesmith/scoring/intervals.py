"""pass@k and the error bars around it.

Published differences between code models are mostly inside noise: 98 of 164 is 59.8% with a 95%
interval of [52.1, 67.0]. So every score of ours carries one, and two runs are compared in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

from ..chance import number

RESAMPLES = 10_000
"""Bootstrap resamples: enough that the ends of an interval move by less than a tenth of a point."""

_CELLS = 1 << 20


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of ``k`` samples passes, without bias (Chen et al. 2021, eq. 1).

    n: samples drawn.  c: those that passed.  Computed as 1 - prod(1 - k/i) for i in n-c+1..n.

    Raises:
        ValueError: k is not in 1..n, or c not in 0..n.
    """
    if not (1 <= k <= n and 0 <= c <= n):
        raise ValueError(f"pass@{k} of {c} passes among {n} samples is not defined")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def wilson(passed: float, total: float, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), inside 0..1; (0, 1) where nothing was tried."""
    if total == 0:
        return 0.0, 1.0
    passed = min(passed, total)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, spread = passed / total, z * z / total
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / total + spread / (4 * total))
    low = 0.0 if passed == 0 else max(0.0, middle - half)
    return low, 1.0 if passed == total else min(1.0, middle + half)


def score_interval(
    values: Sequence[float], draws: float = math.inf, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the mean of one figure per problem, each in 0..1; it has a width even at 0 and 1.

    Wilson's interval with the effective number of problems (Kish 1965; Korn and Graubard 1998): problems with
    several draws vary less than single passes do, so they count for more. A bootstrap over problems would
    collapse to a point where all are 0 or all are 1. With values of only 0 and 1 this is ``wilson``.

    draws: samples per problem; the mean cannot be surer than that many independent passes per problem.
    """
    total = len(values)
    if not total:
        return 0.0, 1.0
    # A made-up failure and a made-up pass keep the variance of a few equal values from being taken for 0.
    padded = [0.0, 1.0, *values]
    middle = sum(padded) / len(padded)
    variance = sum((value - middle) ** 2 for value in padded) / len(padded)
    effective = total * min(draws, middle * (1 - middle) / variance)
    rate = sum(values) / total
    return wilson(rate * effective, effective, confidence)


def bootstrap(values: Sequence[float], confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The percentile interval of the mean over problems (Efron 1979), which are drawn with replacement.

    values: one figure per problem, shape (problems,). The same values give the same interval.
    """
    if not values:
        return 0.0, 1.0
    import numpy as np  # here: the score of one sample a problem needs no resampling

    given = np.asarray(values, np.float64)
    chance = np.random.default_rng(number(seed, "bootstrap"))
    rows = max(1, _CELLS // len(given))
    means: list[np.ndarray] = []
    for start in range(0, RESAMPLES, rows):
        drawn = chance.integers(0, len(given), (min(rows, RESAMPLES - start), len(given)))
        means.append(given[drawn].mean(axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def mcnemar(pairs: Iterable[tuple[bool, bool]]) -> tuple[int, int, float]:
    """Whether two runs over the same problems differ (McNemar 1947, the exact binomial form).

    pairs: (first passed, second passed) per problem.

    Returns:
        problems that only the first passed, only the second passed, and the two-sided p-value.
    """
    seen = list(pairs)
    first = sum(a and not b for a, b in seen)
    second = sum(b and not a for a, b in seen)
    differing = first + second
    if differing == 0:
        return 0, 0, 1.0
    tail = sum(math.comb(differing, i) for i in range(min(first, second) + 1))
    return first, second, min(1.0, float(2 * tail / 2**differing))


def paired_difference(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """The 95% interval of how much more often the second of two runs over the same rows passes.

    Square-and-add with Wilson intervals (Newcombe 1998, Statistics in Medicine 17:2635, method 10).
    both, neither: rows on which they agree.  first, second: rows that one alone passed.
    """
    total = both + first + second + neither
    if not total:
        return -1.0, 1.0
    one, two = both + first, both + second
    difference = (second - first) / total
    below = one / total - wilson(one, total)[0], two / total - wilson(two, total)[0]
    above = wilson(one, total)[1] - one / total, wilson(two, total)[1] - two / total
    spread = math.sqrt(one * (total - one) * two * (total - two))
    product = both * neither - first * second
    alike = (max(product - total / 2, 0) if product > 0 else product) / spread if spread else 0.0
    low = math.sqrt(max(below[1] ** 2 - 2 * alike * below[1] * above[0] + above[0] ** 2, 0.0))
    high = math.sqrt(max(above[1] ** 2 - 2 * alike * above[1] * below[0] + below[0] ** 2, 0.0))
    return difference - low, difference + high
