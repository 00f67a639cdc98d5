"""From a judge's scores to probabilities that mean what they say.

Two maps, both never falling: Platt's (1999), a logistic curve over the log-odds of the score, for few
labels; and isotonic regression (Zadrozny and Elkan 2002), the best non-decreasing fit, for a thousand or
more. Isotonic fits are exact: blocks are pooled by whole numbers, never by rounded means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Map = Callable[[np.ndarray], np.ndarray]
"""Scores of shape (rows,) in 0..1 to probabilities of the same shape."""
_NEAREST = 1e-6
"""Scores are taken to be at least so far from 0 and 1: there log-odds end."""
_STEPS = 100


def isotonic(scores: Sequence[float], labels: Sequence[bool]) -> Map:
    """The non-decreasing map with the least squared error; straight lines join its blocks.

    Pool adjacent violators (Ayer et al. 1955): equal scores stand together, and as long as a block passes
    more often than the one after it, the two become one.
    """
    ends: list[tuple[float, float]] = []  # lowest and highest score of a block
    counts: list[tuple[int, int]] = []  # passed, rows
    for score, passed in sorted(zip(scores, labels, strict=True)):
        if ends and ends[-1] == (score, score):
            counts[-1] = (counts[-1][0] + passed, counts[-1][1] + 1)
        else:
            _settle(ends, counts)
            ends.append((score, score))
            counts.append((int(passed), 1))
    _settle(ends, counts)
    knots = np.array([end for block in ends for end in block])
    values = np.array([passed / rows for passed, rows in counts for _ in range(2)])
    return lambda given: np.interp(given, knots, values)


def _settle(ends: list[tuple[float, float]], counts: list[tuple[int, int]]) -> None:
    """Pool the last blocks until none passes more often than the next."""
    while len(counts) > 1 and counts[-2][0] * counts[-1][1] >= counts[-1][0] * counts[-2][1]:
        (low, _), (_, high) = ends[-2:]
        passed, rows = (sum(both) for both in zip(*counts[-2:], strict=True))
        ends[-2:], counts[-2:] = [(low, high)], [(passed, rows)]


def platt(scores: Sequence[float], labels: Sequence[bool]) -> Map:
    """The logistic curve over log-odds that fits best, with Platt's smoothed targets.

    Newton's method with step halving (Lin, Lin and Weng 2007). A curve that would fall is held flat: a judge
    that is wrong more often than right is no evidence, not evidence turned round.
    """
    odds, passed = log_odds(np.asarray(scores, float)), np.asarray(labels, bool)
    high, low = (passed.sum() + 1) / (passed.sum() + 2), 1 / ((~passed).sum() + 2)
    targets = np.where(passed, high, low)
    slope, shift = _newton(odds, targets)
    if slope <= 0:
        slope, shift = 0.0, math.log(targets.mean() / (1 - targets.mean()))
    return lambda given: _sigmoid(slope * log_odds(given) + shift)


def log_odds(scores: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), with p kept off 0 and 1."""
    inside = np.clip(scores, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))


def _loss(odds: np.ndarray, targets: np.ndarray, slope: float, shift: float) -> float:
    z = slope * odds + shift
    return float((np.logaddexp(0, z) - targets * z).sum())


def _newton(odds: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    slope, shift = 0.0, math.log(targets.mean() / (1 - targets.mean()))
    loss = _loss(odds, targets, slope, shift)
    for _ in range(_STEPS):
        said = _sigmoid(slope * odds + shift)
        weights, error = said * (1 - said), said - targets
        gradient = np.array([(error * odds).sum(), error.sum()])
        corner = (weights * odds).sum()
        curvature = np.array([[(weights * odds**2).sum(), corner], [corner, weights.sum()]])
        move = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-10:
            tried = slope - size * move[0], shift - size * move[1]
            if (after := _loss(odds, targets, *tried)) < loss:
                break
            size /= 2
        else:
            break
        (slope, shift), gained, loss = tried, loss - after, after
        if gained < 1e-12 * (1 + abs(loss)):
            break
    return float(slope), float(shift)
