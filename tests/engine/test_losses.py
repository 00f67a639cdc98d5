"""A step that loses nearly all its rows stops the run; one that drops rows on purpose does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tunesmith
from mock_server import Mock, Reply, failure
from tunesmith.cli import main
from tunesmith.engine.losses import FIRST, AskedRow, Losses
from tunesmith.errors import RecipeError, RunStopped
from tunesmith.recipe.load import load_recipe
from tunesmith.requests import Completion, Failure, Request
from tunesmith.sample import Drop, Sample

ROW = Sample.born("n", instruction="row")
ASKED = Request.of("What is it?")


def row(made: Sample | Drop, answer: Completion | Failure | None = None) -> AskedRow:
    return AskedRow([made], [ASKED], [answer or Completion("this is no record")])


def test_fifty_lost_rows_stop_the_step_and_show_what_was_asked_and_answered() -> None:
    losses = Losses("oss", 0.98)
    for _ in range(FIRST - 1):
        losses.count(row(Drop(ROW, "not one record")))
    with pytest.raises(RunStopped) as stopped:
        losses.count(row(Drop(ROW, "not one record")))
    assert stopped.value.exit_code == 3
    said = str(stopped.value)
    assert "steps.oss: 50 of the first 50 rows gave nothing (50 not one record)" in said
    assert "What is it?" in said and "this is no record" in said and "stop_if_dropped: 1.0" in said


@pytest.mark.parametrize(("most", "kept"), [(0.98, 1), (1.0, 0), (0.5, 25)])
def test_a_step_that_loses_no_more_than_it_may_goes_on(most: float, kept: int) -> None:
    losses = Losses("s", most)
    for number in range(FIRST):
        losses.count(row(ROW if number < kept else Drop(ROW, "empty")))
    losses.check()


def test_a_filter_that_drops_everything_on_readable_replies_is_honest() -> None:
    losses = Losses("s", 0.98, filters=True)
    for _ in range(200):
        losses.count(row(Drop(ROW, "rule broken")))


@pytest.mark.parametrize(
    "lost",
    [
        row(Drop(ROW.noted(reply="?"), "malformed verdict")),
        row(Drop(ROW, "refused 400"), Failure("refused 400", "no", 1)),
    ],
)
def test_a_filter_without_readable_replies_is_stopped(lost: AskedRow) -> None:
    losses = Losses("s", 0.98, filters=True)
    with pytest.raises(RunStopped):
        for _ in range(FIRST):
            losses.count(lost)


def test_rows_that_need_no_question_do_not_count() -> None:
    losses = Losses("s", 0.98)
    for _ in range(200):
        losses.count(AskedRow([Drop(ROW, "too little code")]))
    assert losses.asked == 0


RECIPE = """
name: r
models:
  teacher: {{use: openai, model: mock, base_url: "{url}", tries: 1, in_flight: 8}}
steps:
  seeds: {{do: sources.jsonl, path: seeds.jsonl, license: mit}}
  oss: {{do: synthesis.oss_instruct, with: teacher}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str, int], Path]:
    def make(url: str, rows: int) -> Path:
        code = "def add_{n}(first, second):\\n    total = first + second\\n    return total + {n}\\n"
        lines = [f'{{"instruction": "", "output": "", "code": "{code.format(n=n)}"}}' for n in range(rows)]
        (tmp_path / "seeds.jsonl").write_text("\n".join(lines))
        path = tmp_path / "r.yaml"
        text = RECIPE.format(url=url).replace("license: mit", "license: mit, columns: {code: code}")
        path.write_text(text)
        return path

    return make


@pytest.mark.parametrize("rows", [30, 400])
@pytest.mark.parametrize("behave", [lambda _: Reply(text="I am a poet."), lambda _: failure(400, "no")])
def test_a_teacher_that_never_answers_in_the_form_stops_the_run_with_3(
    recipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: int, behave: Any
) -> None:
    with Mock(behave) as server:
        path, out = recipe(server.url, rows), str(tmp_path / "run")
        for _ in range(2):  # and again: what is stored must not let it pass
            assert main(["run", str(path), "--out", out, "-q"]) == 3
            said = capsys.readouterr().err
            assert "steps.oss" in said
        assert server.count < 400 or rows < 400
        assert '"stopped"' in (tmp_path / "run/run.json").read_text()


def test_a_step_told_to_go_on_goes_on_and_asks_nothing_again(recipe: Any, tmp_path: Path) -> None:
    with Mock(lambda _: Reply(text="I am a poet.")) as server:
        path = recipe(server.url, 60)
        with pytest.raises(RunStopped):
            tunesmith.run(path, out=tmp_path / "run")
        asked = server.count
        with pytest.raises(RunStopped, match="no row is left"):
            tunesmith.run(path, out=tmp_path / "run", overrides=["steps.oss.stop_if_dropped=1.0"])
        assert server.count <= 60 + 8, "only what was under way is asked again"
        assert asked <= server.count
    assert len(tunesmith.read(tmp_path / "run", "oss", dropped=True)) == 60


@pytest.mark.parametrize("value", ["0", "1.5", "-1", "true", "often", "[1]"])
def test_a_share_that_is_none_is_refused(recipe: Any, value: str) -> None:
    with pytest.raises(RecipeError, match="stop_if_dropped"):
        load_recipe(recipe("http://127.0.0.1:1", 1), overrides=[f"steps.oss.stop_if_dropped={value}"])


def test_a_step_that_asks_nobody_does_not_take_the_key(recipe: Any) -> None:
    with pytest.raises(RecipeError, match="stop_if_dropped"):
        load_recipe(recipe("http://127.0.0.1:1", 1), overrides=["steps.seeds.stop_if_dropped=0.5"])


def test_a_source_that_finds_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "r.yaml").write_text("name: r\nsteps:\n  s: {do: sources.jsonl, path: empty.jsonl}\n")
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run")]) == 3
    said = capsys.readouterr().err
    assert "warning: found nothing" in said and "no row is left" in said
