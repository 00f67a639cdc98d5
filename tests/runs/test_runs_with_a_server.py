"""Whole runs against a real HTTP server: what is asked again, what a kill costs, what a run leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import tunesmith
from mock_server import Asked, Mock, Reply, failure
from tunesmith.errors import BudgetReached, ProviderRefused

KEY = "sk-live-0123456789abcdefghij"
RECIPE = """
name: {name}
seed: 1
models:
  teacher: {{use: openai, model: mock, base_url: "{url}", in_flight: 16, max_tokens: 64,
             price: {{input: 1, output: 2}}}}
steps:
  seeds: {{do: sources.jsonl, path: seeds.jsonl, license: mit}}
  long: {{do: selection.rules, field: instruction, min_words: {words}}}
  answered: {{do: synthesis.answer, with: teacher}}
  kept: {{do: selection.rules, field: answer, min_chars: {chars}}}
"""
EACH = (250 + 2 * 20) / 1e6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    seeds(tmp_path, 200)
    return tmp_path


def seeds(folder: Path, count: int) -> None:
    tasks = [
        {"instruction": f"Write a function that adds {n} to its argument", "output": ""} for n in range(count)
    ]
    (folder / "seeds.jsonl").write_text("\n".join(map(json.dumps, tasks)))


def recipe(folder: Path, url: str, name: str = "answers", words: int = 2, chars: int = 3) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(RECIPE.format(name=name, url=url, words=words, chars=chars))
    return path


def said(asked: Asked) -> Reply:
    return Reply(text=f"```python\n# {asked.prompt}\nprint(1)\n```")


def rows(run: Path, step: str = "answered") -> list[tuple[str, str]]:
    return sorted((row.id, row.answer) for row in tunesmith.read(run, step))


def test_edits_more_rows_and_other_recipes_ask_nothing_again(folder: Path) -> None:
    with Mock(said) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "one")
        assert server.count == 200
        tunesmith.run(recipe(folder, server.url, chars=5), out=folder / "one", yes=True)
        tunesmith.run(recipe(folder, server.url, words=3), out=folder / "one", yes=True)
        tunesmith.run(recipe(folder, server.url, name="another"), out=folder / "two")
        assert server.count == 200
        seeds(folder, 230)
        tunesmith.run(recipe(folder, server.url), out=folder / "one", yes=True)
        assert server.count == 230
    assert len(rows(folder / "one")) == 230


def tunesmith_run(path: Path, out: Path) -> list[str]:
    main = "import sys; from tunesmith.cli import main; sys.exit(main())"
    return [sys.executable, "-c", main, "run", str(path), "--out", str(out)]


@pytest.mark.slow
def test_a_killed_run_pays_no_more_twice_than_was_under_way_and_ends_with_the_same_rows(folder: Path) -> None:
    seeds(folder, 1000)
    with Mock(said) as server:
        path = recipe(folder, server.url)
        started = subprocess.Popen(tunesmith_run(path, folder / "run"), stdout=subprocess.DEVNULL)

        def behave(asked: Asked) -> Reply:
            if asked.number == 500:
                os.kill(started.pid, signal.SIGKILL)
            return Reply(text=said(asked).text, delay=0.005)

        server.behaviour = behave
        assert started.wait() == -signal.SIGKILL
        killed_at = server.count
        assert subprocess.run(tunesmith_run(path, folder / "run"), check=True, stdout=subprocess.DEVNULL)
        twice = [prompt for prompt, times in Counter(server.prompts).items() if times > 1]
        assert 500 < killed_at < 700 and len(twice) <= 16
        assert server.count == 1000 + len(twice)
        result = tunesmith.run(path, out=folder / "run")
        assert result.usd == pytest.approx(1000 * EACH)
        tunesmith.run(path, out=folder / "undisturbed")
    assert rows(folder / "run") == rows(folder / "undisturbed")


def test_a_budget_stops_a_run_and_a_larger_one_finishes_it(folder: Path) -> None:
    with Mock(said) as server:
        path = recipe(folder, server.url)
        with pytest.raises(BudgetReached, match="raise the budget"):
            tunesmith.run(path, out=folder / "run", overrides=[f"budget={50.5 * EACH}"])
        assert 50 <= server.count <= 51
        result = tunesmith.run(path, out=folder / "run", overrides=["budget=1"])
        assert server.count == 200
        assert result.usd == pytest.approx(200 * EACH)


def test_one_bad_row_is_in_the_bin_with_its_class_and_attempts(folder: Path) -> None:
    with Mock(lambda a: failure(422, "no such word") if " 77 " in a.prompt else said(a)) as server:
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
    (lost,) = tunesmith.read(folder / "run", "answered", dropped=True)
    assert lost.meta["dropped"] == "refused 422" and lost.meta["attempts"] == 1
    assert "no such word" in lost.meta["failure"] and len(rows(folder / "run")) == 199


def test_no_key_is_in_anything_that_a_run_leaves_behind(
    folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def behave(asked: Asked) -> Reply:
        secret = f"your header {asked.headers['authorization']} is odd"
        return failure(400, secret) if asked.number % 20 == 0 else said(asked)

    with Mock(behave) as server:
        path = recipe(folder, server.url)
        ran = subprocess.run(tunesmith_run(path, folder / "run"), capture_output=True, text=True, check=True)
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        server.behaviour = lambda _: failure(401, f"Incorrect API key: {KEY}")
        (folder / "seeds.jsonl").write_text('{"instruction": "One more thing to do here", "output": ""}')
        again = [*tunesmith_run(path, folder / "run"), "--yes"]
        stopped = subprocess.run(again, capture_output=True, text=True, check=False)
    assert stopped.returncode == 3 and "API key" in stopped.stderr
    left = [file.read_bytes() for place in (folder, own_cache) for file in place.rglob("*") if file.is_file()]
    left += [text.encode() for text in (ran.stdout, ran.stderr, stopped.stdout, stopped.stderr)]
    assert len(left) > 10
    assert not any(KEY[8:].encode() in data for data in left)


def test_an_answered_run_needs_neither_server_nor_key(folder: Path) -> None:
    with Mock(said) as server:
        path = recipe(folder, server.url)
        tunesmith.run(path, out=folder / "one")
    tunesmith.run(path, out=folder / "two")
    assert rows(folder / "one") == rows(folder / "two")


def test_a_dead_server_stops_a_run_without_emptying_it_into_the_bin(folder: Path) -> None:
    def behave(asked: Asked) -> Reply:
        return said(asked) if asked.number < 60 else Reply(drop=True)

    with Mock(behave) as server:
        path = recipe(folder, server.url)
        fast: dict[str, Any] = {"overrides": ["models.teacher.tries=2"]}
        with pytest.raises(ProviderRefused, match="answers nothing"):
            tunesmith.run(path, out=folder / "run", **fast)
        server.behaviour = said
        tunesmith.run(path, out=folder / "run", **fast)
    assert len(rows(folder / "run")) == 200


def test_money_is_told_per_row_step_mechanism_and_kept_row_across_resumes(folder: Path) -> None:
    from tunesmith.report.flow import costs
    from tunesmith.report.story import read_story
    from tunesmith.runs.run_folder import RunFolder

    def behave(asked: Asked) -> Reply:
        return Reply(text="I am sorry, I cannot help with that.") if " 7 " in asked.prompt else said(asked)

    with Mock(behave) as server:
        path = recipe(folder, server.url)
        with pytest.raises(BudgetReached):
            tunesmith.run(path, out=folder / "run", overrides=[f"budget={50.5 * EACH}"])
        tunesmith.run(path, out=folder / "run", overrides=["budget=1"])
    record = RunFolder(folder / "run").find("answered").done
    assert record is not None
    assert record.spent.usd == pytest.approx(200 * EACH) and record.spent.answers == 200
    assert record.intents["answer"].usd == pytest.approx(200 * EACH)
    (cost,) = costs(read_story(RunFolder(folder / "run")))
    assert cost.usd_per_row == pytest.approx(EACH)
    assert cost.usd_per_kept_row == pytest.approx(200 * EACH / record.rows_out)


def test_a_plan_says_what_a_run_will_cost_before_anything_is_sent(folder: Path) -> None:
    with Mock(said) as server:
        plan = {line.step: line for line in tunesmith.plan(recipe(folder, server.url), answer_tokens=20)}
        assert server.count == 0
        tunesmith.run(recipe(folder, server.url), out=folder / "run")
        sent = sum(len(asked.prompt) for asked in server.asked) / 4
    line = plan["answered"]
    assert (line.calls, line.tokens_out) == (200, 200 * 20)
    assert line.usd == pytest.approx((line.tokens_in + 2 * line.tokens_out) / 1e6)
    assert 0.5 * sent < line.tokens_in < 2 * sent
