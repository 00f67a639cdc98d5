"""Comparing arms of an experiment over the same tasks and seeds.

An arm is scored as a matrix of shape (seeds, tasks): the share of passes of each task under each seed. Both
seeds and tasks are samples from something larger, so both are resampled (crossed bootstrap, Owen 2007,
arXiv 0712.1111): an interval over tasks alone would call the luck of one training run an effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..chance import number
from .intervals import wilson

RESAMPLES = 4_000


@dataclass(frozen=True, slots=True)
class Contrast:
    """How much higher ``a`` scores than ``b``, with a 95% interval and a two-sided p-value.

    p: from the bootstrap, never below 1 / RESAMPLES.  holm: p corrected for all contrasts of the table.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    holm: float = 1.0


def mean_interval(scores: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95% interval of the mean of ``scores``, shape (seeds, tasks).

    Where every value is 0 or every value is 1 there is no spread to resample; Wilson's interval over tasks is
    given instead, so that no interval has width 0.
    """
    if scores.min() == scores.max() and scores.flat[0] in (0.0, 1.0):
        tasks = scores.shape[1]
        return wilson(tasks if scores.flat[0] else 0, tasks)
    low, high = np.quantile(_resampled(scores, seed), [0.025, 0.975])
    return float(low), float(high)


def contrast(a: str, b: str, first: np.ndarray, second: np.ndarray, seed: int = 0) -> Contrast:
    """``first`` minus ``second``, paired by seed and task; both have shape (seeds, tasks)."""
    if first.shape != second.shape:
        raise ValueError(f"{a} and {b} are not paired: shapes {first.shape} and {second.shape}")
    differences = first - second
    means = _resampled(differences, seed)
    low, high = np.quantile(means, [0.025, 0.975])
    below, above = float(np.mean(means <= 0)), float(np.mean(means >= 0))
    p = min(1.0, max(2 * min(below, above), 1 / RESAMPLES))
    return Contrast(a, b, float(differences.mean()), float(low), float(high), p)


def _resampled(values: np.ndarray, seed: int) -> np.ndarray:
    """Means of ``values`` with seeds and tasks drawn with replacement, shape (RESAMPLES,)."""
    seeds, tasks = values.shape
    rng = np.random.default_rng(number(seed, "crossed bootstrap"))
    # Drawing with replacement is a multinomial weight per seed and per task, so one product gives all means.
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    by_task = rng.multinomial(tasks, np.full(tasks, 1 / tasks), RESAMPLES) / tasks
    means: np.ndarray = np.einsum("rs,st,rt->r", by_seed, values, by_task, optimize=True)
    return means


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for testing all of them (Holm 1979), in the given order."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = least
    return corrected


def seeds_needed(deviation: float, effect: float = 0.05, power: float = 0.8, alpha: float = 0.05) -> int:
    """Seeds with which a paired design finds an ``effect``; deviation: SD of the difference between seeds."""
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return max(2, math.ceil((z * deviation / effect) ** 2))


def detectable_effect(deviation: float, seeds: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest effect that a paired design of so many ``seeds`` finds with ``power``."""
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return z * deviation / math.sqrt(seeds)
