"""Plans: what is stored costs nothing, and what is not here is assumed and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tunesmith
from mock_server import Asked, Mock, Reply
from tunesmith.cli import main
from tunesmith.errors import RecipeError, UserError
from tunesmith.recipe.load import bundled, load_recipe
from tunesmith.runs.plan import Forecast, forecast

RECIPE = """
name: r
models:
  teacher: {{use: openai, model: mock, base_url: "{url}", max_tokens: 64, price: {{input: 1, output: 2}}}}
steps:
  seeds: {{do: sources.jsonl, path: seeds.jsonl, license: mit}}
  evolution:
    repeat: 2
    each:
      evolved: {{do: synthesis.evolve, with: teacher}}
      answered: {{do: synthesis.answer, with: teacher}}
  last: {{do: synthesis.answer, with: teacher, temperature: 0.5}}
"""


def said(asked: Asked) -> Reply:
    return Reply(text=f"Write a function for number {abs(hash(asked.prompt))}.\n\n```python\nprint(1)\n```")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tasks = [{"instruction": f"Write a function that adds {n} to it", "output": ""} for n in range(30)]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    return tmp_path


def plan(path: Path) -> dict[str, Forecast]:
    return {line.step: line for line in forecast(load_recipe(path))}


def test_a_plan_of_what_was_run_before_costs_nothing(folder: Path) -> None:
    path = folder / "r.yaml"
    with Mock(said) as server:
        path.write_text(RECIPE.format(url=server.url))
        before = plan(path)
        assert server.count == 0 and before["evolution.evolved"].calls > 0
        result = tunesmith.run(path, out=folder / "run")
        asked, after = server.count, plan(path)
        assert server.count == asked and result.usd > 0
    assert all(line.calls == line.stored for line in after.values())
    assert sum(line.usd or 0 for line in after.values()) == 0
    assert sum(line.stored for line in after.values()) == asked
    assert after["last"].rows_out == len(tunesmith.read(folder / "run", "last"))


def test_a_plan_counts_only_the_rows_that_are_not_answered(folder: Path) -> None:
    path, seeds = folder / "r.yaml", folder / "seeds.jsonl"
    with Mock(said) as server:
        path.write_text(RECIPE.format(url=server.url).replace("  last:", "  unused:"))
        tunesmith.run(path, out=folder / "run")
        more = [{"instruction": f"Write a function that doubles {n}", "output": ""} for n in range(30)]
        seeds.write_text(seeds.read_text() + "\n" + "\n".join(map(json.dumps, more)))
        lines = plan(path)
    assert (lines["evolution.evolved"].stored, lines["unused"].stored) != (0, 0)
    assert 0 < lines["evolution.evolved"].calls - lines["evolution.evolved"].stored <= 2 * 60 - 30


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_recipe_is_planned_without_its_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plan", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    published = load_recipe(name).published_rows
    lines = {line["step"]: line for line in told["steps"]}
    for step, rows in published.items():
        assert lines[step]["rows_out"] == rows and "published" in lines[step]["how"]
    assert told["calls"] > 0 and all(
        line["rows_in"] or line["rows_out"] or line["how"] for line in told["steps"][:-1]
    )


def test_a_recipe_of_ones_own_without_its_data_is_an_error_as_before(folder: Path) -> None:
    (folder / "r.yaml").write_text(
        RECIPE.format(url="http://127.0.0.1:1").replace("seeds.jsonl", "gone.jsonl")
    )
    with pytest.raises(UserError, match=r"gone\.jsonl"):
        plan(folder / "r.yaml")


def test_published_rows_of_no_source_are_a_mistake(folder: Path) -> None:
    text = RECIPE.format(url="http://127.0.0.1:1").replace("models:", "published_rows: {sedes: 3}\nmodels:")
    (folder / "r.yaml").write_text(text)
    with pytest.raises(RecipeError, match=r"no source is called 'sedes'[\s\S]*did you mean 'seeds'"):
        load_recipe(folder / "r.yaml")
