"""``tunesmith retry``: failed requests asked again, exactly those named, and what follows from them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import tunesmith
from mock_server import Asked, Mock, Reply, failure
from tunesmith.cli import main
from tunesmith.errors import FolderError
from tunesmith.recipe.load import bundled, load_recipe
from tunesmith.runs.record import RunState
from tunesmith.runs.retry import recipe_of
from tunesmith.runs.run_folder import RunFolder, StepFolder

EACH = (250 + 2 * 20) / 1e6
ROWS = 60
RECIPE = """
name: answers
seed: 1
models:
  teacher: {{use: openai, model: mock, base_url: "{url}", in_flight: 16, max_tokens: 64, tries: 1,
             price: {{input: 1, output: 2}}}}
steps:
  seeds: {{do: sources.jsonl, path: seeds.jsonl, license: mit}}
  answered: {{do: synthesis.answer, with: teacher}}
  kept: {{do: selection.rules, field: answer, min_chars: 3}}
  others: {{do: selection.rules, from: seeds, field: instruction, min_words: 2}}
"""
SECOND = "  again: {do: synthesis.answer, with: teacher, from: kept, temperature: 0.5}\n"
ROUNDS = """  rounds:
    repeat: 2
    each:
      more: {do: synthesis.answer, with: teacher}
  last: {do: selection.rules, field: answer, min_chars: 3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tasks = [{"instruction": f"Write a function that adds {n} to it", "output": ""} for n in range(ROWS)]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    return tmp_path


def recipe(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "answers.yaml"
    path.write_text(RECIPE.format(url=url) + more)
    return path


def number(asked: Asked) -> int:
    return int((re.search(r"adds (\d+) to", asked.prompt) or ["", "-1"])[1])


def said(asked: Asked) -> Reply:
    return Reply(text=f"```python\n# {asked.prompt}\nprint({asked.json['temperature']})\n```")


def sick(asked: Asked) -> Reply:
    """One row in ten is answered late, one with rubbish, one is refused."""
    ill = {0: failure(504, "late"), 1: Reply(body=b"{}"), 2: failure(400, "too long")}
    return ill.get(number(asked) % 10, said(asked)) if number(asked) >= 0 else said(asked)


def silent(asked: Asked) -> Reply:
    """The same, but who is answered late is never answered."""
    return Reply(hang=True) if number(asked) % 10 == 0 else sick(asked)


def reasons(run: Path, step: str = "answered") -> Counter[str]:
    return Counter(row.meta["dropped"] for row in tunesmith.read(run, step, dropped=True))


def digest(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_exactly_the_named_kind_is_asked_again_and_the_rest_stays(folder: Path) -> None:
    with Mock(silent) as server:
        impatient = ["models.teacher.timeout=2"]
        first = tunesmith.run(recipe(folder, server.url), out=folder / "run", overrides=impatient)
        before = digest(folder / "run/04-others")
        assert reasons(folder / "run") == {"timeout": 6, "malformed": 6, "refused 400": 6}
        server.behaviour, heard = said, server.count
        (folder / "answers.yaml").unlink()  # the run knows its recipe
        with pytest.raises(FolderError, match="would give other rows"):
            tunesmith.retry(folder / "run", ["timeout"], overrides=["models.teacher.max_tokens=9"])
        result = tunesmith.retry(folder / "run", ["timeout"], overrides=["models.teacher.timeout=60"])
        asked = [number(one) for one in server.asked[heard:]]
        assert sorted(asked) == [0, 10, 20, 30, 40, 50]
        assert (result.again.asked, result.again.kept, result.again.failed) == (6, 6, {})
        assert result.again.usd == pytest.approx(6 * EACH)
        assert result.usd == pytest.approx(first.usd + 6 * EACH)
        assert result.ran == ("answered", "kept") and digest(folder / "run/04-others") == before
        assert reasons(folder / "run") == {"malformed": 6, "refused 400": 6}
        assert len(tunesmith.read(folder / "run", "kept")) == ROWS - 12


def test_without_a_kind_all_are_asked_and_the_rows_are_those_of_an_undisturbed_run(folder: Path) -> None:
    with Mock(sick) as server:
        path = recipe(folder, server.url)
        tunesmith.run(path, out=folder / "run")
        server.behaviour = said
        tunesmith.retry(folder / "run", ["malformed"])
        result = tunesmith.retry(folder / "run")
        assert (result.again.asked, result.again.kept) == (12, 12)
        assert tunesmith.retry(folder / "run").again.asked == 0
        heard = server.count
        assert tunesmith.run(path, out=folder / "run").ran == ()
        tunesmith.run(path, out=folder / "undisturbed")
        assert server.count == heard
    assert digest(folder / "run") == digest(folder / "undisturbed")


def test_where_nothing_is_answered_nothing_that_follows_runs_again(folder: Path) -> None:
    with Mock(sick) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
        before, heard = digest(folder / "run"), server.count
        result = tunesmith.retry(folder / "run", ["refused 400"])
        assert server.count == heard + 6
        assert result.again.failed == {"refused 400": 6} and result.again.kept == 0 == result.again.usd
        assert result.ran == ("answered",) and digest(folder / "run/03-kept") == {
            name.removeprefix("03-kept/"): value for name, value in before.items() if "kept" in name
        }


def test_what_failed_further_down_is_not_asked_again_unless_it_is_named(folder: Path) -> None:
    def behave(asked: Asked) -> Reply:
        if asked.json["temperature"] == 0.5:
            return failure(400, "no") if number(asked) % 10 == 5 else said(asked)
        return failure(504, "late") if number(asked) % 10 == 0 else said(asked)

    with Mock(behave) as server:
        tunesmith.run(recipe(folder, server.url, SECOND), out=folder / "run")
        assert reasons(folder / "run", "again") == {"refused 400": 6}
        server.behaviour, heard = said, server.count
        result = tunesmith.retry(folder / "run", ["timeout"])
        asked = Counter((one.json["temperature"], number(one) % 10) for one in server.asked[heard:])
        assert asked == {(0.0, 0): 6, (0.5, 0): 6}
        assert reasons(folder / "run", "again") == {"refused 400": 6}
        assert len(tunesmith.read(folder / "run", "again")) == ROWS - 6 and result.again.asked == 6
        assert tunesmith.retry(folder / "run", ["refused 400"]).again.kept == 6


def test_a_row_lost_in_a_round_comes_back_in_every_round_after_it(folder: Path) -> None:
    def behave(asked: Asked) -> Reply:
        return failure(504, "late") if number(asked) == 7 and asked.number > ROWS else said(asked)

    with Mock(behave) as server:
        path = recipe(folder, server.url, ROUNDS.replace("teacher}", "teacher, temperature: 0.5}"))
        tunesmith.run(path, out=folder / "run")
        assert reasons(folder / "run", "rounds/round-01/more") == {"timeout": 1}
        server.behaviour = said
        assert tunesmith.retry(folder / "run").again.kept == 1
        heard = server.count
        tunesmith.run(path, out=folder / "undisturbed")
        assert server.count == heard
        assert tunesmith.run(path, out=folder / "run").ran == ()
    assert digest(folder / "run") == digest(folder / "undisturbed")


TRAINER = """
from pathlib import Path
from tunesmith import Step
from tunesmith.results import Checkpoint
class Trainer(Step):
    needs_model = "required"
    def train(self, rows, ctx):
        ctx.folder.mkdir(parents=True, exist_ok=True)
        (ctx.folder / "rows").write_text(str(len(rows)))
        return Checkpoint(ctx.folder)
"""
SCORER = """
from tunesmith import Step
from tunesmith.results import Score
class Scorer(Step):
    needs_model = "required"
    def score(self, ctx):
        return [Score("weights", {"fingerprint": ctx.model.fingerprint}, 1, 1, 0.0, 0.0, 1.0)]
"""
TRAINED = """  trained: {do: own_trainer, from: kept, with: student}
  scored: {do: own_scorer, with: trained}
"""


def test_a_model_trained_on_other_rows_is_another_model_to_the_answer_store(folder: Path) -> None:
    (folder / "own_trainer.py").write_text(TRAINER)
    (folder / "own_scorer.py").write_text(SCORER)
    with Mock(sick) as server:
        path = recipe(folder, server.url, TRAINED)
        path.write_text(path.read_text().replace("models:", "models:\n  student: {use: scratch}"))
        first = tunesmith.run(path, out=folder / "run")
        server.behaviour = said
        second = tunesmith.retry(folder / "run", ["timeout"])
        third = tunesmith.retry(folder / "run")
        whole = tunesmith.run(path, out=folder / "undisturbed")
    known = [result.scores[0].protocol["fingerprint"] for result in (first, second, third, whole)]
    assert len(set(known)) == 3 and known[2] == known[3]
    assert (folder / "run/models/trained/rows").read_text() == str(ROWS)


def test_killed_while_it_asks_again_it_goes_on_and_still_asks_nothing_else(folder: Path) -> None:
    with Mock(sick) as server:
        path = recipe(folder, server.url)
        tunesmith.run(path, out=folder / "run")
        main = "import sys; from tunesmith.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", main, "retry", str(folder / "run"), "--only", "timeout,malformed"]
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        heard = server.count

        def behave(asked: Asked) -> Reply:
            if asked.number == heard + 8:
                os.kill(started.pid, signal.SIGKILL)
            return said(asked)

        server.behaviour = behave
        assert started.wait() == -signal.SIGKILL
        assert not RunFolder(folder / "run").find("answered").done
        tunesmith.retry(folder / "run", ["timeout", "malformed"])
        again = Counter(number(one) for one in server.asked[heard:])
        assert {n % 10 for n in again} == {0, 1} and len(again) == 12
        assert reasons(folder / "run") == {"refused 400": 6}
        assert tunesmith.run(path, out=folder / "run").ran == ()
        assert len(tunesmith.read(folder / "run", "kept")) == ROWS - 6


SLOW = [pytest.param(moment, marks=pytest.mark.slow) for moment in ("reopen", "begin", "finish")]


@pytest.mark.parametrize("call", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("moment", ["cut", "write_shard", *SLOW])
def test_stopped_at_any_moment_it_ends_with_the_rows_of_an_undisturbed_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str, call: int
) -> None:
    def behave(asked: Asked) -> Reply:
        if asked.json["temperature"] == 0.5:
            return failure(400, "no") if number(asked) % 10 == 5 else said(asked)
        return failure(504, "late") if number(asked) % 10 == 0 else said(asked)

    calls, whole = iter(range(1, 100)), getattr(StepFolder, moment)

    def killed(*given: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return whole(*given)

    with Mock(behave) as server:
        path = recipe(folder, server.url, SECOND)
        tunesmith.run(path, out=folder / "run")
        server.behaviour, heard = said, server.count
        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr(StepFolder, moment, killed)
            tunesmith.retry(folder / "run", ["timeout"])
        tunesmith.retry(folder / "run", ["timeout"])
        again = Counter((one.json["temperature"], number(one) % 10) for one in server.asked[heard:])
        assert again == {(0.0, 0): 6, (0.5, 0): 6}  # nothing twice, and nothing that was not named
        assert reasons(folder / "run", "again") == {"refused 400": 6}
        tunesmith.retry(folder / "run")
        tunesmith.run(path, out=folder / "undisturbed")
    assert digest(folder / "run") == digest(folder / "undisturbed")


def test_the_command_says_what_came_of_it_and_the_end_of_a_run_names_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(folder / "run")
    with Mock(sick) as server:
        assert main(["run", str(recipe(folder, server.url)), "--out", run, "-q"]) == 0
        told = capsys.readouterr().out
        assert f"tunesmith retry {run} --only" in told and "refused" not in told
        assert f"tunesmith retry {run} --only" in (folder / "run/report.html").read_text()
        server.behaviour = said
        assert main(["retry", run, "--only", "timeout,malformed", "-q"]) == 0
        told = capsys.readouterr().out
        assert "12 rows asked again: 12 kept" in told and f"${12 * EACH:.4f}" in told
        assert "tunesmith retry" not in told
        assert main(["retry", run, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["again"]["kept"] == 6 and told["failures"] == {}


@pytest.mark.parametrize(
    ("arguments", "said_"),
    [
        (["run", "--only", "timout"], ["no row that was lost for 'timout'", "malformed (6)", "timeout (6)"]),
        (["run", "--only", "overloaded"], ["has no row that was lost for 'overloaded'"]),
        (["nowhere"], ["is not a run folder", "runs there: run"]),
    ],
)
def test_an_unknown_kind_or_run_is_said_and_ends_with_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said_: list[str]
) -> None:
    with Mock(sick) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
        heard = server.count
        assert main(["retry", str(folder / arguments[0]), *arguments[1:]]) == 2
        told = capsys.readouterr().err
        assert all(part in told for part in said_) and server.count == heard


def test_a_run_whose_answers_lie_elsewhere_is_not_paid_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mock(sick) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
        heard = server.count
        monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "another"))
        with pytest.raises(FolderError, match="TUNESMITH_CACHE"):
            tunesmith.retry(folder / "run")
        assert server.count == heard


def test_a_changed_data_file_is_noticed_before_anything_is_asked(folder: Path) -> None:
    with Mock(sick) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
        heard = server.count
        with (folder / "seeds.jsonl").open("a") as sink:
            sink.write('\n{"instruction": "one more thing", "output": ""}')
        with pytest.raises(FolderError, match="would give other rows today"):
            tunesmith.retry(folder / "run")
        assert server.count == heard


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_run_folder_holds_its_recipe_whole(name: str, tmp_path: Path) -> None:
    from tunesmith.recipe.yaml import as_yaml

    made = load_recipe(name, tiny=True)
    run = RunFolder(tmp_path)
    run.write_state(RunState(home=os.path.relpath(made.home, tmp_path), tiny=True))
    (tmp_path / "recipe.yaml").write_text(as_yaml(made.data))
    again = recipe_of(run)
    assert (again.nodes, again.models, again.home) == (made.nodes, made.models, made.home)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(FolderError, match=r"run\.json: has another format.*\n.*--fresh"):
        recipe_of(run)
