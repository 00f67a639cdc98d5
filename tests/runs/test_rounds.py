"""Repeated blocks: when they stop, what they keep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from acme.chancy import Chancy
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.recipe.recipe import Node, Rounds, StopRule
from tunesmith.runs.outputs import StepOutput
from tunesmith.runs.record import Course
from tunesmith.runs.rounds import Probed, best_round, run_rounds, should_stop

values = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def probed(*numbers: float, width: float = 0.05) -> list[Probed]:
    return [Probed(number, number + width) for number in numbers]


@given(values)
def test_the_best_round_is_the_latest_of_the_highest(numbers: list[float]) -> None:
    best = best_round(probed(*numbers))
    assert numbers[best - 1] == max(numbers)
    assert all(number < max(numbers) for number in numbers[best:])


@pytest.mark.parametrize(
    ("patience", "numbers", "stop"),
    [
        (1, [0.5], False),
        (1, [0.5, 0.6], False),
        (1, [0.5, 0.4], True),
        (1, [0.5, 0.5], False),
        (2, [0.5, 0.4], False),
        (2, [0.5, 0.4, 0.45], True),
        (2, [0.5, 0.4, 0.6], False),
        (2, [0.5, 0.4, 0.6, 0.5], False),
    ],
)
def test_a_block_stops_after_so_many_worse_rounds(patience: int, numbers: list[float], stop: bool) -> None:
    assert should_stop(StopRule(patience=patience), probed(*numbers)) is stop


def test_a_fall_inside_the_interval_can_be_forgiven() -> None:
    rule = StopRule(beyond_interval=True)
    assert not should_stop(rule, probed(0.5, 0.46, width=0.05))
    assert should_stop(rule, probed(0.5, 0.44, width=0.05))


def block(**fields: Any) -> Rounds:
    grow = Node("grow", Chancy(), "acme.chancy")
    probe = Node("probe", Chancy(), "acme.chancy")
    return Rounds("b", 4, (grow,), (probe,), StopRule(), **fields)


def course(
    scores: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[StepOutput, Course, list[Any]]:
    monkeypatch.setattr(StepOutput, "empty", False)
    seen: list[Any] = []

    def execute(node: Node, number: int, names: dict[str, StepOutput]) -> StepOutput:
        if node.name == "grow":
            seen.append((number, names["previous"].rows, names["so_far"].rows))
            return StepOutput(f"grown{number}", f"{number}", (Path(f"round{number}"),))
        seen.append(("probe", names["so_far"].rows))
        return SimpleNamespace(scores=[SimpleNamespace(value=scores[number - 1], high=1.0)])  # type: ignore[return-value]

    rows, facts = run_rounds(block(), StepOutput("in", "", (Path("seeds"),)), {}, execute)
    return rows, facts, seen


def test_evol_stop_keeps_the_input_and_the_rounds_up_to_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, facts, _ = course([0.4, 0.6, 0.5, 0.9], tmp_path, monkeypatch)
    assert [path.name for path in rows.rows] == ["seeds", "round1", "round2"]
    assert (facts.rounds, facts.kept, facts.probe) == (3, 2, (0.4, 0.6, 0.5))
    assert facts.ended == "the score fell after round 2"


def test_each_round_sees_the_one_before_and_the_probe_sees_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, seen = course([0.1, 0.2, 0.3, 0.4], tmp_path, monkeypatch)
    assert seen[0] == (1, (Path("seeds"),), (Path("seeds"),))
    assert seen[1] == ("probe", (Path("seeds"), Path("round1")))
    assert seen[4] == (3, (Path("round2"),), (Path("seeds"), Path("round1"), Path("round2")))


def test_a_round_without_rows_ends_the_block(tmp_path: Path) -> None:
    nothing = StepOutput("nothing", "")
    rows, facts = run_rounds(block(), StepOutput("in", ""), {}, lambda node, number, names: nothing)
    assert rows.rows == () and facts.ended == "round 1 gave no rows"
