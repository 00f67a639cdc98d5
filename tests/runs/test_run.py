"""Runs: resumed, killed, changed, stopped; always the same rows in the end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tunesmith.errors import FolderError, StepError, UserError
from tunesmith.recipe.load import load_recipe
from tunesmith.rows import Table
from tunesmith.runs.run import Result, run_recipe
from tunesmith.runs.run_folder import RunFolder

HERE = Path(__file__).parents[1] / "support"
RECIPE = """
    name: small
    models:
      echo: {use: acme.echo, log: LOG}
    steps:
      numbers: {do: acme.numbers, count: 3000}
      lucky:   {do: acme.chancy}
      asked:   {do: acme.asker, with: echo}
      rounds:
        repeat: 2
        each:
          words: {do: acme.fragments}
          kept:  {do: acme.chancy}
      turned:  {do: acme.reverse, from: [rounds, lucky.dropped]}
"""
Run = Callable[..., Result]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(textwrap.dedent(RECIPE).replace("LOG", str(tmp_path / "asked.log")))
    return path


@pytest.fixture
def run(recipe: Path, tmp_path: Path) -> Run:
    def go(*overrides: str, out: str = "run", **how: bool) -> Result:
        return run_recipe(load_recipe(recipe, overrides=overrides), tmp_path / out, **how)  # type: ignore[arg-type]

    return go


def digest(folder: Path) -> dict[str, str]:
    """The content of every Parquet file, by its place."""
    files = sorted(folder.rglob("*.parquet"))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def asked(tmp_path: Path) -> int:
    return len((tmp_path / "asked.log").read_text().splitlines())


def test_a_second_run_touches_nothing_and_asks_nothing(run: Run, tmp_path: Path) -> None:
    first = run()
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*.parquet")}
    questions = asked(tmp_path)
    second = run()
    assert len(first.ran) == 8 and second.ran == ()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*.parquet")} == times
    assert asked(tmp_path) == questions


def test_another_run_of_the_same_questions_asks_nothing(run: Run, tmp_path: Path) -> None:
    run()
    questions = asked(tmp_path)
    run("steps.numbers.count=3200", out="more rows")
    run("steps.turned.most=5", out="other step")
    assert asked(tmp_path) - questions < 300
    before = asked(tmp_path)
    run(out="again")
    assert asked(tmp_path) == before


def test_rows_do_not_depend_on_workers(run: Run, tmp_path: Path) -> None:
    run("workers=1", out="one")
    run("workers=3", out="three")
    assert digest(tmp_path / "one") == digest(tmp_path / "three")


def test_a_changed_recipe_says_what_reruns_and_why_and_asks(run: Run, tmp_path: Path) -> None:
    run()
    before = digest(tmp_path / "run")
    with pytest.raises(FolderError) as caught:
        run("steps.turned.most=7")
    assert "turned: most: 1000 -> 7" in str(caught.value)
    assert "lucky" not in str(caught.value) and "--yes" in str(caught.value)
    assert digest(tmp_path / "run") == before
    assert run("steps.turned.most=7", yes=True).ran == ("turned",)
    assert len(Table(RunFolder(tmp_path / "run").find("turned").rows())) == 7


def test_a_change_upstream_reruns_what_follows_from_it_only(run: Run, tmp_path: Path) -> None:
    run()
    questions = asked(tmp_path)
    result = run("steps.asked.draws=3", yes=True)
    assert result.ran == (
        "asked",
        "rounds.1.words",
        "rounds.1.kept",
        "rounds.2.words",
        "rounds.2.kept",
        "turned",
    )
    assert asked(tmp_path) == questions + questions // 2


def test_fresh_begins_anew_but_paid_answers_stay(run: Run, tmp_path: Path) -> None:
    run()
    questions = asked(tmp_path)
    assert len(run(fresh=True).ran) == 8
    assert asked(tmp_path) == questions


def test_fresh_refuses_a_folder_that_is_no_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(FolderError, match=r"not a run folder; it holds chapter\.tex"):
        run(out="thesis", fresh=True)
    assert (tmp_path / "thesis" / "chapter.tex").exists()


def test_a_step_that_moved_in_the_recipe_keeps_its_rows(run: Run, recipe: Path, tmp_path: Path) -> None:
    run()
    text = recipe.read_text()
    recipe.write_text(
        text.replace("  lucky:", "  other: {do: acme.numbers, count: 1}\n  lucky:").replace(
            "lucky:   {do: acme.chancy}", "lucky:   {do: acme.chancy, from: numbers}"
        )
    )
    assert run().ran == ("other",)
    assert (tmp_path / "run" / "03-lucky").is_dir() and not (tmp_path / "run" / "02-lucky").exists()


def test_two_processes_cannot_share_a_folder(run: Run, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run").locked(), pytest.raises(FolderError, match="another process is running"):
        run()


def test_a_torn_ledger_line_is_passed_over(run: Run, tmp_path: Path) -> None:
    run()
    with (tmp_path / "run" / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"at": "2026')
    assert run().ran == ()
    lines = (tmp_path / "run" / "ledger.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["event"] == "begun" and json.loads(lines[-1])["event"] == "done"


def test_a_failing_step_keeps_what_was_done_and_names_itself(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(recipe.read_text() + "  broken: {do: acme.faulty, how: raise}\n")
    with pytest.raises(StepError, match=r"steps\.broken: ValueError: out of order"):
        run_recipe(load_recipe(recipe), tmp_path / "run")
    assert RunFolder(tmp_path / "run").find("turned").done
    result = run_recipe(load_recipe(recipe, overrides=["steps.broken.how=keep"]), tmp_path / "run", yes=True)
    assert result.ran == ("broken",)


KILLER = """
import os, signal, sys
from pathlib import Path
from tunesmith.runs import run, run_folder
from tunesmith.recipe.load import load_recipe

left = int(sys.argv[3])
real = run_folder.StepFolder.write_shard

def write_shard(self, *args, **kwargs):
    global left
    left -= 1
    if left == 0 and sys.argv[4] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, *args, **kwargs)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

run_folder.StepFolder.write_shard = write_shard
run.run_recipe(load_recipe(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("shard", "when"), [(1, "before"), (2, "after"), (3, "before"), (4, "after"), (7, "before")]
)
def test_killed_anywhere_and_run_again_gives_the_same_bytes(
    run: Run, recipe: Path, tmp_path: Path, shard: int, when: str
) -> None:
    """SIGKILL just before or after a shard reaches the disk; the next run goes on behind it."""
    arguments = [str(recipe), str(tmp_path / "killed"), str(shard), when]
    path = os.pathsep.join([str(HERE), *sys.path])
    env = {**os.environ, "PYTHONPATH": path, "TUNESMITH_CACHE": str(tmp_path / "cache of the killed")}
    killed = subprocess.run([sys.executable, "-c", KILLER, *arguments], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    questions = asked(tmp_path) if shard > 3 else 0
    run(out="killed")
    run(out="undisturbed")
    assert digest(tmp_path / "killed") == digest(tmp_path / "undisturbed")
    assert questions == 0 or questions <= asked(tmp_path)


def test_what_a_step_reads_from_outside_is_looked_at_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: r\nsteps:\n  n: {do: acme.numbers}\n  s: {do: sources.jsonl, path: none.jsonl}\n")
    with pytest.raises(UserError, match=r"steps\.s\.path"):
        run_recipe(load_recipe(path), tmp_path / "run")
    assert not (tmp_path / "run").exists()
