"""What a run shows while it runs: its pace from answers as they come, and a line in the log every 30 s."""

from __future__ import annotations

import pytest

from tunesmith.cli.progress import Log, Throughput
from tunesmith.llm.costs import Charge, Costs
from tunesmith.requests import Usage
from tunesmith.runs.record import StepRecord


def test_the_time_left_follows_from_the_answers_that_came_not_from_the_first_of_them() -> None:
    speed = Throughput(1500, 0, now=0.0)
    speed.at(1, 3.0)
    speed.at(64, 3.1)
    assert speed.per_second(3.1) == pytest.approx(64 / 3.1)
    for second in range(4, 40):
        speed.at(20 * second, float(second))
    assert speed(39.0) == "20.0/s, 36.0 s left"


def test_a_burst_of_stored_answers_is_forgotten_after_a_minute() -> None:
    speed = Throughput(2000, 0, now=0.0)
    speed.at(1000, 1.0)
    for second in range(2, 130):
        speed.at(1000 + second, float(second))
    assert speed.per_second(129.0) == pytest.approx(1.0, rel=0.05)


def test_a_resumed_step_counts_from_where_it_goes_on() -> None:
    speed = Throughput(100, 60, now=0.0)
    assert speed(1.0) == ""
    speed.at(70, 10.0)
    assert speed(10.0) == "1.0/s, 30.0 s left"


def test_a_heartbeat_tells_rows_pace_and_money(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    log, costs = Log(clock=lambda: now[0]), Costs()
    log.beat()
    log.on_step_start("answered", "ask", 500, 0)
    costs.charge(Charge("", "answered", "", Usage(1000, 200), 0.5))
    now[0] = 30.0
    log.on_rows("answered", 150, 12, 4, costs)
    log.beat()
    log.on_step_end("answered", StepRecord(name="answered", do="x", kind="ask", key="k"), fresh=True)
    log.beat()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "answered: ask over 500 rows ..." and len(lines) == 3
    assert "150 of 500 rows, 12 kept, 4 dropped, 5.0/s, 1 min 10 s left" in lines[1]
    assert "1,200 tokens, $0.5000" in lines[1]
