"""Rows: identity, growth, marks, and the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.errors import DataError
from tunesmith.rows import SCHEMA, Table, shard_notes, write_drops, write_rows
from tunesmith.sample import CONTENT, Drop, Sample, Verdict

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**50), 2**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
verdicts = st.builds(
    Verdict,
    by=texts,
    passed=st.sampled_from([True, False, None]),
    score=st.none() | st.floats(allow_nan=False),
    reason=texts,
)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    names = ["instruction", "answer", "system", "task", "language", "code", "tests", "source", "license"]
    content = {name: draw(texts) for name in names}
    content["meta"] = draw(st.dictionaries(texts, json_values, max_size=3))
    sample = Sample.born(draw(texts), draw=draw(st.integers(0, 2**31 - 1)), **content)
    for verdict in draw(st.lists(verdicts, max_size=2, unique_by=lambda v: v.by)):
        sample = sample.judged(verdict)
    return sample


@given(samples())
def test_marks_do_not_change_identity(sample: Sample) -> None:
    marked = sample.judged(Verdict("j", None)).weighed(0.5).noted(seen=True)
    assert marked.id == sample.id


@given(samples(), texts)
def test_a_child_names_its_parent_and_is_another_row(sample: Sample, answer: str) -> None:
    child = sample.grow("later", answer=answer)
    assert child.parents == (sample.id,)
    assert child.id != sample.id
    assert child.verdicts == ()
    assert child.answer == answer


@given(samples())
def test_draws_of_one_request_are_different_rows(sample: Sample) -> None:
    assert len({sample.grow("s", draw=draw, answer="same").id for draw in range(5)}) == 5


@given(samples())
def test_identity_follows_from_content_alone(sample: Sample) -> None:
    again = Sample.born(
        sample.step, parents=sample.parents, draw=sample.draw, **{n: getattr(sample, n) for n in CONTENT}
    )
    assert again.id == sample.id


def test_growing_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="anser"):
        Sample.born("s").grow("t", anser="x")


@settings(max_examples=30)
@given(st.lists(samples(), max_size=8))
def test_rows_come_back_from_disk_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Sample]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows-00000.parquet"
    write_rows(path, rows, {"start": "0"})
    assert list(Table([path])) == rows
    assert shard_notes(path)["start"] == "0"


@settings(max_examples=20)
@given(st.lists(samples(), min_size=1, max_size=12), st.integers(0, 12), st.integers(1, 5))
def test_a_table_can_be_read_from_any_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Sample], start: int, batch: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    half = len(rows) // 2
    write_rows(folder / "rows-00000.parquet", rows[:half], {})
    write_rows(folder / "rows-00001.parquet", rows[half:], {})
    table = Table(sorted(folder.iterdir()), batch_rows=batch)
    assert len(table) == len(rows)
    assert list(table.start_at(start)) == rows[start:]
    assert [row for (row,) in table.columns("id")] == [row.id for row in rows]


def test_dropped_rows_keep_their_reason_and_read_as_rows(tmp_path: Path) -> None:
    sample = Sample.born("s", instruction="x")
    path = tmp_path / "dropped-00000.parquet"
    write_drops(path, [Drop(sample, "too short")], "rules", {})
    (read,) = Table([path])
    assert read.id == sample.id
    assert read.meta == {"dropped": "too short", "dropped_by": "rules"}


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    rows = [Sample.born("s", instruction=str(i), meta={"b": i, "a": 1}) for i in range(100)]
    write_rows(tmp_path / "a", rows, {"k": "v"})
    write_rows(tmp_path / "b", rows, {"k": "v"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_schema_is_flat_and_stable() -> None:
    assert SCHEMA.names == [
        "id", "instruction", "answer", "system", "task", "language", "code", "tests", "source", "license",
        "parents", "step", "draw", "verdicts", "weight", "meta",
    ]  # fmt: skip
    assert str(SCHEMA.field("meta").type) == "string"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play a full disk")
def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "rows-00000.parquet"
    (tmp_path / ".rows-00000.parquet.draft").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"rows-00000\.parquet: cannot be written: .*[Nn]o space"):
        write_rows(path, [Sample.born("s")], {})
    assert list(tmp_path.iterdir()) == []
