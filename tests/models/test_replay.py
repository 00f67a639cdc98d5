"""``use: replay``: a recording answers in place of the model, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from llm_world import answered, ask_all, failed, served

from mock_server import Mock, Reply
from tunesmith.errors import ProviderRefused, SetupError
from tunesmith.llm.costs import Costs
from tunesmith.llm.store import AnswerStore
from tunesmith.models.replay import Replay
from tunesmith.requests import Request

PROMPTS = [f"prompt {number}" for number in range(30)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """An export of the answers to ``PROMPTS``."""
    with Mock(lambda asked: Reply(text=f"answer to {asked.prompt}")) as server:
        ask_all(served(server.url), PROMPTS, store=tmp_path / "answers.sqlite")
    store = AnswerStore(tmp_path / "answers.sqlite")
    store.export_jsonl(tmp_path / "answers.jsonl")
    store.close()
    return tmp_path / "answers.jsonl"


@pytest.mark.parametrize("suffix", [".jsonl", ".sqlite"])
def test_a_recording_answers_as_the_model_did_and_costs_nothing(recording: Path, suffix: str) -> None:
    bill = Costs(0.01)
    model = Replay(model="mock", answers=recording.with_suffix(suffix), max_tokens=64)
    answers = answered(ask_all(model, PROMPTS, bill=bill))
    assert [answer.text for answer in answers] == [f"answer to {prompt}" for prompt in PROMPTS]
    assert bill.usd == 0 and bill.priced


def test_what_was_not_recorded_is_binned_and_named(recording: Path) -> None:
    model = Replay(model="mock", answers=recording, max_tokens=64)
    (failure,) = failed(ask_all(model, [*PROMPTS, "something else"]))
    assert failure.kind == "not recorded" and "something else" in failure.message
    (failure,) = failed(ask_all(model, [*PROMPTS, Request.of("prompt 0", draw=1)]))
    assert "(draw 1)" in failure.message


def test_other_decoding_than_recorded_stops_the_run(recording: Path) -> None:
    with pytest.raises(ProviderRefused, match="has no answer to this request"):
        ask_all(Replay(model="mock", answers=recording, max_tokens=64, temperature=1), PROMPTS)


def test_a_recording_of_somebody_else_or_of_nothing_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="it holds answers of: mock"):
        ask_all(Replay(model="other", answers=recording), ["x"])
    with pytest.raises(SetupError, match="does not exist"):
        ask_all(Replay(model="other", answers=tmp_path / "none.jsonl"), ["x"])
