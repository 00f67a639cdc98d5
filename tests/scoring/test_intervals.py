"""The estimators against exact arithmetic and against naive implementations."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.scoring.intervals import bootstrap, mcnemar, pass_at_k, score_interval, wilson


@given(st.integers(1, 200), st.data())
def test_pass_at_k_is_the_exact_share_of_draws_that_hold_a_pass(n, data):
    c = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    exact = 1 - Fraction(comb(n - c, k), comb(n, k))
    assert pass_at_k(n, c, k) == pytest.approx(float(exact), abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_counts_every_choice_of_k_samples(passed, data):
    k = data.draw(st.integers(1, len(passed)))
    choices = [any(some) for some in combinations(passed, k)]
    assert pass_at_k(len(passed), sum(passed), k) == pytest.approx(sum(choices) / len(choices))


@pytest.mark.parametrize(("n", "c", "k"), [(1, 0, 2), (5, 6, 1), (5, -1, 1), (5, 2, 0)])
def test_pass_at_k_refuses_what_it_is_not_defined_for(n, c, k):
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, c, k)


@given(st.integers(1, 400), st.data())
def test_the_wilson_interval_is_where_the_score_test_does_not_reject(total, data):
    passed = data.draw(st.integers(0, total))
    low, high = wilson(passed, total)
    z = 1.959963984540054
    assert 0 <= low <= passed / total <= high <= 1
    for edge in (low, high):
        if 0 < edge < 1:
            distance = abs(passed / total - edge)
            assert distance == pytest.approx(z * (edge * (1 - edge) / total) ** 0.5, rel=1e-6)


def test_the_wilson_interval_of_wizardcoders_98_of_164_is_the_published_one():
    low, high = wilson(98, 164)
    assert (round(100 * low, 1), round(100 * high, 1)) == (52.1, 67.0)


def test_the_wilson_interval_closes_at_the_ends_and_says_nothing_of_nothing():
    assert wilson(0, 50)[0] == 0.0
    assert wilson(50, 50)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_interval_of_single_samples_is_wilsons(passes):
    assert score_interval([float(one) for one in passes], 1) == pytest.approx(
        wilson(sum(passes), len(passes))
    )


@pytest.mark.parametrize("draws", [1, 2, 200])
def test_the_interval_of_problems_that_all_fail_or_all_pass_claims_no_certainty(draws):
    assert score_interval([0.0] * 10, draws) == pytest.approx(wilson(0, 10))
    assert score_interval([1.0] * 10, draws) == pytest.approx(wilson(10, 10))


@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=100), st.integers(1, 50))
def test_the_interval_holds_the_mean_and_lies_within_0_and_1(values, draws):
    low, high = score_interval(values, draws)
    assert 0 <= low <= sum(values) / len(values) + 1e-9
    assert low < high <= 1
    assert high >= sum(values) / len(values) - 1e-9


WORLDS = [
    (problems, draws, k, shape)
    for problems in (10, 30, 164)
    for draws, k in ((2, 1), (10, 1), (20, 5))
    for shape in ((0.5, 0.5), (0.2, 2.0), (2.0, 0.2), (0.05, 1.0), (3.0, 3.0))
]


@pytest.mark.parametrize(("problems", "draws", "k", "shape"), WORLDS)
def test_the_interval_covers_the_truth_nineteen_times_in_twenty(problems, draws, k, shape):
    chance = np.random.default_rng(7)
    table = np.array([pass_at_k(draws, passed, k) for passed in range(draws + 1)])
    truth = float((1 - (1 - chance.beta(*shape, 100_000)) ** k).mean())
    values = table[chance.binomial(draws, chance.beta(*shape, (500, problems)))]
    intervals = [score_interval(row, draws) for row in values.tolist()]
    covered = sum(low <= truth <= high for low, high in intervals) / len(intervals)
    assert covered >= 0.91  # 0.95 less three standard errors of 500 trials, and 0.01 of the method


def test_the_bootstrap_agrees_with_the_normal_interval_where_that_holds():
    values = [float(i % 2) for i in range(400)]
    low, high = bootstrap(values)
    assert low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.01)
    assert high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.01)


def test_the_bootstrap_gives_the_same_interval_again():
    values = [0.0, 0.25, 0.5, 1.0, 1.0]
    assert bootstrap(values) == bootstrap(values)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_bootstrap_stays_within_the_values(values):
    low, high = bootstrap(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_the_two_sided_sign_test_on_the_pairs_that_differ(pairs):
    first, second, p_value = mcnemar(pairs)
    b = sum(a and not c for a, c in pairs)
    c = sum(c and not a for a, c in pairs)
    n = b + c
    as_far = [Fraction(comb(n, i), 2**n) for i in range(n + 1) if abs(2 * i - n) >= abs(b - c)]
    assert (first, second) == (b, c)
    assert p_value == pytest.approx(float(sum(as_far)) if n else 1.0)
