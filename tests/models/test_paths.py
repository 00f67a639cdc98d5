"""Paths and keys in a recipe mean the recipe's folder, wherever the command is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tunesmith
from mock_server import Asked, Mock, Reply
from tunesmith.llm.store import AnswerStore, default_store
from tunesmith.models.hf import Hf
from tunesmith.models.replay import Replay
from tunesmith.models.vllm import Vllm

RECIPE = """
name: placed
models:
  teacher: {TEACHER, max_tokens: 64}
steps:
  seeds: {do: sources.jsonl, path: seeds.jsonl, license: mit}
  answered: {do: synthesis.answer, with: teacher}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe's folder, which is not the working directory."""
    home = tmp_path / "home"
    (tmp_path / "elsewhere").mkdir()
    home.mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    tasks = [{"instruction": f"Write a function that adds {n} to it", "output": ""} for n in range(10)]
    (home / "seeds.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    return home


def run(home: Path, teacher: str, out: str) -> list[str]:
    (home / "placed.yaml").write_text(RECIPE.replace("TEACHER", teacher))
    tunesmith.run(home / "placed.yaml", out=home / out)
    return sorted(row.answer for row in tunesmith.read(home / out, "answered"))


def said(asked: Asked) -> Reply:
    return Reply(text=f"```python\n# {asked.prompt}\nprint(1)\n```")


def test_a_recording_beside_the_recipe_is_found_and_gives_the_same_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mock(said) as server:
        rows = run(home, f"use: openai, model: mock, base_url: '{server.url}'", "asked")
    store = AnswerStore(default_store())
    assert store.export_jsonl(home / "answers.jsonl") == 10
    store.close()
    monkeypatch.setenv("TUNESMITH_CACHE", str(home / "another"))
    assert run(home, "use: replay, model: mock, answers: answers.jsonl", "replayed") == rows


def test_a_key_is_taken_from_the_recipe_s_env_file_then_from_that_of_the_working_directory(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heard(name: str) -> str | None:
        with Mock(said) as server:
            model = f"use: openai, model: {name}, base_url: '{server.url}', api_key_env: MY_KEY"
            run(home, model, name)
            return server.asked[0].headers.get("authorization")

    assert heard("none") is None
    Path(".env").write_text("MY_KEY=of-the-working-directory")
    assert heard("first") == "Bearer of-the-working-directory"
    (home / ".env").write_text("MY_KEY=of-the-recipe")
    assert heard("second") == "Bearer of-the-recipe"
    monkeypatch.setenv("MY_KEY", "of-the-environment")
    assert heard("third") == "Bearer of-the-environment"


def test_the_server_that_a_recipe_s_env_file_names_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with Mock(said) as server:
        (home / ".env").write_text(f"OPENAI_BASE_URL={server.url}\n")
        assert len(run(home, "use: openai, model: mock", "named")) == 10


def test_a_folder_with_weights_is_meant_from_the_recipe_s_folder(home: Path) -> None:
    (home / "weights").mkdir()
    (home / "weights" / "config.json").write_text("{}")
    for model in (Hf(model="weights").at(home), Vllm(model="weights").at(home).weights()):
        assert model.folder() == home / "weights" and model.place() == str(home / "weights")
        assert model.identity() == Hf(model=str(home / "weights")).identity()
    assert Hf(model="weights").folder() is None  # from the working directory it can only be on the hub


def test_home_and_absolute_paths_are_what_they_say(home: Path) -> None:
    model = Replay(model="m", answers=Path("a.jsonl")).at(home)
    assert model.path(model.answers) == home / "a.jsonl"
    assert model.path("/tmp/a") == Path("/tmp/a") and model.path("~/a") == Path.home() / "a"
