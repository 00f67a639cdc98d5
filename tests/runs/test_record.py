"""The files that describe a run: every spelling of a place, what is refused, and with which words."""

from __future__ import annotations

import json
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import FolderError
from tunesmith.llm.costs import CostLine
from tunesmith.runs import record
from tunesmith.runs.record import Begun, CheckpointRecord, Course, Place, RunState, ScoreRecord, StepRecord
from tunesmith.runs.run_folder import RunFolder, StepFolder

names = st.from_regex(r"[A-Za-z0-9][\w.-]{0,8}", fullmatch=True)
places = st.builds(Place, st.integers(1, 120), names) | st.builds(
    Place, st.integers(1, 120), names, st.integers(1, 120), st.integers(1, 30), names
)


@given(places)
def test_a_place_is_read_back_from_its_folder_and_known_by_every_spelling(place: Place) -> None:
    assert Place.of_folder(place.folder) == place
    assert place.is_called(place.path) and place.is_called(place.name)


def test_a_place_in_a_round_is_spelled_in_four_ways() -> None:
    place = Place(3, "evolution", 2, 1, "evolved")
    assert str(place.folder) == "03-evolution/round-02/01-evolved"
    assert (place.path, place.name) == ("evolution/round-02/evolved", "evolution.2.evolved")
    assert place.is_called("evolution/round-2/evolved") and not place.is_called("evolved")
    assert place.block == Place(3, "evolution") and Place(3, "evolution").block is None


def test_places_sort_in_the_order_of_reading_beyond_a_hundred_steps() -> None:
    block = Place(2, "b")
    order = [
        Place(1, "z"),
        block,
        Place(2, "b", 1, 1, "y"),
        Place(2, "b", 2, 1, "a"),
        Place(11, "c"),
        Place(101, "d"),
    ]
    assert sorted([*order[3:], *order[:3]]) == order


@pytest.mark.parametrize(
    "folder",
    ["models/sft", "01-a/round-01", "01-a/b/01-c", "1-a", "01-../../x", "01-a\nb", "", "01-a/round-1/x"],
)
def test_a_folder_of_anything_else_is_no_place(folder: str) -> None:
    assert Place.of_folder(PurePath(folder)) is None


SCORE = ScoreRecord("s", "humaneval", {"shots": 0}, 1, 1, 0.5, 0.4, 0.6, 1, 2)
RECORDS = [
    RunState(id="i", name="n", tiny=True, steps=("a", "b"), status="done"),
    Begun("key", "inputs"),
    StepRecord(
        name="n", do="synthesis.answer", kind="ask", key="k", facts={"params": {"n": 1}}, rows_out=3,
        shards=1, reasons={"empty": 2}, dropped=2, spent=CostLine(answers=3),
        intents={"answer": CostLine(answers=3)},
        warnings=("odd",),
    ),
    StepRecord(
        name="n", do="training.sft", kind="train", key="k",
        checkpoint=CheckpointRecord("models/n", ((1, 2.5), (2, None)), {"rows": 3}),
    ),
    StepRecord(name="n", do="evaluation.pass_at_k", kind="score", key="k", scores=(SCORE,)),
    StepRecord(name="n", do="repeat", kind="rounds", key="k", course=Course(2, 1, "fell", (0.5, 0.4))),
]  # fmt: skip


@pytest.mark.parametrize("written", RECORDS)
def test_a_record_is_read_as_it_was_written(written: RunState | Begun | StepRecord, tmp_path: Path) -> None:
    record.write(tmp_path / "r.json", written)
    assert record.read(tmp_path / "r.json", type(written), "fix") == written
    assert json.loads((tmp_path / "r.json").read_text())["format"] == record.FORMAT


DAMAGED = [
    "[1]", "{}", "null", "1", '"text"', "", "{", '{"format": 2}', '{"format": 1}',
    '{"format": 99}',
    '{"format": 2, "name": 3, "do": "x", "kind": "row", "key": "k"}',
    '{"format": 2, "name": "n", "do": "x", "kind": "row", "key": "k", "rows_out": "many"}',
    '{"format": 2, "name": "n", "do": "x", "kind": "row", "key": "k", "reasons": [1]}',
    '{"format": 2, "name": "n", "do": "x", "kind": "row", "key": "k", "scores": [{}]}',
    "[" * 100_000, "\x00", "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_named_with_what_to_do(text: str, tmp_path: Path) -> None:
    step = StepFolder(tmp_path / "01-a")
    step.path.mkdir()
    (step.path / "step.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FolderError, match=r"(?s)01-a/step\.json: .+\n    (remove the folder|run its recipe)"):
        assert step.done
    (tmp_path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    if not text.startswith('{"format": 2'):  # those lack keys of step.json only
        with pytest.raises(FolderError, match=r"(?s)run\.json: .+--fresh"):
            RunFolder.open(tmp_path)


def test_a_folder_in_the_place_of_a_record_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(FolderError, match=r"(?s)run\.json: cannot be read.+--fresh"):
        RunFolder.open(tmp_path)


def test_a_run_of_an_earlier_version_is_answered_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"id": "a", "name": "old", "status": "done", "tunesmith": "0.1.0"}')
    with pytest.raises(FolderError, match=r"has another format .*reads format 2\n.*--fresh"):
        RunFolder.open(tmp_path)
