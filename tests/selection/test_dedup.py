"""``selection.dedup``: who is dropped really repeats who is kept; hardly anyone is missed."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_data import real_data
from tables import apart, context, ids_in_order, rows, table

from tunesmith.code.words import tokens
from tunesmith.selection._minhash import BANDS, grams_of, jaccard, rows_per_band, shingles
from tunesmith.selection.dedup import Dedup
from tunesmith.sources.jsonl import Jsonl


def grams(text: str, n: int = 5) -> set[tuple[str, ...]]:
    tokens = re.findall(r"\w+|[^\w\s]", text.lower())
    width = min(n, len(tokens))
    return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)}


def similarity(one: str, other: str) -> float:
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b)


def edited(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    for _ in range(chance.randint(0, 4)):
        words[chance.randrange(len(words))] = chance.choice(["swap", "x1", "other"])
    return " ".join(words)


@given(st.text("ab +\n", max_size=30), st.text("ab +\n", max_size=30))
def test_sets_of_hashed_n_grams_have_the_similarity_of_the_n_grams(one, other):
    if grams(one) or grams(other):
        assert jaccard(shingles(one, 5), shingles(other, 5)) == pytest.approx(similarity(one, other))


@given(st.lists(st.text("ab_ +-\n\té和，ก", max_size=20), max_size=8), st.integers(1, 6))
def test_texts_hashed_together_have_the_n_grams_that_each_has_alone(texts, ngram):
    hashes, starts = grams_of(texts, ngram)
    parts = np.split(hashes, starts[1:]) if texts else []
    assert [set(part) for part in parts] == [set(shingles(text, ngram)) for text in texts]
    for text, part in zip(texts, parts, strict=True):
        cut = tokens(text.lower())
        width = min(ngram, len(cut))
        different = {tuple(cut[i : i + width]) for i in range(len(cut) - width + 1)}
        assert len(set(part)) == len(different)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.95])
def test_the_bands_find_a_pair_at_the_threshold_in_99_of_100_cases(threshold):
    assert 1 - (1 - threshold ** rows_per_band(threshold)) ** BANDS >= 0.99


def test_against_exact_comparison_no_false_drop_and_hardly_a_miss(tmp_path):
    chance = random.Random(3)
    words = [f"w{i}" for i in range(200)]
    bases = [" ".join(chance.choices(words, k=chance.randint(8, 60))) for _ in range(100)]
    texts = [edited(chance.choice(bases), chance) for _ in range(300)]
    samples = rows(answer=texts)
    things = list(Dedup(field="answer", threshold=0.7).table(table(tmp_path, samples, 128), context()))
    kept, drops = apart(things)
    assert ids_in_order(things) == [sample.id for sample in samples]

    by_id = {sample.id: sample.answer for sample in samples}
    for drop in drops:
        assert drop.sample.meta["duplicate_of"] in {sample.id for sample in kept}
        assert similarity(drop.sample.answer, by_id[drop.sample.meta["duplicate_of"]]) >= 0.7
    plain: list[str] = []
    for text in texts:
        if not any(similarity(text, other) >= 0.7 for other in plain):
            plain.append(text)
    assert len(plain) <= len(kept) <= len(plain) * 1.02


def test_the_first_is_kept_and_reasons_tell_same_from_nearly_so(tmp_path):
    long = " ".join(f"word{i}" for i in range(40))
    samples = rows(answer=[long, "other text", long, f"{long} end", f" {long}\n"])
    kept, drops = apart(Dedup(field="answer").table(table(tmp_path, samples), context()))
    assert [sample.id for sample in kept] == [samples[0].id, samples[1].id]
    assert [drop.reason for drop in drops] == ["duplicate", "near-duplicate", "duplicate"]
    assert {drop.sample.meta["duplicate_of"] for drop in drops} == {samples[0].id}
    assert drops[1].sample.meta["similarity"] == pytest.approx(36 / 37, abs=1e-4)


def test_the_threshold_is_the_least_similarity_that_counts_in_n_grams_of_the_given_size(tmp_path):
    samples = rows(answer=["a b c d e f g h i", "a b c d e f g h i j"])  # 9 of 10 words, 5 of 6 runs of five
    for threshold, ngram, count in ((0.9, 1, 1), (0.91, 1, 2), (5 / 6, 5, 1), (0.84, 5, 2)):
        step = Dedup(field="answer", threshold=threshold, ngram=ngram)
        kept, _ = apart(step.table(table(tmp_path, samples), context()))
        assert len(kept) == count, (threshold, ngram)


def test_threshold_one_drops_exact_repeats_only_and_operators_count(tmp_path):
    texts = ["return a + b", "return a - b", "return a + b", "return a  +  b"]
    kept, _ = apart(Dedup(field="code", threshold=1).table(table(tmp_path, rows(code=texts)), context()))
    assert [sample.code for sample in kept] == [texts[0], texts[1], texts[3]]
    kept, _ = apart(Dedup(field="code").table(table(tmp_path, rows(code=texts)), context()))
    assert [sample.code for sample in kept] == texts[:2]


def test_empty_texts_repeat_nobody(tmp_path):
    samples = rows(answer=["", " ", "", "a", "a"])
    kept, drops = apart(Dedup(field="answer").table(table(tmp_path, samples), context()))
    assert len(kept) == 4 and [drop.sample.id for drop in drops] == [samples[4].id]


def test_programs_that_differ_in_comments_are_the_same_when_asked(tmp_path):
    codes = [
        "def f(x):\n    return x",
        'def f(x):\n    "Doc."\n    return x  # it',
        "def f(x):\n    return y",
    ]
    samples = rows(code=codes, language=["python"] * 3)
    for ignore, count in ((False, 3), (True, 2)):
        step = Dedup(field="code", ignore_comments=ignore, threshold=0.9)
        assert len(apart(step.table(table(tmp_path, samples), context()))[0]) == count


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["a b", "a b c", "A B", "", "x", "a b c d e f g", "a b c d e f h"]), max_size=12)
)
def test_every_row_comes_out_once_in_order(tmp_path_factory, texts):
    samples = rows(answer=texts)
    folder = tmp_path_factory.mktemp("rows")
    things = list(Dedup(field="answer", threshold=0.5).table(table(folder, samples, 5), context()))
    assert ids_in_order(things) == [sample.id for sample in samples]


def test_the_real_seeds_have_repeats_and_each_is_one(tmp_path):
    path = real_data("instructions/new_codealpaca.json.gz")
    seeds = list(Jsonl(path=str(path)).source(context("seeds")))
    by_id = {seed.id: seed.instruction for seed in seeds}
    kept, drops = apart(
        Dedup(field="instruction", threshold=0.7).table(table(tmp_path, seeds, 9999), context())
    )
    assert len(kept) + len(drops) == 4535 and drops
    for drop in drops:
        assert similarity(drop.sample.instruction, by_id[drop.sample.meta["duplicate_of"]]) >= 0.7
