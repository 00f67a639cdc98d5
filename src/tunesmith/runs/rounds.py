"""The only loop: run ``each`` round after round, score a ``probe``, stop when it no longer pays.

WizardCoder's Evol Stop (2306.08568 sec. 3.2) is one use: evolve, answer, train on all rounds so far,
score on a dev set, stop when the score falls and keep the rounds up to the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..recipe.recipe import PREVIOUS, SO_FAR, Node, Rounds, StopRule
from .outputs import Names, StepOutput
from .record import Course


@dataclass(frozen=True, slots=True)
class Probed:
    """The probe's score after a round, in 0..1, with the upper end of its 95% interval."""

    value: float
    high: float


Execute = Callable[[Node, int, Names], StepOutput]
"""Runs one step of a round, with what names such as ``previous`` mean there."""


def should_stop(rule: StopRule, history: Sequence[Probed]) -> bool:
    """Whether the last ``patience`` rounds were all worse than the best before them."""
    best = best_round(history)
    since = history[best:]
    worse = [p for p in since if (p.high if rule.beyond_interval else p.value) < history[best - 1].value]
    return len(worse) == len(since) >= rule.patience


def best_round(history: Sequence[Probed]) -> int:
    """The number (from 1) of the best round; the latest of equals, whose score has not fallen."""
    return max(range(len(history)), key=lambda i: (history[i].value, i)) + 1


def run_rounds(block: Rounds, given: StepOutput, outer: Names, execute: Execute) -> tuple[StepOutput, Course]:
    """Run the block; returns its rows (input and kept rounds) and how it went.

    given: its input rows.  outer: what the names above it mean.
    """
    rounds: list[StepOutput] = []
    history: list[Probed] = []
    previous, ended = given, "all rounds ran"
    for number in range(1, block.repeat + 1):
        names = {**outer, PREVIOUS: previous, SO_FAR: given.joined(rounds)}
        for node in block.each:
            names[node.name] = execute(node, number, names)
        previous = names[next(node.name for node in reversed(block.each) if node.gives_rows)]
        if previous.empty:
            ended = f"round {number} gave no rows"
            break
        rounds.append(previous)
        names[SO_FAR] = given.joined(rounds)
        probed = _probe(block, number, names, execute)
        if probed is not None:
            history.append(probed)
        if block.stop and history and should_stop(block.stop, history):
            ended = f"the score fell after round {best_round(history)}"
            break
    kept = best_round(history) if block.stop and history else len(rounds)
    course = Course(len(rounds), kept, ended, tuple(p.value for p in history))
    return given.joined(rounds[:kept]), course


def _probe(block: Rounds, number: int, names: Names, execute: Execute) -> Probed | None:
    probed = None
    for node in block.probe:
        names[node.name] = execute(node, number, names)
        scores = names[node.name].scores
        if scores:
            mean = sum(s.value for s in scores) / len(scores)
            probed = Probed(mean, sum(s.high for s in scores) / len(scores))
    return probed
