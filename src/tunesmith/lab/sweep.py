"""Run every arm of an experiment under every seed, and keep one line of results for each.

Run folders lie in ``OUT/arms/ARM/seed-N``: a killed sweep continues in them, and arms of one seed share the
steps that they have in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from ..errors import UserError, nearest
from ..recipe.recipe import Recipe
from ..runs.fingerprint import hashed
from ..runs.run import run_recipe
from ..runs.run_folder import RunFolder
from ..runs.step_runner import RunListener
from .arm_results import ArmResult, append_result, stored_result
from .experiment import Loaded
from .shared_work import adopt


class SweepListener:
    """Is told how a sweep goes; does nothing by default."""

    def on_arm_start(self, arm: str, seed: int, shared: Sequence[str]) -> RunListener | None:
        """An arm begins; ``shared`` are the steps taken from other arms. Returns the listener of its run."""
        return None

    def on_arm_end(self, result: ArmResult) -> None:
        """An arm is done, and its line is on the disk."""


def run_sweep(
    loaded: Loaded,
    out: Path,
    *,
    seeds: int | None = None,
    overrides: Sequence[str] = (),
    listener: SweepListener | None = None,
) -> list[ArmResult]:
    """Run what is missing of seeds 1 to ``seeds`` (default: the experiment's) and return all results.

    Raises:
        RecipeError: an arm does not make a valid recipe; every arm is checked before any is run.
        UserError: the recipe has no score step of the name that ``measure:`` gives.
        RunStopped: budget reached or provider refused; the same call continues.
    """
    listener = listener or SweepListener()
    experiment, wanted = loaded.experiment, range(1, (seeds or loaded.experiment.seeds) + 1)
    planned = [(arm, seed, loaded.recipe(arm, seed, overrides)) for seed in wanted for arm in experiment.arms]
    for arm, _, recipe in planned[: len(experiment.arms)]:
        _check_measure(recipe, experiment.measure, arm)
    results = []
    for arm, seed, recipe in planned:
        key = hashed({key: value for key, value in recipe.data.items() if key != "name"})
        result = stored_result(out, arm, seed, key)
        if result is None:
            place = out / "arms" / arm / f"seed-{seed}"
            others = [path for path in out.glob(f"arms/*/seed-{seed}") if path != place]
            hears = listener.on_arm_start(arm, seed, adopt(recipe, place, others))
            run = run_recipe(recipe, place, yes=True, listener=hears)
            result = _result(arm, seed, key, RunFolder(place), experiment.measure, run.usd, run.seconds)
            append_result(out, result)
            listener.on_arm_end(result)
        results.append(result)
    return results


def _check_measure(recipe: Recipe, measure: str, arm: str) -> None:
    scores = [node.name for node in recipe.nodes if node in list(recipe.all_nodes()) and _is_score(node)]
    if measure not in scores:
        problem = f"the arm {arm!r} has no score step {measure!r}"
        raise UserError("measure", problem, nearest(measure, scores))


def _is_score(node: Any) -> bool:
    return hasattr(node, "step") and node.step.kind == "score"


def _result(
    arm: str, seed: int, key: str, run: RunFolder, measure: str, usd: float, seconds: float
) -> ArmResult:
    """What is kept of a finished run. Tasks are named benchmark/task, since a step may run several."""
    scores = orjson.loads((run.find(measure).path / "attempts.json").read_bytes())
    passes: dict[str, list[bool]] = defaultdict(list)
    for score in scores:
        for attempt in score["attempts"]:
            passes[f"{score['benchmark']}/{attempt['task_id']}"].append(attempt["passed"])
    tasks = {task: sum(passed) / len(passed) for task, passed in passes.items()}
    rows = {record.name: record.rows_out for _, record in run.records() if record.rows_out is not None}
    value = sum(tasks.values()) / len(tasks) if tasks else 0.0
    return ArmResult(arm, seed, key, value, tasks, rows, usd, seconds)
