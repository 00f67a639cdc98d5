"""From rows to tensors: what is supervised, which rows a step sees, how they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
import training_world as world
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import DataError
from tunesmith.llm.template import find
from tunesmith.sample import Sample
from tunesmith.training.loop.collate import IGNORED, micro_batches, pack
from tunesmith.training.loop.encode import encode
from tunesmith.training.loop.feed import Feed

ROLES = find("roles")


@pytest.fixture(scope="module")
def tokenizer():
    return world.TINY.tokenizer()


def encoded(tokenizer, samples, **settings):
    return encode(samples, tokenizer, ROLES, **{"max_length": 128, **settings})


def test_only_the_answer_and_its_end_are_supervised(tokenizer):
    sample = Sample.born("s", instruction="Say hi.", answer="hi there")
    rows = encoded(tokenizer, [sample])
    (micro,) = micro_batches(rows, np.array([0]), slots=999, pad=0)
    taught = micro.targets[micro.targets != IGNORED]
    assert tokenizer.decode(taught) == "hi there<|end|>"
    assert len(taught) == rows.supervised()[0]


def test_each_target_is_the_next_token_of_the_same_row(tokenizer):
    rows = encoded(tokenizer, world.rows())
    for micro in micro_batches(rows, np.arange(12), slots=400, pad=0, packed_length=100):
        line, place = np.nonzero(micro.targets != IGNORED)
        assert (micro.targets[line, place] == micro.ids[line, place + 1]).all()
        assert (micro.positions[line, place] + 1 == micro.positions[line, place + 1]).all()


def test_a_row_that_cannot_teach_is_left_out_and_counted(tokenizer):
    long = Sample.born("s", instruction="x", answer="y = 1\n" * 200)
    asks = Sample.born("s", instruction="why " * 200, answer="so")
    samples = [*world.rows(2), Sample.born("s", instruction="?"), long, asks, world.rows(1)[0].weighed(0)]
    rows = encoded(tokenizer, samples)
    assert len(rows) == 2
    assert rows.left_out == {
        "no answer": 1, "longer than max_length": 1, "prompt longer than max_length": 1, "weight 0": 1,
    }  # fmt: skip


def test_a_cut_answer_keeps_its_end_token(tokenizer):
    long = Sample.born("s", instruction="x", answer="y = 1\n" * 200)
    rows = encoded(tokenizer, [long], overlong="cut")
    assert rows.cut == 1
    assert len(rows.row(0)) == 128
    assert rows.row(0)[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no rows to train on"),
        ([Sample.born("s", instruction="?")] * 2, "none of the 2 rows can be trained on: 2 no answer"),
        ([world.rows(1)[0].weighed(-1)], "has the weight -1"),
    ],
)
def test_nothing_to_train_on_is_refused(tokenizer, samples, said):
    with pytest.raises(DataError, match=said) as caught:
        encoded(tokenizer, samples, where="steps.student")
    assert caught.value.where == "steps.student"


lengths = st.lists(st.integers(1, 30), min_size=1, max_size=40).map(np.array)


@given(lengths, st.integers(1, 40), st.integers(1, 3))
def test_every_epoch_takes_every_row_once_by_count(lengths, batch, epochs):
    feed = Feed(lengths, 1, batch=batch, epochs=epochs)
    taken = np.concatenate([feed.items(step) for step in range(len(feed))])
    for epoch in range(epochs):
        part = taken[epoch * len(lengths) : (epoch + 1) * len(lengths)]
        assert sorted(part) == list(range(len(lengths)))
    assert len(taken) == epochs * len(lengths)


@given(lengths, st.integers(1, 80), st.integers(1, 3))
def test_a_token_budget_is_kept_and_takes_every_row(lengths, budget, epochs):
    feed = Feed(lengths, 1, batch_tokens=budget, epochs=epochs)
    steps = [feed.items(step) for step in range(len(feed))]
    assert all(lengths[rows].sum() <= budget or len(rows) == 1 for rows in steps)
    assert np.bincount(np.concatenate(steps)).tolist() == [epochs] * len(lengths)


@given(lengths, st.integers(0, 20), st.booleans())
def test_a_step_does_not_depend_on_the_steps_before(lengths, step, by_tokens):
    size = {"batch_tokens": 40} if by_tokens else {"batch": 3}
    walked, sought = (Feed(lengths, 5, max_steps=21, **size) for _ in range(2))
    for earlier in range(step):
        walked.items(earlier)
    assert walked.items(step).tolist() == sought.items(step).tolist()


def test_epochs_are_shuffled_anew_and_by_seed():
    def order(seed, epoch):
        return Feed(np.ones(50), seed, batch=50, epochs=2).items(epoch).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_half_an_epoch_takes_half_the_rows():
    feed = Feed(np.ones(10), 1, batch=4, epochs=0.5)
    assert [len(feed.items(step)) for step in range(len(feed))] == [4, 1]


@given(lengths, st.integers(30, 60))
def test_packing_places_every_row_once_within_the_capacity(lengths, capacity):
    bins = pack(lengths, capacity)
    assert sorted(place for one in bins for place in one) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in one) <= capacity for one in bins)


@given(st.integers(0, 2**32 - 1))
def test_packing_fills_at_least_95_of_100_places(seed):
    lengths = np.random.Generator(np.random.Philox(seed)).integers(20, 120, 200)
    assert lengths.sum() / (len(pack(lengths, 512)) * 512) >= 0.95


@pytest.mark.parametrize("packed", [None, 100])
def test_micro_batches_hold_the_step_and_keep_the_budget(tokenizer, packed):
    rows = encoded(tokenizer, world.rows(20))
    micros = micro_batches(rows, np.arange(20), slots=300, pad=0, packed_length=packed)
    assert all(micro.slots <= 300 for micro in micros)
    assert sum((micro.targets != IGNORED).sum() for micro in micros) == rows.supervised().sum()
