"""Run a recipe into a folder; run it again and it goes on where it stopped.

A done step is not touched while its key (from the recipe) and its input rows are the same, a half-done one
goes on behind its last whole shard, and one whose key changed runs again only when the caller agrees.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from ..engine.local import LocalEngine
from ..errors import FolderError, RunStopped
from ..llm.store import AnswerStore, default_store
from ..recipe.recipe import Node, Recipe, Rounds
from ..recipe.yaml import as_yaml
from ..rows import Table
from ..version import __version__
from .fingerprint import Fingerprints, hashed
from .outputs import Names, StepOutput, inputs_digest, inputs_of, keys_of
from .record import Begun, Place, RunState, ScoreRecord, StepRecord, round_of
from .rounds import run_rounds
from .run_folder import RunFolder
from .step_runner import RunListener, StepRunner


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: its folder, its scores, what it cost in all, and which steps ran now."""

    folder: Path
    scores: tuple[ScoreRecord, ...]
    usd: float
    seconds: float
    ran: tuple[str, ...]


def run_recipe(
    recipe: Recipe,
    out: Path | None = None,
    *,
    yes: bool = False,
    fresh: bool = False,
    isolation: str | None = None,
    listener: RunListener | None = None,
) -> Result:
    """Run ``recipe`` into ``out`` (default ``runs/NAME``), or go on with what is there.

    yes: run changed steps again without asking.  fresh: begin with an empty folder; paid answers stay.
    isolation: a sandbox level by name instead of the strongest.

    Raises:
        UserError: the folder holds other work (names the steps that would run again, and why), or a file is
            missing.
        RunStopped: budget reached or provider refused; the same call goes on.
    """
    fingerprints = Fingerprints(recipe)
    folder = RunFolder(out or Path("runs") / recipe.name)
    with folder.locked(), contextlib.ExitStack() as stack:
        if fresh:
            _clear(folder)
        state = folder.state
        _refuse_stale(fingerprints, folder, yes)
        store = stack.enter_context(contextlib.closing(AnswerStore(default_store())))
        engine = stack.enter_context(LocalEngine(recipe.workers, isolation))
        costs = store.charges(state.id if state else uuid.uuid4().hex)
        costs.budget = recipe.budget
        listener = listener or RunListener()
        runner = StepRunner(recipe, folder, engine, engine.resources, store, costs, listener, fingerprints)
        return _run(runner, resumed=state is not None)


def _refuse_stale(fingerprints: Fingerprints, folder: RunFolder, yes: bool) -> None:
    stale = fingerprints.stale(folder)
    if stale and not yes:
        steps = "\n".join(f"    {name}: {reason}" for name, reason in stale)
        problem = f"the recipe changed; these steps (and what follows from them) would run again:\n{steps}"
        fix = "add --yes to run them again (paid answers are reused), --fresh to begin anew, or change --out"
        raise FolderError(str(folder.path), problem, fix)


def _clear(folder: RunFolder) -> None:
    inside = [path for path in folder.path.iterdir() if path.name != ".lock"]
    if inside and not (folder.path / "run.json").exists():
        problem = f"is not a run folder; it holds {', '.join(path.name for path in inside[:3])}"
        raise FolderError(str(folder.path), problem, "choose another --out")
    for path in inside:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _run(runner: StepRunner, *, resumed: bool) -> Result:
    started = time.monotonic()
    (runner.folder.path / "recipe.yaml").write_text(as_yaml(runner.recipe.data), encoding="utf-8")
    runner.folder.note("resumed" if resumed else "begun", version=__version__)
    _write_state(runner, "running")
    try:
        scores = _all_steps(runner)
    except BaseException as error:
        _write_state(runner, "stopped", f"{type(error).__name__}: {error}")
        runner.folder.note("stopped", why=type(error).__name__)
        raise
    seconds = time.monotonic() - started
    _write_state(runner, "done")
    runner.folder.note("done", seconds=round(seconds, 3), ran=len(runner.ran))
    return Result(runner.folder.path, tuple(scores), runner.costs.usd, seconds, tuple(runner.ran))


def _all_steps(runner: StepRunner) -> list[ScoreRecord]:
    names: Names = {}
    scores: list[ScoreRecord] = []
    for number, node in enumerate(runner.recipe.nodes, start=1):
        place = Place(number, node.name)
        if isinstance(node, Rounds):
            names[node.name] = _block(runner, node, place, names)
        else:
            names[node.name] = runner.step(node, place.name, runner.folder.at(place), names)
        scores += names[node.name].scores
    _refuse_nothing(runner.recipe, names)
    return scores


def _refuse_nothing(recipe: Recipe, names: Names) -> None:
    """Raise RunStopped where no row is left at any end of the recipe: such a run is not done."""
    read = {ref.name for node in (*recipe.nodes, *recipe.all_nodes()) for ref in node.inputs}
    ends = [
        node.name for node in recipe.nodes
        if node.gives_rows and node.name not in read and not any(ref.dropped for ref in node.inputs)
    ]  # fmt: skip
    if ends and all(names[name].empty for name in ends):
        raise RunStopped(
            f"no row is left: {', '.join(ends)} gave none. `tunesmith show` tells why rows were dropped"
        )


def _block(runner: StepRunner, block: Rounds, place: Place, outer: Names) -> StepOutput:
    facts = runner.fingerprints.of_block(block, keys_of(outer))
    steps = [*block.each, *block.probe]
    taken = inputs_of(block.inputs, outer)
    inputs = hashed({"rows": taken.digest, "steps": inputs_digest(steps, outer)})
    made_of, folder = Begun(hashed(facts), inputs), runner.folder.at(place)
    done = folder.done
    fresh = done is None or done.made_of != made_of
    if fresh:
        folder.reopen()  # under the same key the rounds stay: each of their steps knows what it is made of
        folder.begin(made_of)
    executed = 0

    def execute(node: Node, number: int, names: Names) -> StepOutput:
        nonlocal executed
        executed = number
        inner = Place(place.number, block.name, number, steps.index(node) + 1, node.name)
        return runner.step(node, inner.name, runner.folder.at(inner), names)

    rows, course = run_rounds(block, taken, outer, execute)
    for path in folder.path.glob("round-*"):
        if round_of(path) > executed:
            shutil.rmtree(path)  # left by an earlier course of the block that went further
    if done is None or fresh:
        done = StepRecord(
            name=block.name, do="repeat", kind="rounds", key=made_of.key, inputs=inputs, facts=facts,
            course=course, rows_in=len(Table(taken.rows)), rows_out=len(Table(rows.rows)),
        )  # fmt: skip
        folder.finish(done)
    runner.listener.on_step_end(block.name, done, fresh=fresh)
    return replace(rows, key=made_of.key)


def _write_state(runner: StepRunner, status: str, error: str = "") -> None:
    recipe = runner.recipe
    state = RunState(
        id=runner.costs.run, name=recipe.name, paper=recipe.paper, about=recipe.about, tiny=recipe.tiny,
        home=os.path.relpath(recipe.home, runner.folder.path), seed=recipe.seed, status=status, error=error,
        steps=tuple(node.name for node in recipe.nodes), tunesmith=__version__,
        python=platform.python_version(), machine=f"{platform.system()} {platform.machine()}",
        at=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )  # fmt: skip
    runner.folder.write_state(state)
