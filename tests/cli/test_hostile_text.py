"""Text of rows, replies and recipes never acts on the terminal, and never hides in a card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from finished_run import SPENT, Maker, empty_run, seed
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.cli import main
from tunesmith.cli.exit_codes import run_app
from tunesmith.cli.progress import summary
from tunesmith.errors import UNSEEN, visible
from tunesmith.report import write_report
from tunesmith.rows import Table
from tunesmith.runs.record import StepRecord
from tunesmith.sample import Drop, Verdict

ACTS = "\x1b]0;owned\x07\x1b[2J\x1b]8;;http://evil\x1b\\link\x9b31m\x7f\x00\r\u202e"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture
def run(tmp_path: Path) -> Maker:
    """A run that was stopped with an error, whose rows, reasons, models and paths hold escape sequences."""
    maker = empty_run(tmp_path / "run", "stopped", error=f"server said {ACTS}", about=f"about {ACTS}")
    rows = [
        seed(
            n,
            instruction=f"{n} {ACTS}",
            answer=ACTS,
            language=f"py{ACTS}",
            meta={"failure": ACTS},
        )
        for n in range(3)
    ]
    drops = [Drop(row.noted(reply=ACTS), f"reason {ACTS}") for row in rows[:1]]
    kept = [row.judged(Verdict("judge", None, reason=ACTS)) for row in rows[1:]]
    maker.rows("01-seeds", "sources.jsonl", rows, name="seeds")
    asked = {"name": "asked", "kind": "ask", "spent": SPENT, "reads": ["seeds"]}
    maker.rows("02-asked", "synthesis.answer", kept, drops, **asked)
    return maker


def dropped_id(run: Maker) -> str:
    return next(iter(Table(run.run.find("asked").drops()))).id


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["for people", "json"])
@pytest.mark.parametrize("command", ["show", "show step", "show dropped", "trace", "diff", "report"])
def test_no_command_prints_a_control_character(
    run: Maker, command: str, json: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path, row = str(run.run.path), dropped_id(run)
    arguments = {
        "show": ["show", path],
        "show step": ["show", f"{path}/asked"],
        "show dropped": ["show", f"{path}/asked.dropped"],
        "trace": ["trace", path, row],
        "diff": ["diff", path, path],
        "report": ["report", path],
    }[command]
    assert main([*arguments, *(json if command != "report" else [])]) == 0
    printed = "".join(capsys.readouterr())
    assert printed and not CONTROLS.search(printed)
    assert command in ("show", "diff", "report") or "owned" in printed


def test_trace_shows_the_reply_of_a_dropped_row(run: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(run.run.path), dropped_id(run)]) == 0
    before, _, after = capsys.readouterr().out.partition("dropped: reason")
    assert "reply" not in before and "reply\n\\x1b]0;owned\\x07" in after


def test_an_error_prints_no_control_character(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text('name: r\nsteps: {a: {do: "sources.\\e[2J", path: x}}\n')
    assert main(["check", str(tmp_path / "r.yaml")]) == 2
    assert main(["run", f"{ACTS}.yaml".replace("\0", "")]) == 2
    assert main(["show", f"{tmp_path}/{ACTS}".replace("\0", "")]) == 2
    assert not CONTROLS.search("".join(capsys.readouterr()))


def test_a_traceback_prints_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)

    @app.command()
    def broken() -> None:
        raise ValueError(ACTS)

    assert run_app(app, ["broken"]) == 1
    said = capsys.readouterr().err
    assert "ValueError" in said and not CONTROLS.search(said)


def test_progress_lines_hold_no_control_character() -> None:
    counts = {"rows_in": 2, "rows_out": 1, "dropped": 1}
    line = summary(StepRecord(name="asked", do="x", kind="ask", key="k", reasons={ACTS: 1}, **counts))
    assert "owned" in line and not CONTROLS.search(line)


def test_cards_hold_no_control_character(run: Maker) -> None:
    rows = [seed(9, source=f"s{ACTS}", license=f"l{ACTS}", task=f"t{ACTS}")]
    run.rows("03-last", "selection.rules", rows, name="last", reads=["asked"])
    run.trained("04-tuned", [(1, 2.0), (2, 1.0)], 5, name="tuned", reads=["last"])
    write_report(run.run)
    for name in ("DATASET_CARD.md", "MODEL_CARD.md"):
        text = (run.run.path / name).read_text(encoding="utf-8")
        assert not CONTROLS.search(text), name
    assert "owned" in (run.run.path / "DATASET_CARD.md").read_text(encoding="utf-8")


@given(st.text(alphabet=st.characters(codec=None)))
def test_visible_text_has_no_control_characters_and_keeps_the_rest(text: str) -> None:
    shown = visible(text)
    assert not CONTROLS.search(shown) and shown.isascii() >= text.isascii()
    shown.encode()
    if not UNSEEN.search(text):
        assert shown == text
