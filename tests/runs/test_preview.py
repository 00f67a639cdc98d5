"""``tunesmith preview``: prompts before anything is spent, and a few real answers when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mock_server import Mock, Reply
from tunesmith import read
from tunesmith.cli import main
from tunesmith.llm.store import default_store

RECIPE = """\
name: mine
models: {{teacher: {{use: openai, model: mock, base_url: "{url}", price: {{input: 1.0, output: 2.0}}}}}}
steps:
  seeds: {{do: sources.starter, tasks: 5}}
  evolved: {{do: synthesis.evolve, with: teacher}}
  answered: {{do: synthesis.answer, with: teacher}}
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    with Mock(lambda _: Reply(text="Do it \x1b[2J twice, with a longer list of numbers.")) as mock:
        Path("r.yaml").write_text(RECIPE.format(url=mock.url))
        yield mock


def test_prompts_are_shown_and_nothing_is_asked_or_written(
    server: Mock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "r.yaml", "--json"]) == 0
    evolved, answered = json.loads(capsys.readouterr().out)
    assert len(evolved["rows"]) == len(answered["rows"]) == 3
    row = evolved["rows"][0]
    assert row["row"]["instruction"] in row["requests"][0]["messages"][-1]["content"]
    assert (evolved["unanswered"], answered["unanswered"]) == (False, True)
    assert server.count == 0 and not default_store().exists()
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]


def test_a_few_answers_are_read_as_the_step_reads_them_and_never_paid_twice(
    server: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "r.yaml", "evolved", "-n", "2", "--ask", "--json"]) == 0
    (step,) = json.loads(capsys.readouterr().out)
    assert server.count == 2 and step["usd"] > 0
    assert [row["made"][0]["instruction"] for row in step["rows"]] == [
        "Do it \x1b[2J twice, with a longer list of numbers."
    ] * 2
    assert main(["preview", "r.yaml", "evolved", "-n", "2", "--ask"]) == 0
    said = capsys.readouterr().out
    assert server.count == 2 and "cost: $0.0000" in said
    assert "kept" in said and "\\x1b[2J" in said and "\x1b" not in said


def test_a_reply_that_the_step_drops_is_shown_with_its_reason(
    server: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour = lambda _: Reply(text="I'm sorry, I can't help with that.")
    assert main(["preview", "r.yaml", "evolved", "-n", "1", "--ask"]) == 0
    said = capsys.readouterr().out
    assert "I can't help" in said and "dropped: refused" in said


@pytest.mark.parametrize(
    ("arguments", "said"), [(["evolvd"], "did you mean 'evolved'?"), (["--ask"], "needs the name of a step")]
)
def test_what_cannot_be_previewed_is_said(
    server: Mock, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "r.yaml", *arguments]) == 2
    assert said in capsys.readouterr().err and server.count == 0


def test_an_override_may_come_in_place_of_the_step(server: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "r.yaml", "models.teacher.max_tokens=77", "--json"]) == 0
    step = json.loads(capsys.readouterr().out)[0]
    assert step["rows"][0]["requests"][0]["sampling"]["max_tokens"] == 77


def planned(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert main(["plan", "r.yaml", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    return {"all": plan} | {line["step"]: line for line in plan["steps"]}


def test_a_plan_takes_off_what_was_answered_before(server: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    before = planned(capsys)
    assert before["all"]["usd"] > 0 and before["evolved"]["stored"] == 0  # type: ignore[operator]
    assert main(["preview", "r.yaml", "evolved", "-n", "2", "--ask"]) == 0
    partly = planned(capsys)["evolved"]
    assert (partly["calls"], partly["stored"]) == (5, 2)
    assert 0 < partly["usd"] < before["evolved"]["usd"]  # type: ignore[operator]
    assert main(["run", "r.yaml", "--quiet"]) == 0
    asked, after = server.count, planned(capsys)
    assert after["all"]["usd"] == 0 and after["answered"]["stored"] == after["answered"]["calls"] == 5
    assert main(["preview", "r.yaml", "answered", "--json"]) == 0
    (step,) = json.loads(capsys.readouterr().out)
    assert (
        not step["unanswered"] and "longer list" in step["rows"][0]["requests"][0]["messages"][-1]["content"]
    )
    assert server.count == asked


def test_a_plan_counts_the_rows_that_stored_answers_lose(
    server: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour = lambda a: Reply(text="I'm sorry, I can't help with that.") if a.number % 2 else Reply()
    main(["run", "r.yaml", "--quiet"])
    rows = len(list(read("runs/mine", "evolved")))
    assert planned(capsys)["evolved"]["rows_out"] == rows < 5
