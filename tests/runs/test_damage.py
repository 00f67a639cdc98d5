"""What lies in a run folder is held against its records; nothing a recipe names leaves the folder."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import tunesmith
from tunesmith.cli import main
from tunesmith.errors import DataError, FolderError
from tunesmith.recipe.load import load_recipe
from tunesmith.rows import Table
from tunesmith.runs.record import Begun, Place
from tunesmith.runs.run import run_recipe
from tunesmith.runs.run_folder import RunFolder
from tunesmith.sample import Drop, Sample

RECIPE = """
    name: small
    steps:
      numbers: {do: acme.numbers, count: 300}
      lucky:   {do: acme.chancy}
      turned:  {do: acme.reverse, most: 100}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(textwrap.dedent(RECIPE))
    return path


@pytest.fixture
def run(path: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(run_recipe(load_recipe(path), tmp_path / "run").folder)


def flip(file: Path, position: float = 0.3) -> None:
    data = bytearray(file.read_bytes())
    data[int(len(data) * position)] ^= 0xFF
    file.write_bytes(bytes(data))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-200]),
    "cut in half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "text": lambda file: file.write_text("no parquet at all, but long enough to be looked at twice"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("shard", ["02-lucky/rows-00000.parquet", "02-lucky/dropped-00000.parquet"])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_shard_of_a_done_step_is_an_error_with_its_place_and_what_to_do(
    run: RunFolder, path: Path, capsys: pytest.CaptureFixture[str], shard: str, how: str
) -> None:
    DAMAGE[how](run.path / shard)
    assert main(["run", str(path), "--out", str(run.path), "-q"]) == 2
    said = capsys.readouterr().err
    assert "02-lucky" in said and "remove the folder" in said and "Traceback" not in said
    assert (how == "gone") == ("step.json records" in said)


def test_a_shard_that_is_added_is_noticed(run: RunFolder, path: Path) -> None:
    folder = run.find("lucky")
    folder.write_shard(300, 301, [Sample.born("x", instruction="more")], [], "x")
    with pytest.raises(FolderError, match=r"holds 2 files of rows, but its .* records 1"):
        run_recipe(load_recipe(path), run.path)


@pytest.mark.parametrize("position", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_is_an_error_that_names_the_file(run: RunFolder, position: float) -> None:
    shard = run.find("numbers").rows()[0]
    whole = list(Table([shard]))
    flip(shard, position)
    try:
        assert list(Table([shard])) == whole, "the byte was one that nobody reads"
    except DataError as error:
        assert str(shard) in str(error) and "remove the folder" in str(error)


def test_following_the_advice_makes_the_rows_anew(run: RunFolder, path: Path) -> None:
    whole = [row.id for row in tunesmith.read(run.path, "turned")]
    (run.path / "02-lucky/rows-00000.parquet").unlink()
    for file in (run.path / "02-lucky").iterdir():
        file.unlink()
    (run.path / "02-lucky").rmdir()
    assert run_recipe(load_recipe(path), run.path).ran == ("lucky",)
    assert [row.id for row in tunesmith.read(run.path, "turned")] == whole


def test_dropped_rows_that_a_kill_left_alone_do_not_join_another_shard(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).at(Place(1, "a"))
    folder.begin(Begun("k", ""))
    rows = [Sample.born("n", instruction=str(n)) for n in range(2)]
    folder.write_shard(0, 2, [rows[0]], [Drop(rows[1], "timeout")], "a")
    folder.rows()[0].unlink()  # as a kill between the two files leaves it
    folder.write_shard(0, 2, rows, [], "a")
    assert folder.counts().rows == 2 and not folder.drops()


@pytest.mark.parametrize(
    "name", ["../../../precious", "a/b", "..", "/etc", "a\nb", "a\x00b", "a\x1b[2J", "x" * 300]
)
def test_a_step_name_does_not_lead_out_of_the_run_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").mkdir()
    run = RunFolder(tmp_path / "deep" / "run")
    for place in (Place(1, name), Place(1, "block", 1, 1, name)):
        try:
            folder = run.at(place)
            folder.begin(Begun("k", ""))
        except FolderError:
            continue
        assert folder.path.resolve().is_relative_to(run.path.resolve()) and name == ".."
    assert (tmp_path / "precious").is_dir() and len(list(tmp_path.iterdir())) <= 2


def test_a_step_folder_that_is_a_link_out_of_the_run_is_refused(
    run: RunFolder, path: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    (run.path / "02-lucky").rename(precious)
    (run.path / "02-lucky").symlink_to(precious)
    with pytest.raises(FolderError, match="would not be inside the run folder"):
        run_recipe(load_recipe(path, overrides=["seed=9"]), run.path, yes=True)
    assert (precious / "step.json").exists()


def test_an_out_that_cannot_be_a_folder_is_an_error_with_what_to_do(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file")
    for out in (
        tmp_path / "file",
        tmp_path / "file/run",
        Path("/proc/run"),
        tmp_path / ("n" * 300),
    ):
        assert main(["run", str(path), "--out", str(out), "-q"]) == 2, out
        said = capsys.readouterr().err
        assert "choose another --out" in said and "Traceback" not in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_run_folder_that_may_not_be_written_is_an_error(run: RunFolder, path: Path) -> None:
    run.path.chmod(0o500)
    with pytest.raises(FolderError, match="cannot be used as a run folder"):
        run_recipe(load_recipe(path), run.path)
    run.path.chmod(0o700)


@pytest.mark.parametrize("command", ["show", "trace", "retry"])
def test_other_commands_say_what_is_wrong_with_a_damaged_run(
    run: RunFolder, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.path / "02-lucky/step.json").write_text("[1]")
    arguments = [command, str(run.path), *(["abc"] if command == "trace" else [])]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "step.json" in said and "Traceback" not in said
