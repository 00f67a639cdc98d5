"""K-center greedy: the choice of the plain algorithm, and of any block size; and the step around it."""

from __future__ import annotations

import email
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import apart, context, ids_in_order, rows, table

from tunesmith.embed import open_embedder
from tunesmith.selection._vectors import whole_vectors
from tunesmith.selection.kcenter import KCenter, greedy
from tunesmith.sources.folder import Folder


def naive(values: np.ndarray, size: int, first: int) -> tuple[list[int], np.ndarray]:
    """K-center greedy as the papers write it, in whole numbers."""
    values = values.astype(np.int64)
    nearest, taken = np.full(len(values), 2**62), [first]
    for _ in range(size):
        nearest = np.minimum(nearest, ((values - values[taken[-1]]) ** 2).sum(axis=1))
        free = np.where(np.isin(np.arange(len(values)), taken), -1, nearest)
        taken.append(int(np.argmax(free)))
    return taken[:size], nearest


points = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(st.integers(-3, 3), min_size=d, max_size=d), min_size=1, max_size=40)
)


@given(points, st.data())
def test_any_block_size_takes_what_plain_greedy_takes(found, data):
    values = np.array(found, np.int16)
    size, first = data.draw(st.integers(1, len(values))), data.draw(st.integers(0, len(values) - 1))
    expected, nearest = naive(values, size, first)
    for block in (1, 2, 5, 4096):
        coreset = greedy(values, size, first, block)
        assert coreset.rows.tolist() == expected
        assert coreset.nearest.tolist() == nearest.tolist()


def test_real_functions_give_the_plain_choice_and_it_covers_better_than_chance():
    folder = Folder(path=str(Path(email.__file__).parent), methods=True)
    texts = [row.code for row in apart(folder.source(context("raw")))[0]]
    assert len(texts) > 300
    values, scale = whole_vectors(texts, len(texts), open_embedder("hashing"))
    expected, nearest = naive(values, 80, 7)
    coreset = greedy(values, 80, 7, block=200)
    assert coreset.rows.tolist() == expected
    chance = np.random.default_rng(0).permutation(len(texts))[:80]
    distances = values.astype(np.float64)
    by_chance = min_distances(distances, chance).max() / scale
    assert np.sqrt(nearest.max()) / scale < by_chance


def min_distances(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    chosen = values[centres]
    squares = (values**2).sum(1)[:, None] + (chosen**2).sum(1) - 2 * values @ chosen.T
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


def test_vectors_are_short_enough_for_exact_sums():
    values, _ = whole_vectors(["alpha beta", "", "x = y + 1"], 3, open_embedder("hashing"))
    assert (values.astype(np.int64) ** 2).sum(axis=1).max() * 4 < 2**24


@pytest.mark.parametrize(("size", "kept"), [(3, 3), (0.5, 5), (100, 10)])
def test_rows_come_out_in_order_chosen_or_dropped(tmp_path, size, kept):
    given_rows = rows(code=[f"def f{i}(): return {i} * {'x' * i}" for i in range(10)])
    things = list(KCenter(size=size, field="code").table(table(tmp_path, given_rows, shard=4), context()))
    assert ids_in_order(things) == [row.id for row in given_rows]
    chosen, drops = apart(things)
    assert len(chosen) == kept
    assert sorted(row.meta["coreset_place"] for row in chosen) == list(range(kept))
    assert {drop.reason for drop in drops} <= {"not in the coreset"}
    radius = {row.meta["coreset_radius"] for row in chosen}
    assert radius == {max((d.sample.meta["coreset_distance"] for d in drops), default=0.0)}


def test_the_seed_chooses_the_first_row_and_the_same_seed_the_same_rows(tmp_path):
    rows_on_disk = table(tmp_path, rows(code=[f"name_{i} other_{i * i}" for i in range(60)]))

    def first_of(seed: int) -> tuple[str, set[str]]:
        chosen, _ = apart(KCenter(size=8, field="code").table(rows_on_disk, context(seed=seed)))
        return next(r.id for r in chosen if r.meta["coreset_place"] == 0), {r.id for r in chosen}

    assert first_of(1) == first_of(1)
    assert len({first_of(seed)[0] for seed in range(5)}) > 1


def test_no_rows_and_empty_texts_are_no_trouble(tmp_path):
    assert list(KCenter(size=3, field="code").table(table(tmp_path, []), context())) == []
    things = list(KCenter(size=2, field="code").table(table(tmp_path, rows(code=[""] * 5)), context()))
    assert len(apart(things)[0]) == 2


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), max_size=8))
def test_an_embedding_is_a_unit_vector_of_the_text_alone(texts):
    vectors = open_embedder("hashing").embed(texts)
    assert vectors.shape == (len(texts), 384) and vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert all(length == 0 or abs(length - 1) < 1e-6 for length in lengths)
    for text, vector in zip(texts, vectors, strict=True):
        assert (open_embedder("hashing").embed([text])[0] == vector).all()


def test_names_in_snake_and_camel_case_are_the_same_words():
    one, other, far = open_embedder("hashing").embed(["readConfigFile", "read_config_file", "draw circles"])
    assert one @ other > 0.99
    assert one @ far < 0.3
