"""``tunesmith answers``: answers travel as JSON lines from store to store, and replay without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from llm_world import answered, ask_all, served

from mock_server import Mock, Reply
from tunesmith.cli import main
from tunesmith.llm.store import default_store
from tunesmith.models.replay import Replay

PROMPTS = [f"prompt {number}" for number in range(12)]


@pytest.fixture
def asked() -> None:
    """The user's store, with answers of two models."""
    with Mock(lambda asked: Reply(text=f"answer to {asked.prompt}")) as server:
        ask_all(served(server.url), PROMPTS, store=default_store())
        ask_all(served(server.url, model="another"), PROMPTS[:5], store=default_store())


@pytest.mark.usefixtures("asked")
def test_answers_go_out_come_in_elsewhere_and_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answers.jsonl"
    assert main(["answers", "--export", str(file), "--model", "mock"]) == 0
    assert "17 answers, 12 exported" in capsys.readouterr().out
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "elsewhere"))
    for new in (12, 0):
        assert main(["answers", "--import", str(file), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["answers"] == {"mock": 12} and told["imported"] == new
    model = Replay(model="mock", answers=Path("answers.jsonl"), max_tokens=64).at(tmp_path)
    assert [a.text for a in answered(ask_all(model, PROMPTS))] == [f"answer to {p}" for p in PROMPTS]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--export", "a.jsonl", "--model", "mocc"], "did you mean 'mock'?"),
        (["--export", "nowhere/a.jsonl"], "cannot be written"),
        (["--import", "nowhere.jsonl"], "cannot be read"),
    ],
)
def test_what_cannot_be_moved_is_said_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["answers", *arguments]) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())
