"""How far a judge's probabilities can be trusted, each figure with a 95% interval.

Brier score: mean squared distance of probability and label. Expected calibration error: how far the mean
probability of a bin lies from its share of passes, averaged over rows. AUC: how surely a passing answer is
put above a failing one. Reranking: what the best-scored of several answers to one instruction passes more
often than one drawn at random. Answers to one instruction are alike, so intervals come from drawing
whole instructions anew (cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..chance import number
from ..sample import Json

RESAMPLES = 1000
_CELLS = 1 << 22
Figure = Callable[[np.ndarray], np.ndarray]
"""Weights of shape (resamples, rows) to one value per resample; NaN where it is not defined."""


def reliability(
    scores: Sequence[float], labels: Sequence[bool], groups: Sequence[str], bins: int = 10
) -> dict[str, Json]:
    """The figures of rows with a probability and a label; ``groups``: the instruction of each.

    bins: of equal width, for the calibration error.  Returns value, low and high of each figure (None
    where it is not defined), and under ``bins`` what was said and what was so, bin by bin.
    """
    p, y = np.asarray(scores, float), np.asarray(labels, float)
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    place = np.minimum((p * bins).astype(int), bins - 1)
    figures: dict[str, Figure] = {
        "brier": lambda w: w @ (p - y) ** 2 / w.sum(1),
        "calibration_error": lambda w: _error(w, p, y, place, bins),
        "accuracy": lambda w: w @ ((p >= 0.5) == (y == 1)).astype(float) / w.sum(1),
        "auc": lambda w: _auc(w, p, y),
    }
    found: dict[str, Json] = {
        name: _with_interval(figure, owner, len(names)) for name, figure in figures.items()
    }
    return found | {"bins": _bins(p, y, place, bins)}


def rerank(scores: Sequence[float], labels: Sequence[bool], groups: Sequence[str]) -> dict[str, Json]:
    """Best of n: pass rates over instructions with at least two scored answers, and the gain.

    random: of an answer drawn at random.  best: of the one scored highest (the mean of equals).
    """
    by_group: dict[str, list[tuple[float, bool]]] = {}
    for score, label, group in zip(scores, labels, groups, strict=True):
        by_group.setdefault(group, []).append((score, label))
    several = [members for members in by_group.values() if len(members) > 1]
    chance = [sum(label for _, label in members) / len(members) for members in several]
    best = []
    for members in several:
        top = [label for score, label in members if score == max(members)[0]]
        best.append(sum(top) / len(top))
    gains = np.array(best) - np.array(chance)
    gain = _with_interval(lambda w: w @ gains / w.sum(1), np.arange(len(gains)), len(gains))
    return {
        "instructions": len(several),
        "random": sum(chance) / len(chance) if chance else None,
        "best": sum(best) / len(best) if best else None,
        "gain": gain,
    }


def _with_interval(figure: Figure, owner: np.ndarray, groups: int) -> dict[str, float | None]:
    if not len(owner):
        return {"value": None, "low": None, "high": None}
    value = float(figure(np.ones((1, len(owner))))[0])
    if np.isnan(value) or groups < 2:  # one instruction says nothing of how instructions differ
        return {"value": None if np.isnan(value) else value, "low": None, "high": None}
    chance = np.random.default_rng(number(0, "reliability"))
    drawn: list[np.ndarray] = []
    at_once = max(1, _CELLS // len(owner))
    for start in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - start)
        times = chance.multinomial(groups, np.full(groups, 1 / groups), count)
        drawn.append(figure(times[:, owner].astype(float)))
    known = np.concatenate(drawn)
    known = known[~np.isnan(known)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return {"value": value, "low": float(low), "high": float(high)}


def _error(w: np.ndarray, p: np.ndarray, y: np.ndarray, place: np.ndarray, bins: int) -> np.ndarray:
    """Expected calibration error (Naeini et al. 2015), one per row of ``w``."""
    apart = np.zeros(len(w))
    for number_ in range(bins):
        inside = place == number_
        apart += np.abs(w[:, inside] @ (p - y)[inside])
    return np.asarray(apart / w.sum(1))


def _auc(w: np.ndarray, p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """P(a pass scores above a failure), ties half; one per row of ``w``."""
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(p[order]) > 0])
    won = np.add.reduceat(w[:, order] * y[order], starts, axis=1)
    lost = np.add.reduceat(w[:, order] * (1 - y[order]), starts, axis=1)
    below = np.cumsum(lost, axis=1) - lost
    pairs = won.sum(1) * lost.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((won * (below + lost / 2)).sum(1) / np.where(pairs > 0, pairs, np.nan))


def _bins(p: np.ndarray, y: np.ndarray, place: np.ndarray, bins: int) -> list[dict[str, Json]]:
    return [
        {"from": number_ / bins, "to": (number_ + 1) / bins, "rows": int(inside.sum()),
         "said": float(p[inside].mean()), "passed": float(y[inside].mean())}
        for number_ in range(bins)
        if (inside := place == number_).any()
    ]  # fmt: skip
