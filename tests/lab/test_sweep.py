"""An experiment shares common work, survives a kill, and pairs its arms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from tunesmith.cli import main
from tunesmith.errors import RecipeError, UserError
from tunesmith.lab import sweep
from tunesmith.lab.arm_results import stored_results
from tunesmith.lab.experiment import bundled_experiments, load_experiment
from tunesmith.lab.sweep import run_sweep
from tunesmith.lab.table import summarise, text_table
from tunesmith.runs.run_folder import RunFolder

EXPERIMENT = """
name: some-arms
question: Does a larger pool help?
recipe:
  models:
    echo: {use: acme.echo, log: LOG}
    student: {use: scratch, hidden_size: 16, layers: 1, heads: 1, vocab_size: 300}
  steps:
    seeds: {do: sources.starter, tasks: 6, phrasings: 1}
    asked: {do: acme.asker, with: echo}
    kept:  {do: selection.sample, size: 3}
    tuned: {do: training.sft, with: student, max_steps: 1, max_length: 128, threads: 1}
    after: {do: evaluation.pass_at_k, with: tuned, benchmarks: [starter], limit: 3, max_tokens: 4}
measure: after
seeds: 2
arms:
  three: {}
  four: {steps: {kept: {size: 4}}}
  two: {steps: {kept: {size: 2}}}
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "some.yaml"
    path.write_text(EXPERIMENT.replace("LOG", str(tmp_path / "asked.log")))
    return path


def test_three_arms_over_one_pool_ask_for_it_once(experiment: Path, tmp_path: Path) -> None:
    loaded = load_experiment(experiment)
    results = run_sweep(loaded, tmp_path / "out", seeds=1)
    assert [result.arm for result in results] == ["three", "four", "two"]
    assert len((tmp_path / "asked.log").read_text().splitlines()) == 6 * 2  # two draws a row
    shared = RunFolder(tmp_path / "out/arms/three/seed-1").find("asked")
    taken = RunFolder(tmp_path / "out/arms/two/seed-1").find("asked")
    assert [p.read_bytes() for p in shared.rows()] == [p.read_bytes() for p in taken.rows()]


def test_killed_in_the_middle_it_repeats_no_finished_arm(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, real, ran = load_experiment(experiment), sweep.run_recipe, []

    def run_recipe(recipe: Any, place: Path, **how: Any) -> Any:
        ran.append((place.parent.name, place.name))
        if len(ran) == 4:
            raise KeyboardInterrupt
        return real(recipe, place, **how)

    monkeypatch.setattr(sweep, "run_recipe", run_recipe)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(loaded, tmp_path / "out")
    resumed = run_sweep(loaded, tmp_path / "out")
    assert len(ran) == 7 and len(set(ran)) == 6, "only the arm that was interrupted is begun twice"
    undisturbed = run_sweep(loaded, tmp_path / "other")
    one, other = (summarise(loaded.experiment, results) for results in (resumed, undisturbed))
    assert one == other


def test_a_line_torn_by_a_kill_costs_its_arm_only(experiment: Path, tmp_path: Path) -> None:
    loaded, out = load_experiment(experiment), tmp_path / "out"
    run_sweep(loaded, out, seeds=1)
    lines = (out / "results.jsonl").read_bytes()
    (out / "results.jsonl").write_bytes(lines[:-40])
    assert len(stored_results(out)) == 2
    assert len(run_sweep(loaded, out, seeds=1)) == 3
    assert len(stored_results(out)) == 3


def test_results_of_a_changed_recipe_are_not_used(experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_sweep(load_experiment(experiment), out, seeds=1)
    experiment.write_text(experiment.read_text().replace("max_tokens: 4", "max_tokens: 5"))
    run_sweep(load_experiment(experiment), out, seeds=1)
    assert len((out / "results.jsonl").read_text().splitlines()) == 6


def test_the_command_prints_the_documented_json(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "run", str(experiment), "--seeds", "2", "--out", "out", "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)
    assert {"experiment", "arms", "contrasts"} <= ran.keys()
    assert {"name", "n", "seeds", "value", "low", "high"} <= ran["arms"][0].keys()
    assert {"a", "b", "difference", "low", "high", "p"} <= ran["contrasts"][0].keys()
    assert main(["lab", "show", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ran
    page = Path("out/index.html").read_text()
    assert "<svg" in page and "http" not in page.replace("http://www.w3.org", "")
    assert main(["lab", "show", "nowhere"]) == 2


def test_mistakes_of_an_experiment_name_the_line_and_the_nearest_key(experiment: Path) -> None:
    text = experiment.read_text()
    experiment.write_text(text.replace("question:", "qestion:"))
    with pytest.raises(RecipeError, match=r"some.yaml:3.*\n?.*did you mean 'question'"):
        load_experiment(experiment)
    experiment.write_text(text.replace("measure: after", "measure: afte"))
    with pytest.raises(UserError, match="did you mean 'after'"):
        run_sweep(load_experiment(experiment), Path("out"))
    with pytest.raises(UserError, match="no experiment is called"):
        load_experiment("no-such-thing")


@pytest.mark.parametrize("name", bundled_experiments())
def test_every_arm_of_a_shipped_experiment_is_a_valid_recipe(name: str) -> None:
    loaded = load_experiment(name)
    assert loaded.experiment.name == name and loaded.experiment.reported
    for arm in loaded.experiment.arms:
        recipe = loaded.recipe(arm, seed=1)
        assert loaded.experiment.measure in [node.name for node in recipe.nodes]


def test_the_table_names_arms_contrasts_and_what_could_be_found(experiment: Path, tmp_path: Path) -> None:
    loaded = load_experiment(experiment)
    run_sweep(loaded, tmp_path / "out")
    summary = summarise(loaded.experiment, stored_results(tmp_path / "out"))
    text = text_table(summary)
    assert "| four - three |" in text and "3 tasks, 2 seeds" in text
    assert orjson.loads(orjson.dumps(summary.to_json()))["arms"][0]["seeds"] == 2
