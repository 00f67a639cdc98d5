"""Contrasts over seeds and tasks: checked against brute force and scipy, never certain without reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.scoring.contrasts import contrast, detectable_effect, holm, mean_interval, seeds_needed


def test_the_crossed_bootstrap_is_that_of_plain_loops() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.random((6, 40)) < 0.6).astype(float)
    means = []
    for _ in range(4000):
        seeds, tasks = rng.integers(0, 6, 6), rng.integers(0, 40, 40)
        means.append(scores[np.ix_(seeds, tasks)].mean())
    low, high = mean_interval(scores)
    assert [low, high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)


def test_an_effect_of_one_seed_is_not_taken_for_an_effect_of_the_arm() -> None:
    base = np.tile([0.0, 1.0], (5, 50))
    lucky = base.copy()
    lucky[0] = 1.0  # one training run that got everything right
    steady = np.minimum(base + np.tile([0.1, 0.0], (5, 50)), 1.0)
    assert contrast("lucky", "base", lucky, base).low <= 0
    assert contrast("steady", "base", steady, base).low > 0


def test_equal_arms_are_called_different_about_one_time_in_twenty() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for trial in range(200):
        first, second = ((rng.random((8, 60)) < 0.5).astype(float) for _ in range(2))
        wrong += (
            not contrast("a", "b", first, second, seed=trial).low
            <= 0
            <= contrast("a", "b", first, second, seed=trial).high
        )
    assert wrong <= 24


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_interval_never_collapses_at_the_ends(share: float) -> None:
    low, high = mean_interval(np.full((5, 30), share))
    assert high - low > 0.05 and low <= share <= high


def test_pairs_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="not paired"):
        contrast("a", "b", np.zeros((2, 3)), np.zeros((3, 3)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_textbook_procedure(values: list[float]) -> None:
    corrected = holm(values)
    for alpha in (0.01, 0.05, 0.2):
        order, rejected = sorted(range(len(values)), key=values.__getitem__), set()
        for rank, place in enumerate(order):
            if values[place] > alpha / (len(values) - rank):
                break
            rejected.add(place)
        # a tie between p and alpha may fall either way by rounding
        sure = {i for i, p in enumerate(corrected) if p < alpha * (1 - 1e-9)}
        maybe = {i for i, p in enumerate(corrected) if p <= alpha * (1 + 1e-9)}
        assert sure <= rejected <= maybe


def test_power_is_what_simulation_finds() -> None:
    rng, deviation, effect = np.random.default_rng(2), 0.06, 0.05
    seeds = seeds_needed(deviation, effect)
    z = rng.normal(effect, deviation, (4000, seeds)).mean(axis=1) / (deviation / np.sqrt(seeds))
    assert np.mean(z > 1.96) == pytest.approx(0.8, abs=0.04)
    assert detectable_effect(deviation, seeds) <= effect
