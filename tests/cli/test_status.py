"""``tunesmith status``: how far a run is, from its folder alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finished_run import empty_run, finished_run, seed

from tunesmith.cli import main
from tunesmith.sample import Drop


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["status", str(path), "--json"]) == 0
    data: dict[str, object] = json.loads(capsys.readouterr().out)
    return data


def test_a_finished_run_has_all_its_steps_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(tmp_path / "run")
    said = told(run.path, capsys)
    assert said["status"] == "done" and said["done"] == len(said["steps"])  # type: ignore[arg-type]
    assert main(["status", str(run.path)]) == 0
    assert "learnable" in capsys.readouterr().out


def test_a_run_under_way_and_one_that_was_killed_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker = empty_run(tmp_path / "run")
    maker.rows("01-seeds", "sources.jsonl", [seed(1), seed(2)], [Drop(seed(3), "short")], name="seeds")
    with maker.run.locked():
        said = told(maker.run.path, capsys)
        assert said["status"] == "running" and said["done"] == 1
    assert told(maker.run.path, capsys)["status"] == "killed"
    (step, *others) = said["steps"]  # type: ignore[misc]
    assert (step["rows_out"], step["dropped"]) == (2, 1)
    assert {other["state"] for other in others} == {"to come"}


def test_a_stopped_run_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = empty_run(tmp_path / "run", "stopped", error="the budget of 5 USD is spent")
    assert main(["status", str(maker.run.path)]) == 0
    assert "the budget of 5 USD is spent" in capsys.readouterr().out
