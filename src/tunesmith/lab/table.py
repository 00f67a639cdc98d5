"""What an experiment shows: arms with intervals, paired contrasts, and the effect it could find."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..scoring.contrasts import Contrast, contrast, detectable_effect, holm, mean_interval, seeds_needed
from .arm_results import ArmResult, stored_results
from .experiment import Experiment

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's palette, which people with any common colour blindness can tell apart."""


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm over all its seeds. n: tasks.  value, low, high: mean share of passes with a 95% interval."""

    name: str
    n: int
    seeds: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ExperimentTable:
    """The table of an experiment. detectable: the effect that 80% of such experiments would find."""

    experiment: str
    arms: tuple[ArmSummary, ...]
    contrasts: tuple[Contrast, ...]
    detectable: float | None = None
    needed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """``{experiment, arms: [...], contrasts: [...], detectable, needed}``."""
        return asdict(self)


def summarise(experiment: Experiment, results: Sequence[ArmResult]) -> ExperimentTable:
    """The table over the seeds that every arm has, so that every contrast is paired."""
    by_arm = {arm: {r.seed: r for r in results if r.arm == arm} for arm in experiment.arms}
    seeds = sorted(set.intersection(*(set(found) for found in by_arm.values())))
    if not seeds:
        return ExperimentTable(experiment.name, (), ())
    shared = [set(by_arm[arm][seed].tasks) for arm in by_arm for seed in seeds]
    tasks = sorted(set.intersection(*shared))
    scores = {
        arm: np.array([[found[seed].tasks[task] for task in tasks] for seed in seeds])
        for arm, found in by_arm.items()
    }
    arms = tuple(
        ArmSummary(arm, len(tasks), len(seeds), float(values.mean()), *mean_interval(values))
        for arm, values in scores.items()
    )
    contrasts = [contrast(a, b, scores[a], scores[b]) for a, b in experiment.pairs]
    corrected = holm([one.p for one in contrasts])
    contrasts = [replace(one, holm=p) for one, p in zip(contrasts, corrected, strict=True)]
    deviation = _deviation(experiment, scores)
    if deviation is None:
        return ExperimentTable(experiment.name, arms, tuple(contrasts))
    detectable, needed = detectable_effect(deviation, len(seeds)), seeds_needed(deviation)
    return ExperimentTable(experiment.name, arms, tuple(contrasts), detectable, needed)


def _deviation(experiment: Experiment, scores: dict[str, np.ndarray]) -> float | None:
    """The largest standard deviation, over seeds, of a contrast's mean difference; None with one seed."""
    differences = [(scores[a] - scores[b]).mean(axis=1) for a, b in experiment.pairs]
    if len(differences[0]) < 2:
        return None
    return max(float(values.std(ddof=1)) for values in differences)


ASSUMED_DEVIATION = 0.05
"""SD, over seeds, of the difference between two arms, where no result says better."""


def power_note(experiment: Experiment, out: Path, seeds: int) -> str:
    """How many seeds a 5-point effect needs, stated before anything is run."""
    needed = summarise(experiment, stored_results(out)).needed
    basis = "by the results so far"
    if needed is None:
        needed = seeds_needed(ASSUMED_DEVIATION)
        basis = f"if a difference varies by {ASSUMED_DEVIATION:.0%} between seeds (SD)"
    return f"{len(experiment.arms)} arms, {seeds} seeds; a 5-point effect needs {needed} seeds {basis}."


def text_table(summary: ExperimentTable) -> str:
    """The table as Markdown, for the terminal and for docs/lab.md."""
    if not summary.arms:
        return f"{summary.experiment}: no seed is finished in every arm yet"
    lines = ["| arm | pass rate | 95% interval |", "|---|---|---|"]
    lines += [f"| {a.name} | {a.value:.1%} | {a.low:.1%} to {a.high:.1%} |" for a in summary.arms]
    lines += ["", "| contrast | difference | 95% interval | p | p (Holm) |", "|---|---|---|---|---|"]
    lines += [
        f"| {c.a} - {c.b} | {c.difference:+.1%} | {c.low:+.1%} to {c.high:+.1%} | {_p(c.p)} | {_p(c.holm)} |"
        for c in summary.contrasts
    ]
    first = summary.arms[0]
    lines += ["", f"{first.n} tasks, {first.seeds} seeds, intervals over both."]
    if summary.detectable is not None:
        lines.append(
            f"With so many seeds, effects of {summary.detectable:.1%} are found four times in five; "
            f"a 5-point effect needs {summary.needed} seeds."
        )
    return "\n".join(lines)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def page(experiment: Experiment, summary: ExperimentTable) -> str:
    """A self-contained page: the question, a plot with intervals, both tables."""
    body = "\n".join(
        f"<p>{html.escape(text)}</p>" for text in (experiment.question, _reported(experiment)) if text
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(experiment.name)}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto }} svg {{ width: 100%; height: auto }}
</style>
<h1>{html.escape(experiment.name)}</h1>
{body}
{_plot(summary)}
<pre>{html.escape(text_table(summary))}</pre>
</html>
"""


def _reported(experiment: Experiment) -> str:
    return f"The paper ({experiment.paper}) reports: {experiment.reported}" if experiment.reported else ""


def _plot(summary: ExperimentTable) -> str:
    """Arms as points with intervals, one line each, on an axis from 0 to 100%."""
    if not summary.arms:
        return ""
    left, right, step = 170, 620, 34
    width, height = 660, step * len(summary.arms) + 40

    def x(share: float) -> float:
        return left + share * (right - left)

    marks = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        at = f"{x(tick):.1f}"
        marks.append(f'<line x1="{at}" y1="0" x2="{at}" y2="{height - 30}" stroke="#8886"/>')
        marks.append(_label(at, height - 10, f"{tick:.0%}", "middle"))
    for place, arm in enumerate(summary.arms):
        y, colour = step * place + step / 2, COLOURS[place % len(COLOURS)]
        ends = f'x1="{x(arm.low):.1f}" x2="{x(arm.high):.1f}" y1="{y}" y2="{y}"'
        marks.append(_label(left - 12, y + 5, arm.name, "end"))
        marks.append(f'<line {ends} stroke="{colour}" stroke-width="3"/>')
        marks.append(
            f'<circle cx="{x(arm.value):.1f}" cy="{y}" r="5" fill="{colour}" stroke="currentColor"/>'
        )
    label = f"pass rate of {len(summary.arms)} arms with 95% intervals"
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(marks)}</svg>'


def _label(x: object, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor">{html.escape(text)}</text>'
