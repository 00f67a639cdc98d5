"""Losses that expect wrong labels: what each converges to, and that recipes can name them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import training_world as world
from pydantic import ValidationError

from tunesmith.errors import DataError, UserError
from tunesmith.sample import Sample, Verdict
from tunesmith.training._loss import Loss
from tunesmith.training.loop.likelihood import confidence
from tunesmith.training.loop.token_losses import forward_corrected, generalised, likelihood

NOISE = ((0.8, 0.2), (0.1, 0.9))
TRUE = 0.7  # share of the first label among the true ones
WRITTEN = TRUE * 0.8 + (1 - TRUE) * 0.1


def learnt(loss):
    """P(first label) of two free logits (of four) after training on labels written with noise."""
    first = round(1000 * WRITTEN)
    targets = torch.tensor([2] * first + [3] * (1000 - first))
    logits = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        loss(logits.expand(1000, 4), targets).mean().backward()
        optimizer.step()
    return float(torch.softmax(logits.detach(), -1)[2])


def corrected(logits, targets):
    starts = torch.ones(len(targets), dtype=torch.bool)
    return forward_corrected(logits, targets, starts, [2, 3], NOISE)


def test_forward_correction_finds_the_true_share_and_the_likelihood_the_written_one():
    assert learnt(likelihood) == pytest.approx(WRITTEN, abs=0.01)
    assert learnt(corrected) == pytest.approx(TRUE, abs=0.01)


def test_forward_correction_leaves_other_tokens_and_later_places_alone():
    torch.manual_seed(0)
    logits, targets = torch.randn(4, 4), torch.tensor([2, 1, 3, 2])
    starts = torch.tensor([True, True, True, False])
    losses = forward_corrected(logits, targets, starts, [2, 3], NOISE)
    changed = (losses - likelihood(logits, targets)).abs() > 1e-6
    assert changed.tolist() == [True, False, True, False]
    p = torch.softmax(logits, -1)
    assert losses[0] == pytest.approx(float(-(0.8 * p[0, 2] + 0.1 * p[0, 3]).log()))
    assert losses[2] == pytest.approx(float(-(0.2 * p[2, 2] + 0.9 * p[2, 3]).log()))
    exact = forward_corrected(logits, targets, starts, [2, 3], [[1.0, 0.0], [0.0, 1.0]])
    assert torch.allclose(exact, likelihood(logits, targets))


def test_generalised_cross_entropy_lies_between_likelihood_and_absolute_error():
    torch.manual_seed(0)
    logits, targets = torch.randn(20, 4), torch.randint(4, (20,))
    p = torch.softmax(logits, -1).gather(1, targets[:, None])[:, 0]
    assert torch.allclose(generalised(logits, targets, 1.0), 1 - p)
    assert torch.allclose(generalised(logits, targets, 1e-4), likelihood(logits, targets), rtol=1e-2)


def test_a_verdict_counts_by_how_sure_it_is():
    row = world.rows(1)[0]
    sure, unsure = Verdict("a", True, 0.9), Verdict("b", False, 0.4)
    judged = replace(row, verdicts=(sure, unsure))
    assert confidence(row, "") == 1
    assert confidence(judged, "a") == 0.9
    assert confidence(judged, "") == confidence(judged, "b") == pytest.approx(0.6)
    with pytest.raises(DataError, match="score 4 of a is not a probability"):
        confidence(replace(row, verdicts=(Verdict("a", True, 4),)), "")


def verdict_rows():
    return [
        Sample.born("seeds", instruction=f"Is {n} right?", answer="passed" if n % 3 else "not passed").judged(
            Verdict("judge", bool(n % 3), 0.5 + n / 40)
        )
        for n in range(12)
    ]


@pytest.mark.parametrize(
    "loss", [{"kind": "forward", "noise": NOISE}, {"kind": "gce"}, {"kind": "weighted", "by": "judge"}]
)
def test_a_loss_is_trained_with_and_changes_the_weights(tmp_path, loss):
    rows = world.table(tmp_path, verdict_rows())
    done = world.quick(loss=loss).train(rows, world.context(tmp_path / "a"))
    plain = world.quick().train(rows, world.context(tmp_path / "b"))
    assert world.weights(done.path) != world.weights(plain.path)
    packed = world.quick(loss=loss, packing=True).train(rows, world.context(tmp_path / "c"))
    assert [loss for _, loss in packed.losses] == pytest.approx([loss for _, loss in done.losses], rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "problem"),
    [
        ({"kind": "forward"}, "needs it"),
        ({"kind": "gce", "noise": NOISE}, "goes with kind: forward"),
        ({"kind": "forward", "noise": [[0.8, 0.1], [0.1, 0.9]]}, "must add up to 1"),
        ({"kind": "forward", "noise": [[0.6, 0.4], [0.6, 0.4]]}, "say nothing"),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused(loss, problem):
    with pytest.raises(ValidationError, match=problem):
        Loss(**loss)


def test_labels_that_begin_with_one_token_are_refused(tmp_path):
    step = world.quick(loss={"kind": "forward", "noise": NOISE, "labels": ["passed", "pass"]})
    with pytest.raises(UserError, match=r"steps\.student\.loss\.labels"):
        step.train(world.table(tmp_path, verdict_rows()), world.context(tmp_path))
