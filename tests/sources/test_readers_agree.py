"""What other tools write into data files is read alike from every form, row by row."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tables import context

from tunesmith.errors import DataError
from tunesmith.sample import Drop, Sample
from tunesmith.sources.csv import Csv
from tunesmith.sources.folder import Folder
from tunesmith.sources.jsonl import Jsonl

GOOD = {"instruction": "Add.", "output": "x"}


def fates(rows: Any) -> list[str]:
    return [row.reason if isinstance(row, Drop) else "kept" for row in rows]


def both_forms(folder: Path, lines: list[str], **keys: Any) -> list[Sample | Drop]:
    """The rows of JSON Lines, which are those of the same records as one list."""
    (folder / "a.jsonl").write_text("\n".join(lines))
    (folder / "a.json").write_text("[" + ",\n".join(lines) + "]")
    home = context(home=folder)
    one, other = (list(Jsonl(path=name, **keys).source(home)) for name in ("a.jsonl", "a.json"))
    assert fates(one) == fates(other)
    return one


def test_half_a_surrogate_pair_costs_its_row_alone_l2_01(tmp_path: Path) -> None:
    bad = '{"instruction": "a \\ud83d b", "output": "x"}'
    rows = both_forms(tmp_path, [json.dumps(GOOD), bad, json.dumps(GOOD)])
    assert fates(rows) == ["kept", "instruction is not valid Unicode", "kept"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_python_writes_for_no_number_is_read_as_null_l2_02(word: str, tmp_path: Path) -> None:
    lines = [json.dumps(GOOD), f'{{"instruction": "a", "output": "b", "score": {word}}}']
    assert fates(both_forms(tmp_path, lines)) == ["kept", "kept"]
    kept = both_forms(tmp_path, [lines[1]], keep=["score"])[0]
    assert isinstance(kept, Sample) and kept.meta["score"] is None


TURNS = [{"role": "user", "content": "Add."}, {"role": "assistant", "content": "x"}]


def test_a_conversation_as_json_text_is_read_l2_03(tmp_path: Path) -> None:
    lines = [json.dumps({"messages": turns}) for turns in (TURNS, json.dumps(TURNS), "no list", '"text"')]
    wrong = [
        "the conversation is text, and not a JSON list of turns",
        "the conversation is not a list of turns",
    ]
    assert fates(both_forms(tmp_path, lines, chat="messages")) == ["kept", "kept", *wrong]
    (tmp_path / "a.csv").write_text('messages\n"' + json.dumps(TURNS).replace('"', '""') + '"\n')
    assert fates(Csv(path="a.csv", chat="messages").source(context(home=tmp_path))) == ["kept"]


def test_null_means_not_given_in_a_turn_too_l2_04(tmp_path: Path) -> None:
    one = [{**turn, "from": None, "value": None} for turn in TURNS]
    names = {"user": "human", "assistant": "gpt"}
    other = [
        {"role": None, "content": None, "from": names[turn["role"]], "value": turn["content"]}
        for turn in TURNS
    ]
    lines = [json.dumps({"messages": turns}) for turns in (one, other)]
    assert fates(both_forms(tmp_path, lines, chat="messages")) == ["kept", "kept"]


def test_text_parts_are_joined_and_other_parts_drop_their_row_l2_05(tmp_path: Path) -> None:
    text = {"type": "text", "text": "Add "}
    image = {"type": "image_url", "image_url": {"url": "x"}}
    parts = [
        [text, {"type": "text", "text": "two."}],
        [text, image],
        [image],
        [None],
        [{"type": "text", "text": 1}],
    ]
    lines = [json.dumps({"messages": [{"role": "user", "content": part}, TURNS[1]]}) for part in parts]
    rows = both_forms(tmp_path, lines, chat="messages")
    assert fates(rows) == ["kept", *["instruction is a list, not text"] * 4]
    assert isinstance(rows[0], Sample) and rows[0].instruction == "Add two."


NOTHING = ["nan", "NaN", "N/A", "n/a", "None", "none.", "null", "NULL", "No input", "no_input", "<noinput>", "(none)", "Not applicable", "NA"]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("word", NOTHING)
def test_words_that_mean_no_input_are_not_part_of_the_task_l2_06(word: str, tmp_path: Path) -> None:
    (row,) = both_forms(tmp_path, [json.dumps({**GOOD, "input": word})])
    assert isinstance(row, Sample) and row.instruction == "Add."


@pytest.mark.parametrize(
    "word", ["5", "[]", "()", "[1, 2]", "none of these", "nan, 1", "input", "0", "'null'"]
)
def test_an_input_that_only_looks_like_nothing_is_kept_l2_06(word: str, tmp_path: Path) -> None:
    (row,) = both_forms(tmp_path, [json.dumps({**GOOD, "input": word})])
    assert isinstance(row, Sample) and row.instruction == f"Add.\n\n{word}"


@pytest.mark.parametrize("text", ['{\n "data": [{"instruction": "a", "output": "b"}]\n}', "{\n"])
def test_json_in_another_shape_is_told_apart_from_what_is_not_json_l2_07(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="object that does not end on it") as caught:
        list(Jsonl(path="a.json").source(context(home=tmp_path)))
    assert "rows under a key" in str(caught.value)


CODECS = [
    "rot13",
    "hex",
    "undefined",
    "utf-9",
    "base64",
    "zlib",
    "idna",
    "punycode",
    "utf-7",
]


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_that_names_an_odd_codec_costs_itself_alone_l2_08(codec: str, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("def f():\n    return 1\n")
    (tmp_path / "odd.py").write_text(f"# -*- coding: {codec} -*-\ndef g():\n    return '\\ud83d'\n")
    made = list(Folder(path=".").source(context(home=tmp_path)))
    assert "kept" in fates(made) and len(made) == 2


def test_a_file_name_that_is_not_utf_8_is_shown_with_a_replacement_l2_09(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("def f():\n    return 1\n")
    (row,) = Folder(path=".").source(context(home=tmp_path))
    assert isinstance(row, Sample) and row.meta["path"] == "caf\ufffd.py"
    assert Folder(path=".").outside(context(home=tmp_path))


def test_only_regular_files_inside_the_folder_are_read_a15_l2_11(tmp_path: Path) -> None:
    code, elsewhere = tmp_path / "code", tmp_path / "elsewhere"
    code.mkdir(), elsewhere.mkdir()
    (code / "good.py").write_text("def f():\n    return 1\n")
    (elsewhere / "secret.py").write_text("def key():\n    return 'secret'\n")
    os.mkfifo(code / "pipe.py")
    (code / "zero.py").symlink_to("/dev/zero")
    (code / "link.py").symlink_to(elsewhere / "secret.py")
    (code / "inside.py").symlink_to(code / "good.py")
    (code / "folder").symlink_to(elsewhere)
    (code / "dangling.py").symlink_to(code / "nothing.py")
    made = list(Folder(path="code").source(context(home=tmp_path)))
    assert sorted(fates(made)) == ["file cannot be read", "kept", "kept", "not a regular file"]
    assert not any("secret" in (row.sample if isinstance(row, Drop) else row).code for row in made)
    assert Folder(path="code").outside(context(home=tmp_path))
