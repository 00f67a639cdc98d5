"""``selection.mix``: the proportions asked for, from the rows there are."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import apart, context, ids_in_order, rows, table

from tunesmith.errors import DataError
from tunesmith.llm.tokens import tokens_of
from tunesmith.selection.mix import Mix

SOURCES = ["a"] * 12 + ["b"] * 30 + ["c"] * 4
ROWS = rows(answer=[str(i) for i in range(46)], source=SOURCES)


def counts(folder, seed=0, **keys):
    kept, drops = apart(Mix(**keys).table(table(folder, ROWS, 9), context("mixed", seed=seed)))
    return [sum(row.source == name for row in kept) for name in "abc"], drops


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"shares": {"a": 1, "b": 1}}, [12, 12, 0]),
        ({"shares": {"a": 1, "b": 3, "c": 1}}, [4, 12, 4]),
        ({"shares": {"a": 0.5, "b": 0.5}, "size": 9}, [5, 4, 0]),
        ({"shares": {"b": 7}}, [0, 30, 0]),
    ],
)
def test_sources_stand_in_the_given_proportions(tmp_path, keys, expected):
    found, drops = counts(tmp_path, **keys)
    assert found == expected
    assert sum(found) + len(drops) == len(ROWS)
    named = set(keys["shares"])
    assert all((d.reason == "over its share") == (d.sample.source in named) for d in drops)


def test_a_source_without_rows_or_without_enough_is_named(tmp_path):
    with pytest.raises(DataError, match=r"steps\.mixed\.shares: no row has the source 'aa'\n.*"):
        counts(tmp_path, shares={"aa": 1})
    with pytest.raises(DataError, match=r"steps\.mixed\.size: 20 rows of 'a'.*there are 12\n.*at most 24"):
        counts(tmp_path, shares={"a": 1, "b": 1}, size=40)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.floats(0.1, 10), min_size=1), st.integers(0, 3))
def test_rows_come_out_once_in_order_and_the_seed_decides(tmp_path_factory, shares, seed):
    on_disk = table(tmp_path_factory.mktemp("rows"), ROWS, 9)
    once, again = (list(Mix(shares=shares).table(on_disk, context(seed=seed))) for _ in range(2))
    assert once == again
    assert ids_in_order(once) == [row.id for row in ROWS]


def lengths(seed: int, count: int = 60):
    """Rows of three sources whose answers differ in length, one source's ten times as long."""
    chance = Random(seed)
    sources = [chance.choice("aabc") for _ in range(count - 3)] + list("abc")
    words = [chance.randint(1, 30) * (10 if source == "b" else 1) for source in sources]
    texts = [f"{number} " + "word " * words[number] for number in range(count)]
    return rows(answer=texts, source=sources, system=["Be brief."] * count, instruction=["Say it."] * count)


def weight(row):
    return tokens_of(row.system) + tokens_of(row.instruction) + tokens_of(row.answer)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), st.floats(0.1, 10), min_size=1),
    st.integers(0, 3),
    st.none() | st.floats(0.01, 1),
)
def test_by_tokens_each_source_is_within_half_a_row_of_its_part(tmp_path_factory, shares, seed, part):
    samples = lengths(seed)
    whole = sum(shares.values())
    there = {name: sum(weight(row) for row in samples if row.source == name) for name in shares}
    most = min(there[name] * whole / share for name, share in shares.items())
    size = None if part is None else max(1, int(most * part) - 1)
    on_disk = table(tmp_path_factory.mktemp("rows"), samples, 9)
    made = list(Mix(shares=shares, size=size, measure="tokens").table(on_disk, context(seed=seed)))
    assert ids_in_order(made) == [row.id for row in samples]
    for name, share in shares.items():
        longest = max(weight(row) for row in samples if row.source == name)
        found = sum(weight(row) for row in apart(made)[0] if row.source == name)
        assert abs(found - share / whole * (size or most)) <= longest / 2 + 2  # 2: whole tokens


def test_by_tokens_the_same_rows_stay_in_any_order_and_the_seed_decides(tmp_path):
    samples = lengths(7)

    def kept(name, given_rows, seed):
        step = Mix(shares={"a": 1, "b": 1}, size=400, measure="tokens")
        return {
            row.id for row in apart(step.table(table(tmp_path / name, given_rows, 9), context(seed=seed)))[0]
        }

    for name in "xyz":
        (tmp_path / name).mkdir()
    assert kept("x", samples, 0) == kept("y", samples[::-1], 0) != kept("z", samples, 1)


def test_by_tokens_what_is_asked_and_what_there_is_are_said_in_tokens(tmp_path):
    with pytest.raises(DataError, match=r"steps\.mixed\.size: 500 tokens of 'c'.*there are 4\n.*at most 4"):
        counts(tmp_path, shares={"c": 1}, size=500, measure="tokens")
    silent = table(tmp_path, rows(source=["a", "b"], language=["go", "go"]))
    with pytest.raises(DataError, match=r"steps\.mixed\.measure: the rows of 'a' have neither"):
        list(Mix(shares={"a": 1}, measure="tokens").table(silent, context("mixed")))
