"""Public data sets: CodeSearchNet in its two spellings, and the hub's library on data made on the spot."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import apart, context

from tunesmith.errors import DataError, SetupError
from tunesmith.sources.code_search_net import CodeSearchNet
from tunesmith.sources.hub import Hub

ORIGINAL = {
    "repo": "a/b", "path": "c.py", "func_name": "f", "original_string": "def f():\n    '''Doc.'''",
    "language": "python", "code": "def f():\n    '''Doc.'''", "docstring": "Doc.", "url": "https://x",
}  # fmt: skip
ON_THE_HUB = {
    "repository_name": "a/b", "func_path_in_repository": "c.go", "func_name": "F", "language": "go",
    "whole_func_string": "func F() {}", "func_documentation_string": "F.", "func_code_url": "https://x",
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "python_0.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(ORIGINAL)}\n".encode() * 2))
    pq.write_table(pa.Table.from_pylist([ON_THE_HUB]), tmp_path / "train.parquet")
    return tmp_path


def read(folder, **keys):
    return apart(CodeSearchNet(path=".", **keys).source(context("raw", home=folder)))


def test_both_spellings_give_code_comment_language_and_origin(corpus):
    kept, drops = read(corpus, source="csn")
    assert [(row.language, row.meta["name"], row.meta["docstring"]) for row in kept] == [
        ("python", "f", "Doc."),
        ("python", "f", "Doc."),
        ("go", "F", "F."),
    ]
    assert {(row.source, row.license, row.meta["repo"], row.meta["url"]) for row in kept} == {
        ("csn", "unknown", "a/b", "https://x")
    }
    assert (kept[0].code, kept[2].code) == (ORIGINAL["original_string"], "func F() {}")
    assert not drops and len({row.id for row in kept}) == 3


def test_languages_and_limit_choose(corpus):
    assert [row.language for row in read(corpus, languages=["golang"])[0]] == ["go"]
    assert len(read(corpus, limit=2)[0]) == 2


def test_a_record_without_code_is_dropped_and_a_file_without_the_column_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"code": 7, "language": "go"}')
    kept, drops = read(tmp_path)
    assert not kept and [drop.reason for drop in drops] == ["code is not text"]
    (tmp_path / "a.jsonl").write_text('{"codes": "x"}')
    with pytest.raises(DataError, match=r"a\.jsonl:1: there is no column 'original_string'.*\n.*'codes'"):
        read(tmp_path)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs the hub extra: pip install 'tunesmith[hub]'")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    for split, texts in {"train": ["a", "b"], "test": ["c"]}.items():
        lines = [json.dumps({"question": text, "output": text * 2, "turns": [1]}) for text in texts]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    return folder


def texts(folder, **keys):
    step = Hub(dataset=folder.name, columns={"instruction": "question"}, **keys)
    kept, drops = apart(step.source(context("seeds", home=folder.parent)))
    assert not drops
    return [(row.instruction, row.answer, row.source) for row in kept]


def test_a_split_is_read_whole_or_its_first_rows_streamed(dataset):
    assert texts(dataset) == [("a", "aa", "set"), ("b", "bb", "set")]
    assert texts(dataset, limit=1) == [("a", "aa", "set")]
    assert texts(dataset, split="test", keep=["turns"]) == [("c", "cc", "set")]


def test_an_unknown_split_column_or_data_set_is_named(dataset):
    with pytest.raises(DataError, match=r"(?s)steps\.seeds\.split: .*tset.*did you mean 'test'"):
        texts(dataset, split="tset", limit=1)
    wrong = Hub(dataset=str(dataset), limit=1, columns={"instruction": "question", "answer": "outputs"})
    with pytest.raises(
        DataError, match=r"set:row 1: there is no column 'outputs'.*\n.*did you mean 'output'"
    ):
        list(wrong.source(context()))
    with pytest.raises(DataError, match=r"steps\.here\.dataset: there is no folder"):
        list(Hub(dataset=str(dataset / "gone")).source(context()))
    with pytest.raises(SetupError, match=r"steps\.here\.dataset: .*cannot be read.*'other' not found"):
        list(Hub(dataset=str(dataset), config="other").source(context()))


def test_the_fingerprint_of_a_data_set_on_disk_follows_its_files(dataset):
    step, ctx = Hub(dataset=str(dataset)), context()
    before = step.outside(ctx)
    (dataset / "train.jsonl").write_text('{"question": "z", "output": ""}')
    assert step.outside(ctx) != before
    assert Hub(dataset="somebody/something").outside(ctx) == ""
