"""Further containers and shapes: Parquet, CSV, conversations; the same rows whatever they come in."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import apart, context

from tunesmith.errors import DataError
from tunesmith.sources.csv import Csv
from tunesmith.sources.hub import Hub
from tunesmith.sources.jsonl import Jsonl
from tunesmith.sources.parquet import Parquet

RECORDS = [
    {"instruction": "Add.", "input": "1, 2", "output": "3"},
    {"instruction": "Say \"hi\"\nand 'bye'.", "input": "", "output": "hi\n\nbye"},
]


def texts(step, folder):
    kept, drops = apart(step.source(context("seeds", home=folder)))
    assert not drops
    return [(row.instruction, row.answer, row.meta["row"]) for row in kept]


def test_json_csv_and_parquet_give_the_same_texts(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(RECORDS))
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "a.parquet")
    with gzip.open(tmp_path / "a.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, list(RECORDS[0]))
        writer.writeheader()
        writer.writerows(RECORDS)
    expected = texts(Jsonl(path="a.json"), tmp_path)
    assert texts(Parquet(path="a.parquet"), tmp_path) == expected
    assert texts(Csv(path="a.csv.gz"), tmp_path) == expected


def test_a_folder_of_parquet_is_read_in_order_of_name_and_counted_through(tmp_path):
    for name in ("b", "a"):
        pq.write_table(
            pa.Table.from_pylist([{"instruction": name, "output": "x"}] * 2), tmp_path / f"{name}.parquet"
        )
    assert [(i, n) for i, _, n in texts(Parquet(path="."), tmp_path)] == [
        ("a", 1),
        ("a", 2),
        ("b", 3),
        ("b", 4),
    ]
    assert len(texts(Parquet(path=".", limit=3), tmp_path)) == 3


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("instruction,output\na,b,c\n", 2, "has 3 cells, the header has 2"),
        ('instruction,output\n"a",b\n"a\n', 3, "is no CSV"),
        ("instruction,outptu\na,b\n", 2, "no column 'output'"),
        ("instruction,output\né,b\n".encode("latin-1"), 1, "is not UTF-8"),
    ],
)
def test_a_malformed_table_is_refused_with_its_line(tmp_path, content, line, problem):
    (tmp_path / "a.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=problem) as caught:
        list(Csv(path="a.csv").source(context(home=tmp_path)))
    assert caught.value.where == f"{tmp_path}/a.csv:{line}"


def test_a_file_that_is_no_parquet_and_an_empty_folder_are_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="no readable Parquet"):
        list(Parquet(path="a.parquet").source(context(home=tmp_path)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"steps\.here\.path: there is no \.parquet file"):
        Parquet(path="empty").outside(context(home=tmp_path))


def test_a_changed_file_has_another_fingerprint(tmp_path):
    (tmp_path / "a.csv").write_text("instruction,output\n")
    before = Csv(path="a.csv").outside(context(home=tmp_path))
    (tmp_path / "a.csv").write_text("instruction,output\na,b\n")
    assert Csv(path="a.csv").outside(context(home=tmp_path)) != before


USER, REPLY = {"role": "user", "content": "Add."}, {"role": "assistant", "content": "3"}
SHAREGPT = [{"from": "human", "value": "Add."}, {"from": "gpt", "value": "3"}]
ROUNDS = [
    {"role": "human", "content": "Add.", "chat_round_id": 0},
    {"role": "bot", "content": "3", "chat_round_id": 0},
]


def talk(folder, turns, **keys):
    (folder / "chat.jsonl").write_text(json.dumps({"talk": turns, "lic": "MIT", "instruction": "not this"}))
    return list(Jsonl(path="chat.jsonl", chat="talk", **keys).source(context(home=folder)))


@pytest.mark.parametrize("turns", [[USER, REPLY], SHAREGPT, ROUNDS])
def test_each_shape_of_conversation_gives_instruction_and_answer(tmp_path, turns):
    (row,) = talk(tmp_path, turns, columns={"license": "lic"})
    assert (row.instruction, row.answer, row.license) == ("Add.", "3", "MIT")


def test_the_system_prompt_is_kept_and_later_turns_are_dropped_and_counted(tmp_path):
    kept, drops = apart(
        talk(tmp_path, [{"role": "system", "content": "Be brief."}, USER, REPLY, USER, REPLY, USER])
    )
    assert [(row.system, row.answer) for row in kept] == [("Be brief.", "3")]
    assert [drop.reason for drop in drops] == ["later turn of a conversation"] * 2
    assert len({row.id for row in kept} | {drop.sample.id for drop in drops}) == 3


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "the conversation is empty"),
        (None, "the conversation is not a list of turns"),
        (["hi"], "the conversation is not a list of turns"),
        ([USER], "not answered"),
        ([REPLY, USER], "out of turn: assistant"),
        ([USER, USER], "out of turn: user"),
        ([{"role": "tool", "content": ""}], "out of turn: tool"),
        ([{"content": ""}], "out of turn: nobody"),
        ([USER, {"role": "assistant", "content": None}], "answer is null"),
        ([{"role": "user", "content": [{"type": "text"}]}, REPLY], "instruction is a list, not text"),
    ],
)
def test_a_conversation_that_is_none_is_dropped_with_its_reason(tmp_path, turns, reason):
    kept, drops = apart(talk(tmp_path, turns))
    assert not kept
    assert drops[-1].reason == reason


turns = st.fixed_dictionaries({}, optional={
    "role": st.sampled_from(["user", "assistant", "system", "tool"]) | st.integers(),
    "content": st.text(max_size=3) | st.none() | st.integers(),
})  # fmt: skip


@given(st.lists(turns, max_size=6) | st.integers() | st.lists(st.integers(), max_size=2))
def test_any_conversation_gives_one_row_at_most_and_at_least_one_thing(tmp_path_factory, turns):
    kept, drops = apart(talk(tmp_path_factory.getbasetemp(), turns))
    assert len(kept) <= 1 <= len(kept) + len(drops)


def test_a_chat_column_is_suggested_where_the_file_has_one(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": [USER, REPLY]}))
    with pytest.raises(
        DataError, match=r"no column 'instruction'.*\n.*steps\.here\.chat: say chat: messages"
    ):
        list(Jsonl(path="a.jsonl").source(context(home=tmp_path)))
    with pytest.raises(DataError, match=r"no column 'message'\n.*did you mean 'messages'"):
        list(Jsonl(path="a.jsonl", chat="message").source(context(home=tmp_path)))


def test_a_kept_column_that_json_cannot_hold_drops_the_row(tmp_path):
    pq.write_table(
        pa.table({"instruction": ["a"], "output": ["b"], "raw": [b"\xff"]}), tmp_path / "a.parquet"
    )
    (drop,) = Parquet(path="a.parquet", keep=["raw"]).source(context(home=tmp_path))
    assert drop.reason == "a kept column is not JSON"


def test_long_cells_are_read(tmp_path):
    long = "x" * 300_000
    sink = io.StringIO()
    csv.writer(sink).writerows([["instruction", "output"], ["a", long]])
    (tmp_path / "a.csv").write_text(sink.getvalue())
    assert texts(Csv(path="a.csv"), tmp_path)[0][1] == long


PUBLISHED = {
    "Code Alpaca": ({}, [{"instruction": "Add.", "input": "1, 2", "output": "3"}]),
    "Evol-Instruct-Code": ({}, [{"instruction": "Add.\n\n1, 2", "output": "3"}]),
    "evol-codealpaca": ({}, [{"instruction": "Add.\n\n1, 2", "output": "3"}]),
    "CodeExercise": (
        {"chat": "chat_rounds", "columns": {"id": "id"}},
        [{"id": 7, "chat_rounds": [
            {"role": "human", "content": "Add.\n\n1, 2", "chat_round_id": 0},
            {"role": "bot", "content": "3", "chat_round_id": 0},
        ]}],
    ),
    "ShareGPT": (
        {"chat": "conversations", "columns": {"id": "id"}},
        [{"id": "a1", "conversations": [
            {"from": "human", "value": "Add.\n\n1, 2"}, {"from": "gpt", "value": "3"}
        ]}],
    ),
    "messages": (
        {"chat": "messages"},
        [{"messages": [
            {"role": "user", "content": "Add.\n\n1, 2"}, {"role": "assistant", "content": "3"}
        ]}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("container", ["json", "jsonl.gz", "parquet", "hub"])
@pytest.mark.parametrize("shape", PUBLISHED)
def test_each_published_shape_gives_the_same_row_from_each_container(tmp_path, monkeypatch, shape, container):
    keys, records = PUBLISHED[shape]
    folder = tmp_path / "set"
    folder.mkdir()
    if container == "json":
        (folder / "a.json").write_text(json.dumps(records))
        step = Jsonl(path="set/a.json", source="set", license="mit", **keys)
    elif container == "jsonl.gz":
        (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
        step = Jsonl(path="set/a.jsonl.gz", source="set", license="mit", **keys)
    elif container == "parquet":
        pq.write_table(pa.Table.from_pylist(records), folder / "a.parquet")
        step = Parquet(path="set", source="set", license="mit", **keys)
    else:
        datasets = pytest.importorskip("datasets", reason="needs: pip install 'tunesmith[hub]'")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        datasets.Dataset.from_list(records).to_parquet(folder / "train.parquet")
        step = Hub(dataset="set", license="mit", **keys)
    (row,) = step.source(context("seeds", home=tmp_path))
    assert (row.instruction, row.answer) == ("Add.\n\n1, 2", "3")
    assert (row.source, row.license, row.meta["row"]) == ("set", "mit", 1)
    assert row.meta.get("id") == records[0].get("id")


@pytest.mark.parametrize("kind", [Jsonl, Csv, Parquet])
def test_a_licence_that_nobody_states_is_said_to_be_unknown(tmp_path, kind):
    name = {Jsonl: "a.json", Csv: "a.csv", Parquet: "a.parquet"}[kind]
    (tmp_path / "a.json").write_text(json.dumps(RECORDS[:1]))
    (tmp_path / "a.csv").write_text("instruction,output,lic\nAdd.,3,mit\n")
    pq.write_table(pa.Table.from_pylist(RECORDS[:1]), tmp_path / "a.parquet")
    (row,) = kind(path=name).source(context(home=tmp_path))
    assert row.license == "unknown"


def test_a_licence_may_stand_in_a_column_and_another_delimiter_between_cells(tmp_path):
    (tmp_path / "a.tsv").write_text("instruction\toutput\tlic\nAdd, then say.\t3\tBSD-3-Clause\n")
    step = Csv(path="a.tsv", delimiter="\t", columns={"license": "lic"})
    (row,) = step.source(context(home=tmp_path))
    assert (row.instruction, row.license) == ("Add, then say.", "BSD-3-Clause")


def test_parquet_whose_text_is_not_utf8_is_refused_in_words(tmp_path):
    pq.write_table(pa.table({"instruction": ["Add two numbers."], "output": ["x"]}), tmp_path / "a.parquet")
    stored = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(stored.replace(b"Add two", b"Add\xfbtwo"))
    with pytest.raises(DataError, match=r"a\.parquet"):
        texts(Parquet(path="a.parquet"), tmp_path)
