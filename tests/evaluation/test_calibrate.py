"""Calibrated P(passed): the maps against naive references, the figures against plain loops."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import apart, table

from tunesmith.evaluation._calibration import isotonic, log_odds, platt
from tunesmith.evaluation._reliability import reliability, rerank
from tunesmith.evaluation.calibrate import Calibrate
from tunesmith.replies.verdict import QUESTION
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample, Verdict
from tunesmith.selection.hold_out import HoldOut
from tunesmith.step import Context
from tunesmith.verification.pass_probability import PassProbability

PAIRS = st.lists(st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.booleans()), min_size=1, max_size=24)


def best_fit(pairs: Sequence[tuple[float, bool]]) -> dict[float, Fraction]:
    """Isotonic regression by its min-max formula (Robertson et al. 1988), in fractions."""
    scores = sorted({score for score, _ in pairs})
    groups = [[label for score, label in pairs if score == here] for here in scores]

    def mean(first: int, last: int) -> Fraction:
        labels = [label for group in groups[first : last + 1] for label in group]
        return Fraction(sum(labels), len(labels))

    every = range(len(scores))
    return {scores[i]: max(min(mean(a, b) for b in every if b >= i) for a in every if a <= i) for i in every}


@given(PAIRS)
def test_isotonic_is_the_best_non_decreasing_fit(pairs: list[tuple[float, bool]]) -> None:
    expected = best_fit(pairs)
    fit = isotonic(*zip(*pairs, strict=True))
    assert fit(np.array(list(expected))).tolist() == [float(value) for value in expected.values()]
    line = fit(np.linspace(0, 1, 50))
    assert (np.diff(line) >= 0).all() and 0 <= line.min() <= line.max() <= 1


@given(PAIRS)
def test_no_other_rising_curve_fits_platts_targets_better(pairs: list[tuple[float, bool]]) -> None:
    scores, labels = zip(*pairs, strict=True)
    fit, odds = platt(scores, labels), log_odds(np.array(scores))
    passed = sum(labels)
    targets = np.where(labels, (passed + 1) / (passed + 2), 1 / (len(labels) - passed + 2))

    def loss(p: np.ndarray) -> float:
        return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).sum())

    ours = fit(np.array(scores))
    assert (np.diff(fit(np.linspace(0, 1, 50))) >= 0).all()
    for slope in (0.0, 0.01, 0.1, 0.3, 1.0, 3.0):
        for shift in (-3.0, -1.0, -0.3, 0.0, 0.3, 1.0, 3.0):
            other = np.clip(1 / (1 + np.exp(-(slope * odds + shift))), 1e-15, 1 - 1e-15)
            assert loss(ours) <= loss(other) + 1e-6


@given(PAIRS, st.integers(2, 12))
def test_the_figures_are_those_of_plain_loops(pairs: list[tuple[float, bool]], bins: int) -> None:
    scores, labels = zip(*pairs, strict=True)
    found = reliability(scores, labels, [str(n % 5) for n in range(len(pairs))], bins)
    n = len(pairs)
    assert found["brier"]["value"] == pytest.approx(sum((p - y) ** 2 for p, y in pairs) / n)
    error = 0.0
    for place in range(bins):
        inside = [(p, y) for p, y in pairs if min(int(p * bins), bins - 1) == place]
        error += abs(sum(p for p, _ in inside) - sum(y for _, y in inside)) / n
    assert found["calibration_error"]["value"] == pytest.approx(error)
    assert found["accuracy"]["value"] == pytest.approx(sum((p >= 0.5) == y for p, y in pairs) / n)
    won = [(p > q) + (p == q) / 2 for p, y in pairs if y for q, z in pairs if not z]
    assert found["auc"]["value"] == (pytest.approx(sum(won) / len(won)) if won else None)
    assert sum(b["rows"] for b in found["bins"]) == n


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """A judge that says 0.7 of answers that pass in 70 of 100 cases: its Brier score is 0.21."""
    held = 0
    for seed in range(60):
        rng = Random(seed)
        labels = [rng.random() < 0.7 for _ in range(150)]
        found = reliability([0.7] * 150, labels, [str(i) for i in range(150)])["brier"]
        held += found["low"] <= 0.21 <= found["high"]
    assert held >= 52


def test_one_instruction_gives_values_and_no_interval() -> None:
    found = reliability([0.2, 0.9], [False, True], ["a", "a"])
    assert found["brier"] == {"value": pytest.approx(0.025), "low": None, "high": None}
    assert found["auc"]["value"] == 1.0 and found["auc"]["low"] is None
    assert reliability([], [], [])["brier"] == {"value": None, "low": None, "high": None}


def test_reranking_is_measured_where_there_is_a_choice() -> None:
    found = rerank([0.9, 0.1, 0.5, 0.5, 0.3], [True, False, True, False, True], list("aabbc"))
    assert (found["instructions"], found["random"], found["best"]) == (2, 0.5, 0.75)
    assert found["gain"]["value"] == pytest.approx(0.25)
    assert rerank([], [], [])["gain"]["value"] is None


def judged(count: int, seed: int) -> list[Sample]:
    """Answers whose judge is too sure of itself: it says sigmoid(3 z) where sigmoid(z) is true."""
    rng, rows = Random(seed), []
    for place in range(count):
        z = rng.gauss(0, 1.5)
        row = Sample.born("a", instruction=f"task {place // 4}", answer=f"{place}")
        truth = rng.random() < 1 / (1 + math.exp(-z))
        marked = row.judged(Verdict("critic", None, 1 / (1 + math.exp(-3 * z))))
        rows.append(marked.judged(Verdict("run", truth if place % 10 else None)))
    return rows


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_mends_a_judge_that_is_too_sure(method: str, tmp_path: Path) -> None:
    rows = judged(1200, 3)
    step = Calibrate.model_validate({"judge": "critic", "truth": "run", "method": method})
    made, _ = apart(step.table(table(tmp_path, rows), Context("c", seed=1, folder=tmp_path)))
    report = json.loads((tmp_path / "calibration.json").read_text())
    assert report["audited"] == 1080 and len(made) == 1200
    assert [row.id for row in made] == [row.id for row in rows]
    before, after = report["as_said"], report["calibrated"]
    assert after["calibration_error"]["high"] < before["calibration_error"]["low"]
    assert after["brier"]["value"] < before["brier"]["value"] - 0.02
    assert all(0 <= row.verdicts[-1].score <= 1 for row in made if row.verdicts[-1].score is not None)


def test_no_probability_has_seen_a_label_of_its_own_instruction(tmp_path: Path) -> None:
    rows, step = judged(200, 4), Calibrate(judge="critic", truth="run")
    turned = [
        row.judged(Verdict("run", not row.verdicts[1].passed)) if row.instruction == "task 7" else row
        for row in rows
    ]
    scores = []
    for number, given_rows in enumerate((rows, turned)):
        folder = tmp_path / str(number)
        folder.mkdir()
        made, _ = apart(step.table(table(folder, given_rows), Context("c", folder=folder)))
        scores.append([row.verdicts[-1].score for row in made])
    own = [place for place, row in enumerate(rows) if row.instruction == "task 7"]
    assert [scores[0][i] for i in own] == [scores[1][i] for i in own]
    assert scores[0] != scores[1]


def test_without_labels_or_scores_nothing_is_claimed(tmp_path: Path) -> None:
    rows = [Sample.born("a", instruction=f"{n}", answer="x") for n in range(5)]
    made, _ = apart(
        Calibrate(judge="critic", truth="run").table(table(tmp_path, rows), Context("c", folder=tmp_path))
    )
    assert all(row.verdicts[-1] == Verdict("c", None, None, "no probability") for row in made)
    report = json.loads((tmp_path / "calibration.json").read_text())
    assert report["audited"] == 0 and report["as_said"]["brier"]["value"] is None


@pytest.mark.parametrize(
    ("reply", "score", "passed"),
    [
        (Completion("passed", first_logprobs={"pass": math.log(0.6), " n": math.log(0.3)}), 2 / 3, True),
        (Completion("passed", first_logprobs={"not": math.log(0.9), "passed": math.log(0.1)}), 0.1, False),
        (Completion("Not passed."), 0.0, False),
        (Completion("Well", first_logprobs={"Well": -0.1}), None, None),
        (Completion(""), None, None),
        (Completion("I'm sorry, but I cannot judge this."), None, None),
    ],
)
def test_the_first_token_says_how_sure_a_model_is(
    reply: Completion, score: float | None, passed: bool | None
) -> None:
    row, ctx = Sample.born("a", instruction="Add.", answer="x = 1"), Context("sure")
    (request,) = PassProbability().ask(row, ctx)
    assert request.messages[-1].content == QUESTION.format(instruction="Add.", answer="x = 1")
    assert request.logprobs == 20
    (made,) = PassProbability().read(row, [reply], ctx)
    assert isinstance(made, Sample) and made.id == row.id
    assert made.verdicts[-1].score == (None if score is None else pytest.approx(score))
    assert made.verdicts[-1].passed is passed


def test_instructions_are_held_out_whole() -> None:
    rows = [Sample.born("a", instruction=f"{n % 200}", answer=f"{n}") for n in range(800)]
    made = [next(iter(HoldOut(size=0.25).row(row, Context("apart", seed=2)))) for row in rows]
    out = {row.sample.instruction for row in made if isinstance(row, Drop)}
    kept = {row.instruction for row in made if isinstance(row, Sample)}
    assert not out & kept and len(out | kept) == 200 and 30 <= len(out) <= 70
