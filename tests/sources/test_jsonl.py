"""``sources.jsonl``: every shape that is right is read, every one that is wrong is named with its line."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_data
from tables import apart, context

from tunesmith.errors import DataError
from tunesmith.sources import _json_stream as json_stream
from tunesmith.sources.jsonl import Jsonl

ROW = '{"instruction": "Add.", "input": "1 2", "output": "3"}'


def read(folder: Path, content: str | bytes, name: str = "seeds.json", **keys):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return list(Jsonl(path=name, **keys).source(context("seeds", home=folder)))


@pytest.mark.parametrize(
    "content",
    [ROW, f"{ROW}\n", f"\n\n{ROW}\r\n\n", f"[{ROW}]", f" \n[\n{ROW}\n]\n", f"\ufeff{ROW}", f"\ufeff[{ROW}]"],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_list_and_json_lines_give_the_same_row_gzipped_or_not(tmp_path, content, gzipped):
    data = gzip.compress(content.encode()) if gzipped else content.encode()
    (row,) = read(tmp_path, data)
    assert (row.instruction, row.answer, row.source, row.license) == (
        "Add.\n\n1 2",
        "3",
        "seeds.json",
        "unknown",
    )
    assert row.meta == {"row": 1}


def test_an_input_that_says_there_is_none_is_not_folded_in(tmp_path):
    lines = "\n".join(
        json.dumps({"instruction": "Do.", "input": i, "output": "x"})
        for i in ["", "noinput", "<noinput>", None]
    )
    assert [row.instruction for row in read(tmp_path, lines)] == ["Do."] * 4


def test_columns_labels_and_further_columns_follow_the_recipe(tmp_path):
    line = '{"q": "Say.", "a": "hi", "lic": "MIT", "nr": 7, "stars": 3, "input": "kept apart"}'
    keys = {"columns": {"instruction": "q", "answer": "a", "license": "lic", "id": "nr", "input": ""}}
    (row,) = read(tmp_path, line, keep=["stars"], source="mine", language="python", task="generation", **keys)
    assert (row.instruction, row.answer, row.license, row.source) == ("Say.", "hi", "MIT", "mine")
    assert (row.language, row.task, row.meta) == ("python", "generation", {"row": 1, "id": 7, "stars": 3})


def test_the_limit_is_on_records(tmp_path):
    assert len(read(tmp_path, f"{ROW}\n" * 5, limit=3)) == 3
    assert len(read(tmp_path, f"[{', '.join([ROW] * 5)}]", limit=3)) == 3


def test_equal_records_are_different_rows(tmp_path):
    one, other = read(tmp_path, f"{ROW}\n{ROW}\n")
    assert one.id != other.id


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", "answer is null"),
        ("3", "answer is not text"),
        ('["a"]', "answer is a list, not text"),
        ('{"a": 1}', "answer is an object, not text"),
    ],
)
def test_a_record_whose_text_is_no_text_is_dropped_with_its_reason(tmp_path, value, reason):
    kept, drops = apart(read(tmp_path, f'{{"instruction": "Do.", "output": {value}}}\n{ROW}'))
    assert [drop.reason for drop in drops] == [reason]
    assert [row.meta["row"] for row in kept] == [2]


def test_half_a_character_in_a_list_is_dropped_not_passed_on(tmp_path):
    (drop,) = read(tmp_path, '[{"instruction": "Do.", "output": "\\ud800"}]')
    assert drop.reason == "answer is not valid Unicode"


MALFORMED = [
    (f"{ROW}\n{ROW[:-1]}\n", "seeds.json:2", "is not JSON", "one JSON object per line"),
    (f"{ROW}\n\n[1]\n", "seeds.json:3", "is a list, not an object", "one JSON object per line"),
    (f'{ROW}\n"text"\n', "seeds.json:2", "is a text, not an object", "one JSON object per line"),
    (b'{"instruction": "\xff", "output": ""}', "seeds.json:1", "is not JSON", ""),
    (f"[{ROW},\n{ROW}\n{ROW}]", "seeds.json:3", "expected ','", ""),
    (f"[{ROW},\n\n7]", "seeds.json:3", "is a number, not an object", ""),
    (f"[{ROW},\n{ROW}", "seeds.json:2", "ends before", "cut off"),
    (f"[{ROW},]", "seeds.json:1", "is not JSON", ""),
    (f"[{ROW},\n{ROW[:20]}", "seeds.json:2", "is not JSON", ""),
    (f"[{ROW}]\n{ROW}", "seeds.json:2", "more after the list", ""),
    (
        b'[{"instruction": "a",\n\n "output": "\xff"}]',
        "seeds.json:3",
        "is not UTF-8",
        "save the file as UTF-8",
    ),
    ("{\n" + ROW[1:], "seeds.json:1", "is not JSON", "one JSON list of objects"),
    (b"\x1f\x8b" + b"no gzip at all", "seeds.json", "damaged gzip", ""),
    (gzip.compress(ROW.encode() * 99, mtime=0)[:-20], "seeds.json", "damaged gzip", ""),
    (b"PAR1....", "seeds.json", "is a Parquet file", "sources.parquet"),
    ('{"instruction": "a", "outptu": "b"}', "seeds.json:1", "no column 'output' for the answer", "'outptu'"),
    ('{"instruction": "a", "response": "b"}', "seeds.json:1", "no column 'output'", "{answer: response}"),
    ('{"prompt": "a", "output": "b"}', "seeds.json:1", "no column 'instruction'", "{instruction: prompt}"),
    (f'{ROW}\n{{"instruction": "a"}}', "seeds.json:2", "no column 'output'", "known: instruction"),
]


@pytest.mark.parametrize(("content", "where", "problem", "fix"), MALFORMED)
def test_a_malformed_file_is_refused_with_place_and_remedy(tmp_path, content, where, problem, fix):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert caught.value.where == str(tmp_path / where)
    assert problem in caught.value.problem
    assert fix in str(caught.value)


def test_a_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "code_alpaca.json").write_text("[]")
    with pytest.raises(DataError, match=r"steps\.seeds\.path: there is no file .*\n.*'code_alpaca\.json'"):
        list(Jsonl(path="code_alpca.json").source(context("seeds", home=tmp_path)))
    with pytest.raises(DataError, match=r"is a folder"):
        list(Jsonl(path=".").source(context("seeds", home=tmp_path)))
    with pytest.raises(DataError, match=r"there is no folder"):
        list(Jsonl(path="gone/a.json").source(context("seeds", home=tmp_path)))


def test_a_column_to_keep_that_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no column 'star'\n.*did you mean 'stars'"):
        read(tmp_path, '{"instruction": "", "output": "", "stars": 1}', keep=["star"])


json_objects = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9**9) | st.text(max_size=30) | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ).filter(lambda value: value not in (float("inf"), float("-inf"))),
    max_size=4,
)


@given(st.lists(json_objects, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_a_list_is_decoded_whole_whatever_the_chunks(records, chunk, indent, ascii_only):
    text = json.dumps(records, indent=indent, ensure_ascii=ascii_only, allow_nan=True)
    if "Infinity" in text:
        return
    stream = io.BytesIO(text.encode("utf-8", "surrogatepass"))
    before, json_stream.CHUNK = json_stream.CHUNK, chunk
    try:
        found = list(json_stream.records(stream, Path("x.json")))
    finally:
        json_stream.CHUNK = before
    assert [record for _, record in found] == records
    lines = [int(place.removeprefix("x.json:")) for place, _ in found]
    assert lines == sorted(lines)


@pytest.mark.parametrize(("name", "count"), [("code_alpaca_2k", 2017), ("new_codealpaca", 4535)])
def test_the_real_seed_instructions_are_all_read(name, count):
    path = real_data(f"instructions/{name}.json.gz")
    kept, drops = apart(Jsonl(path=str(path), license="CC-BY-NC-4.0").source(context()))
    assert (len(kept), len(drops)) == (count, 0)
    records = json.loads(gzip.decompress(path.read_bytes()))
    assert all(
        row.instruction.startswith(r["instruction"].strip()) for row, r in zip(kept, records, strict=True)
    )
    assert len({row.id for row in kept}) == count
