"""Novelty by ROUGE-L: the same rows as comparing every pair by the book."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import apart, context, table

from tunesmith.code.words import words
from tunesmith.sample import Sample
from tunesmith.selection.novelty import Novelty, rouge_l

WORDS = st.lists(st.sampled_from("abcde"), max_size=12)


def longest_common(one: list[str], other: list[str]) -> int:
    """The textbook table."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(WORDS, WORDS)
def test_rouge_l_is_that_of_the_textbook(one: list[str], other: list[str]) -> None:
    both = len(one) + len(other)
    assert rouge_l(one, other) == (2 * longest_common(one, other) / both if both else 0)


def naive(texts: list[str], threshold: float) -> list[int]:
    kept: list[int] = []
    for place, text in enumerate(texts):
        one = list(words(text))
        others = [list(words(texts[k])) for k in kept]
        if not any(
            one and o and 2 * longest_common(one, o) >= threshold * (len(one) + len(o)) - 1e-9 for o in others
        ):
            kept.append(place)
    return kept


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_the_same_rows_stay_as_when_every_pair_is_compared(threshold: float, tmp_path: Path) -> None:
    rng = Random(f"{threshold}")
    vocabulary = [f"w{n}" for n in range(12)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randrange(0, 12))) for _ in range(120)]
    rows = [Sample.born("s", instruction=text, meta={"n": n}) for n, text in enumerate(texts)]
    kept, drops = apart(Novelty(threshold=threshold).table(table(tmp_path, rows), context()))
    assert [row.meta["n"] for row in kept] == naive(texts, threshold)
    ids = {row.id for row in kept}
    for drop in drops:
        like = drop.sample.meta["like"]
        assert like["row"] in ids and like["rouge_l"] >= threshold - 1e-4


def test_a_rewording_is_not_new_and_another_task_is(tmp_path: Path) -> None:
    texts = [
        "Write a function that sorts a list of numbers in ascending order.",
        "Write a function which sorts a list of numbers in ascending order!",
        "Write a class that counts the words of a file.",
        "",
        "",
    ]
    rows = [Sample.born("s", instruction=text, meta={"n": n}) for n, text in enumerate(texts)]
    kept, drops = apart(Novelty().table(table(tmp_path, rows), context()))
    assert [row.meta["n"] for row in kept] == [0, 2, 3, 4]
    assert [drop.reason for drop in drops] == ["not new"]


def test_real_seed_instructions_are_compared_in_full(tmp_path: Path, shared: Path) -> None:
    import gzip
    import json

    data = json.loads(gzip.decompress((shared / "instructions" / "code_alpaca_2k.json.gz").read_bytes()))
    texts = [str(row["instruction"]) for row in [*data[:200], *data[1900:2000]]]
    rows = [Sample.born("s", instruction=text, meta={"n": n}) for n, text in enumerate(texts)]
    kept, drops = apart(Novelty().table(table(tmp_path, rows), context()))
    assert [row.meta["n"] for row in kept] == naive(texts, 0.7)
    assert len(kept) + len(drops) == 300
