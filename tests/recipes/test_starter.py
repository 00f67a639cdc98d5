"""The quickstart's recipe, small: the whole story, and the same story when it is killed again and again."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.rows import Table
from tunesmith.runs.record import StepRecord
from tunesmith.runs.run_folder import RunFolder

RUN = """
import os, signal, sys
from pathlib import Path
from tunesmith import api
from tunesmith.runs import run_folder
from tunesmith.runs import step_runner

step, moment = sys.argv[2].split(":")

def die():
    os.kill(os.getpid(), signal.SIGKILL)

write_shard, finish = run_folder.StepFolder.write_shard, run_folder.StepFolder.finish
train = step_runner.StepRunner._train

def dying_write(self, *args):
    if self.path.name.endswith(step) and moment == "before its shard":
        die()
    write_shard(self, *args)
    if self.path.name.endswith(step) and moment == "after its shard":
        die()

def dying_finish(self, record):
    if self.path.name.endswith(step) and moment == "before it is done":
        die()
    finish(self, record)

def dying_train(self, job):
    if job.ctx.step == step and moment == "while training":
        from torch import Tensor
        plain, left = Tensor.backward, [4]
        def backward(*args, **kwargs):
            left[0] -= 1
            if not left[0]:
                die()
            return plain(*args, **kwargs)
        Tensor.backward = backward
    return train(self, job)

run_folder.StepFolder.write_shard = dying_write
run_folder.StepFolder.finish = dying_finish
step_runner.StepRunner._train = dying_train
if __name__ == "__main__":
    api.run("starter", tiny=True, out=sys.argv[1])
"""
MOMENTS = (
    "four_tasks:before its shard",
    "answered:after its shard",
    "executed:before its shard",
    "tuned:while training",
    "after:before it is done",
)


def run(out: Path, cache: Path, moment: str = "nowhere:never") -> int:
    """Run the tiny starter recipe in a child process that may kill itself at a moment."""
    script = out.parent / "run_starter.py"
    script.write_text(RUN)
    env = {**os.environ, "TUNESMITH_CACHE": str(cache)}
    return subprocess.run([sys.executable, str(script), str(out), moment], env=env, check=False).returncode


def content(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def records(folder: Path) -> dict[str, StepRecord]:
    return {record.name: record for _, record in RunFolder(folder).records()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter") / "undisturbed"
    assert run(folder, folder.parent / "cache") == 0
    return folder


def test_every_row_is_accounted_for(undisturbed: Path) -> None:
    found = records(undisturbed)
    for name in ("readable", "distinct", "coreset", "executed", "learnable"):
        step = found[name]
        assert step.rows_in == (step.rows_out or 0) + step.dropped, name
        assert step.dropped == sum(step.reasons.values()), name


def test_real_functions_and_seed_tasks_flow_through_and_are_verified(undisturbed: Path) -> None:
    executed = list(Table(RunFolder(undisturbed).find("executed").rows()))
    assert {row.source for row in executed} == {"stdlib", "starter"}
    verdicts = [verdict for row in executed for verdict in row.verdicts if verdict.by == "executed"]
    assert len(verdicts) == len(executed)
    assert {verdict.passed for verdict in verdicts} >= {True, False}, (
        "the teacher errs on purpose, and is caught"
    )
    learnt = Table(RunFolder(undisturbed).find("learnable").rows())
    assert len(learnt) > 0
    assert all(row.source == "starter" and row.license for row in learnt)


def test_the_student_is_scored_before_and_after_with_an_interval(undisturbed: Path) -> None:
    found = records(undisturbed)
    before, after = (found[name].scores[0] for name in ("before", "after"))
    assert before.value == 0.0
    assert before.protocol == after.protocol, "only the weights differ"
    assert before.low <= before.value <= before.high < 1
    losses = found["tuned"].checkpoint.losses if found["tuned"].checkpoint else ()
    assert losses[-1][1] < losses[0][1]
    assert (undisturbed / "report.html").exists()


def test_killed_at_five_moments_it_ends_with_the_same_rows_and_scores(
    undisturbed: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "killed"
    for moment in MOMENTS:
        assert run(killed, tmp_path / "cache", moment) == -signal.SIGKILL, moment
    assert run(killed, tmp_path / "cache") == 0
    assert content(killed) == content(undisturbed)
    for name in ("before", "after"):
        assert records(killed)[name].scores == records(undisturbed)[name].scores
        place, other = RunFolder(killed).find(name), RunFolder(undisturbed).find(name)
        one, two = (folder.path / "attempts.json" for folder in (place, other))
        assert one.read_bytes() == two.read_bytes()


def test_run_again_nothing_is_recomputed(undisturbed: Path) -> None:
    times = {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*.parquet")}
    assert run(undisturbed, undisturbed.parent / "cache") == 0
    assert {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*.parquet")} == times
