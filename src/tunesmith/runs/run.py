"""Run a recipe into a folder; run it again and it goes on where it stopped.

Each step's key says what its rows depend on. A done step with the same key is not touched, a half-done
one goes on behind its last whole shard, and one whose key changed runs again only when the caller agrees.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..engine.local import LocalEngine
from ..errors import FolderError
from ..files import read_json, write_json
from ..llm.store import AnswerStore, default_store
from ..recipe.recipe import Node, Recipe, Rounds
from ..recipe.yaml import as_yaml
from ..rows import Table
from ..version import __version__
from .fingerprint import Fingerprints, hashed
from .outputs import Names, StepOutput, inputs_of, keys_of, lost_above, merge_losses
from .rounds import run_rounds
from .run_folder import RunFolder, StepFolder
from .step_runner import RunListener, StepRunner


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: where it lies, its scores, what it cost in all, and which steps ran now."""

    folder: Path
    scores: tuple[Mapping[str, Any], ...]
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
        UserError: the folder holds other work (says which steps would run again, and why), a file is missing.
        RunStopped: budget reached or provider refused; the same call goes on.
    """
    identity = Fingerprints(recipe)
    folder = RunFolder(out or Path("runs") / recipe.name)
    with folder.locked(), contextlib.ExitStack() as stack:
        if fresh:
            _clear(folder)
        _refuse_stale(identity, folder, yes)
        store = stack.enter_context(contextlib.closing(AnswerStore(default_store())))
        engine = stack.enter_context(LocalEngine(recipe.workers, isolation))
        bill = store.charges(_run_id(folder))
        bill.budget = recipe.budget
        hears = listener or RunListener()
        return _go(StepRunner(recipe, folder, engine, engine.lender, store, bill, hears, identity))


def _run_id(folder: RunFolder) -> str:
    """Names this run in the answer store's books, for as long as the folder lives."""
    state = read_json(folder.path / "run.json")
    return str(state["id"]) if state and "id" in state else uuid.uuid4().hex


def _refuse_stale(identity: Fingerprints, folder: RunFolder, yes: bool) -> None:
    stale = identity.stale(folder)
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


def _go(runner: StepRunner) -> Result:
    begun = time.monotonic()
    (runner.folder.path / "recipe.yaml").write_text(as_yaml(runner.recipe.data), encoding="utf-8")
    runner.folder.note(
        "resumed" if (runner.folder.path / "run.json").exists() else "begun", version=__version__
    )
    _state(runner, "running")
    try:
        scores = _all_steps(runner)
    except BaseException as error:
        _state(runner, "stopped", error=f"{type(error).__name__}: {error}")
        runner.folder.note("stopped", why=type(error).__name__)
        raise
    seconds = time.monotonic() - begun
    _state(runner, "done")
    runner.folder.note("done", seconds=round(seconds, 3), ran=len(runner.ran))
    return Result(runner.folder.path, tuple(scores), runner.bill.usd, seconds, tuple(runner.ran))


def _all_steps(runner: StepRunner) -> list[Mapping[str, Any]]:
    names: Names = {}
    scores: list[Mapping[str, Any]] = []
    for number, node in enumerate(runner.recipe.nodes, start=1):
        place = runner.folder.step(number, node.name)
        if isinstance(node, Rounds):
            names[node.name] = _block(runner, node, place, names)
        else:
            names[node.name] = runner.step(node, node.name, place, names)
        scores += names[node.name].scores
    return scores


def _block(runner: StepRunner, block: Rounds, place: StepFolder, outer: Names) -> StepOutput:
    facts = runner.identity.of_block(block, keys_of(outer))
    key = hashed(facts)
    steps = [*block.each, *block.probe]
    lost = merge_losses([inputs_of(block.inputs, outer).lost, lost_above(steps, outer)])
    fresh = place.done is None or place.made_of != (key, lost)
    if fresh:
        place.reopen()  # where the key is the same the rounds stay: each step there knows what it is made of
        place.begin(key, lost)

    executed = 0

    def execute(node: Node, number: int, names: Names) -> StepOutput:
        nonlocal executed
        executed = number
        inner = place.path / f"round-{number:02d}" / f"{steps.index(node) + 1:02d}-{node.name}"
        return runner.step(node, f"{block.name}.{number}.{node.name}", StepFolder(inner), names)

    given = inputs_of(block.inputs, outer)
    rows, course = run_rounds(block, given, outer, execute)
    for path in place.path.glob("round-*"):
        if int(path.name.removeprefix("round-")) > executed:
            shutil.rmtree(path)  # an earlier course of the block went further
    record: dict[str, Any] = {
        "name": block.name,
        "do": "repeat",
        "kind": "rounds",
        "key": key,
        "facts": facts,
    }
    record |= {"lost_above": lost, **course}
    record |= {"rows_in": len(Table(given.rows)), "rows_out": len(Table(rows.rows))}
    if fresh:
        place.finish(record)
    runner.listener.ended(block.name, record, fresh=fresh)
    return replace(rows, key=key)


def _state(runner: StepRunner, status: str, **facts: Any) -> None:
    recipe = runner.recipe
    state = {
        "id": runner.bill.run,
        "name": recipe.name,
        "paper": recipe.paper,
        "about": recipe.about,
        "tiny": recipe.tiny,
        "home": os.path.relpath(recipe.home, runner.folder.path),
        "seed": recipe.seed,
        "status": status,
        "steps": [node.name for node in recipe.nodes],
        "tunesmith": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **facts,
    }
    write_json(runner.folder.path / "run.json", state)
