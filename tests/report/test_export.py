"""Export: rows in the shapes that trainers and the hub read, whole, and with their origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from finished_run import empty_run, finished_run, seed
from typer.testing import CliRunner

import tunesmith
from tunesmith.cli.app import app
from tunesmith.errors import FolderError, UserError
from tunesmith.report.export import SHAPES, export
from tunesmith.rows import Table
from tunesmith.runs.run_folder import RunFolder
from tunesmith.sample import Drop
from tunesmith.sources.starter import StarterTasks
from tunesmith.step import Context


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished_run(tmp_path_factory.mktemp("runs") / "small")


def lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def texts(value: object) -> Iterator[str]:
    """Every text anywhere inside ``value``."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from texts(one)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_keeps_words_id_source_and_licence(run: RunFolder, tmp_path: Path, shape: str) -> None:
    to = tmp_path / "rows.jsonl"
    done = export(f"{run.path}/learnable", to, shape)
    samples = list(Table(run.find("learnable").rows()))
    written = lines(to)
    assert done.rows == len(samples) == len(written) and done.left_out == 0
    for row, sample in zip(written, samples, strict=True):
        assert (row["id"], row["source"], row["license"]) == (sample.id, sample.source, sample.license)
        assert {sample.instruction, sample.answer} <= set(texts(row))


def test_a_system_text_is_kept_where_the_shape_has_a_place_for_it(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    maker.rows("01-seeds", "sources.jsonl", [seed(1, answer="yes", system="Be brief.")], name="seeds")
    found = {}
    for shape in SHAPES:
        export(f"{tmp_path}/run/seeds", tmp_path / shape, shape)
        (found[shape],) = lines(tmp_path / shape)
    assert found["alpaca"]["system"] == "Be brief."
    assert found["messages"]["messages"][0] == {"role": "system", "content": "Be brief."}  # type: ignore[index]
    assert found["sharegpt"]["conversations"][0] == {"from": "system", "value": "Be brief."}  # type: ignore[index]
    assert str(found["prompt_completion"]["prompt"]).startswith("Be brief.\n\n")


def test_parquet_is_flat_for_the_viewer_of_the_hub(run: RunFolder, tmp_path: Path) -> None:
    export(f"{run.path}/learnable", tmp_path / "rows.parquet", "parquet")
    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.num_columns <= 15 and not any(pa.types.is_nested(field.type) for field in table.schema)
    assert set(table.column("verdicts").to_pylist()) == {"executed: passed"}


def test_a_bin_is_exported_with_its_reasons(run: RunFolder, tmp_path: Path) -> None:
    export(f"{run.path}/learnable.dropped", tmp_path / "bin.parquet", "parquet")
    marks = pq.read_table(tmp_path / "bin.parquet").column("verdicts").to_pylist()
    assert all("learnable: dropped, " in mark for mark in marks)


def test_rows_of_a_round_are_found_by_their_place(run: RunFolder, tmp_path: Path) -> None:
    assert export(f"{run.path}/evolution/round-01/answered", tmp_path / "rows.jsonl", "alpaca").rows == 45


def test_what_a_shape_cannot_hold_is_counted(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    maker.rows("01-seeds", "sources.jsonl", [seed(1, answer="yes"), seed(2)], name="seeds")
    done = export(f"{tmp_path}/run/seeds", tmp_path / "rows.jsonl")
    assert (done.rows, done.left_out) == (1, 1)


def test_nothing_is_written_where_no_row_fits(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    maker.rows("01-seeds", "sources.jsonl", [seed(1)], [Drop(seed(2), "short")], name="seeds")
    with pytest.raises(UserError, match="none of its 1 rows"):
        export(f"{tmp_path}/run/seeds", tmp_path / "rows.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_mistakes_name_what_was_meant(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'sharegpt'"):
        export(f"{run.path}/learnable", tmp_path / "x", "shargpt")
    with pytest.raises(FolderError, match="has no step 'learnt'"):
        export(f"{run.path}/learnt", tmp_path / "x")


def test_the_command_says_where_the_rows_went(run: RunFolder, tmp_path: Path) -> None:
    to = tmp_path / "rows.jsonl"
    done = CliRunner().invoke(
        app, ["export", f"{run.path}/learnable", "--to", str(to), "--as", "alpaca", "--json"]
    )
    assert done.exit_code == 0 and orjson.loads(done.stdout)["path"] == str(to)


def test_the_folder_of_the_file_is_made(run: RunFolder, tmp_path: Path) -> None:
    assert export(f"{run.path}/learnable", tmp_path / "out" / "deep" / "rows.jsonl").path.exists()
    with pytest.raises(UserError, match="--to: the folder"):
        export(f"{run.path}/learnable", tmp_path / "out" / "deep" / "rows.jsonl" / "x.jsonl")


def test_columns_that_a_source_keeps_come_out_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seeds = [seed.instruction for seed in StarterTasks(tasks=6).source(Context("seeds"))]
    rows = [
        {"instruction": text, "output": "", "difficulty": n, "id": f"mine-{n}"}
        for n, text in enumerate(seeds)
    ]
    (tmp_path / "s.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (tmp_path / "r.yaml").write_text(
        "name: r\nmodels: {teacher: {use: starter, error_rate: 0}}\nsteps:\n"
        "  seeds: {do: sources.jsonl, path: s.jsonl, keep: [difficulty, id], license: mit}\n"
        "  evolved: {do: synthesis.evolve, with: teacher}\n"
        "  answered: {do: synthesis.answer, with: teacher}\n"
    )
    tunesmith.run("r.yaml")
    for shape in ("alpaca", "messages", "sharegpt", "prompt_completion"):
        lines = export("runs/r/answered", tmp_path / "rows.jsonl", shape).path.read_bytes().splitlines()
        assert lines and all(isinstance(orjson.loads(line)["difficulty"], int) for line in lines)
        assert all(orjson.loads(line)["keep.id"].startswith("mine-") for line in lines)
    table = pq.read_table(export("runs/r/answered", tmp_path / "rows.parquet", "parquet").path)
    assert set(table.column("difficulty").to_pylist()) <= set("012345")
    assert table.column("keep.id").to_pylist()[0].startswith("mine-")
