"""``selection.sample``: the right number of rows, by rng that hangs on the row alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tables import apart, context, ids_in_order, rows, table

from tunesmith.selection._shares import allot
from tunesmith.selection.sample import DrawSample


def kept_ids(folder, samples, seed=0, **keys):
    kept, drops = apart(DrawSample(**keys).table(table(folder, samples, 7), context(seed=seed)))
    assert len(kept) + len(drops) == len(samples)
    assert {drop.reason for drop in drops} <= {"not sampled"}
    return [sample.id for sample in kept]


SOURCES = rows(answer=[str(i) for i in range(40)], source=["a"] * 20 + ["b"] * 10 + ["c"] * 10)


@pytest.mark.parametrize(("size", "count"), [(12, 12), (0.25, 10), (40, 40), (99, 40), (0.001, 1)])
def test_the_size_is_a_number_or_a_share(tmp_path, size, count):
    assert len(kept_ids(tmp_path, SOURCES, size=size)) == count


@pytest.mark.parametrize("size", [0, -1, 0.0, 1.5, "many"])
def test_a_size_that_is_neither_is_refused(size):
    with pytest.raises(ValidationError):
        DrawSample(size=size)


def test_the_seed_decides_and_the_order_of_rows_does_not(tmp_path):
    once = kept_ids(tmp_path, SOURCES, seed=1, size=10)
    assert set(once) == set(kept_ids(tmp_path, SOURCES[::-1], seed=1, size=10))
    assert once != kept_ids(tmp_path, SOURCES, seed=2, size=10)


def test_the_first_rows_are_the_first(tmp_path):
    assert kept_ids(tmp_path, SOURCES, size=3, choose="first") == [sample.id for sample in SOURCES[:3]]


def test_strata_keep_their_shares(tmp_path):
    ids = set(kept_ids(tmp_path, SOURCES, size=8, group_by=["source"]))
    assert [sum(s.id in ids for s in SOURCES if s.source == name) for name in "abc"] == [4, 2, 2]


def test_rows_stay_in_order(tmp_path):
    things = DrawSample(size=5).table(table(tmp_path, SOURCES, 7), context())
    assert ids_in_order(things) == [sample.id for sample in SOURCES]


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 50), max_size=5), st.data())
def test_whole_numbers_add_up_and_none_exceeds_its_count(counts, data):
    total = data.draw(st.integers(0, sum(counts.values())))
    shares = allot(total, counts)
    assert sum(shares.values()) == total
    assert all(0 <= shares[key] <= count for key, count in counts.items())
    assert all(
        abs(shares[key] - total * count / sum(counts.values())) < 1 for key, count in counts.items() if total
    )
