"""Every command of README.md runs as it is written, in the order in which it is written."""

from __future__ import annotations

import gzip
import json
import shlex
import shutil
from pathlib import Path

import pytest
from real_data import real_data

from mock_server import Mock, Reply
from tunesmith import read
from tunesmith.cli import main
from tunesmith.code.markdown import blocks

README = Path(__file__).resolve().parents[2] / "README.md"
SERVER = "http://localhost:8000/v1"


def commands(heading: str) -> list[list[str]]:
    """The arguments of each ``tunesmith`` line under a heading."""
    section = README.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    text = "\n".join(block.code for block in blocks(section) if block.language == "")
    return [
        shlex.split(line, comments=True)[1:] for line in text.splitlines() if line.startswith("tunesmith")
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the seeds that WizardCoder's recipe expects, and two finished runs."""
    home = tmp_path_factory.mktemp("home")
    seeds = [
        {"instruction": f"Write a function that adds {n}.", "input": "", "output": "pass"} for n in range(30)
    ]
    (home / "code_alpaca_20k.json").write_text(json.dumps(seeds))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("TUNESMITH_CACHE", str(home / "cache"))
        assert main(["run", "starter", "--tiny", "--quiet"]) == 0
        shutil.copytree(home / "runs" / "starter", home / "runs" / "other")
    return home


@pytest.fixture(autouse=True)
def in_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("TUNESMITH_CACHE", str(home / "cache"))


def link_data(home: Path) -> Path:
    """Benchmarks where README expects them; skips where there are none."""
    folder = real_data("humaneval").parent
    if not (home / "data").exists():
        (home / "data").symlink_to(folder)
    return folder


def test_a_papers_recipe_is_tried_copied_and_planned(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = commands("Run a paper's recipe")
    assert [line[0] for line in lines] == ["recipes", "run", "new", "preview", "plan"]
    for line in lines[:-2]:
        assert main(line) == 0, line
    assert (home / "runs" / "wizardcoder" / "report.html").exists()
    link_data(home)
    assert main(lines[-2]) == 0 and "Write a function that adds 0." in capsys.readouterr().out
    assert main(lines[-1]) == 0 and "in all:" in capsys.readouterr().out


def test_results_are_looked_at(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(iter(read("runs/starter", "evolved"))).id
    lines = commands("Look at the results")
    assert len(lines) == 7
    for line in lines[:-1]:
        assert main([row[:8] if word == "ROW" else word for word in line]) == 0, line
    assert (home / "out" / "rows.jsonl").exists()
    assert main(lines[-1]) == 2 and "nothing to ask again" in capsys.readouterr().err, "no request failed"


def test_a_checkpoint_and_a_server_and_samples_are_scored(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, samples, server = commands("Score a model, or existing programs")
    assert main([*checkpoint, "--limit", "5"]) == 0
    folder = link_data(home)
    text = gzip.decompress((folder / "humaneval" / "HumanEval.jsonl.gz").read_bytes()).decode()
    problems = [json.loads(line) for line in text.splitlines()[:2]]
    rows = [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems]
    (home / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    capsys.readouterr()
    assert main([*samples, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"][0]["value"] == 1.0
    with Mock(lambda _: Reply(text="```python\npass\n```")) as mock:
        assert main([*(word.replace(SERVER, mock.url) for word in server), "--limit", "2"]) == 0
        assert mock.count == 40
