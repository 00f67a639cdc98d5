"""Ask failed requests again: those that a run lost rows to, and nothing else.

Dropped rows tell why they were lost, and the answer store remembers the failed requests. A retry forgets the
named kinds there and removes the shards of each ask step from the first such row on; then the run goes on.
Answers come from the store, requests of other kinds fail again unasked, only the named ones are sent. Steps
below run again where rows came back, and are not touched where none did. Killed at any moment, the run is
an ordinary half-done one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import FolderError
from ..llm.request_errors import LASTING, PASSING
from ..llm.store import AnswerStore, default_store
from ..recipe.load import read_recipe
from ..recipe.recipe import Recipe
from ..recipe.yaml import read_document
from ..rows import Table
from .failures import FailedRow, failed_rows
from .fingerprint import Fingerprints
from .record import Place, RunState
from .run import Result, run_recipe
from .run_folder import RunFolder, StepFolder
from .step_runner import RunListener


@dataclass(frozen=True, slots=True)
class Again:
    """What became of the rows that were asked again.

    asked: rows.  kept: those that gave rows.  dropped: those that were answered, and that their step then
    dropped for a reason of its own.  failed: kind -> those that failed once more.  usd: what it cost.
    """

    asked: int = 0
    kept: int = 0
    dropped: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    usd: float = 0.0


def retry_run(
    path: Path,
    only: Sequence[str] = (),
    *,
    overrides: Sequence[str] = (),
    isolation: str | None = None,
    listener: RunListener | None = None,
) -> tuple[Result, Again]:
    """Ask the failed requests of the run at ``path`` again, and go on with the run.

    only: kinds of failure (``timeout``); none named means all.
    overrides: of what rows do not depend on, such as ``models.teacher.timeout=600`` or a ``base_url``.

    Raises:
        FolderError: there is no such run, none of its requests failed so, its recipe no longer gives the same
            steps, or its answers are in another store.
        RunStopped: budget reached or provider refused; the same call goes on.
    """
    run = RunFolder.open(path)
    state = run.state or RunState()
    recipe = recipe_of(run, overrides)
    with run.locked(), closing(AnswerStore(default_store())) as store:
        lost = [(place, folder, list(failed_rows(folder))) for place, folder in run.steps()]
        kinds = _chosen(run, state, only, Counter(row.kind for _, _, rows in lost for row in rows))
        _refuse_other_steps(run, recipe)
        spent = _spent(run, state, store)
        store.forget_failures(state.id, kinds=kinds)
        asked = {}
        for place, folder, rows in lost:
            if chosen := [row for row in rows if row.kind in kinds]:
                _reopen(run, place, folder, chosen)
                asked[folder] = {row.row for row in chosen}
    result = run_recipe(recipe, run.path, isolation=isolation, listener=listener)
    return result, _outcome(asked, result.usd - spent)


def recipe_of(run: RunFolder, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe as it ran: overlay and overrides (and these) applied, relative paths from where it was.

    Raises:
        RecipeError: the recipe no longer holds: a step or a file of it is gone.
    """
    state = run.state or RunState()
    text = (run.path / "recipe.yaml").read_text(encoding="utf-8")
    home = (run.path / state.home).resolve()
    recipe = read_recipe(read_document(text, "recipe.yaml"), home, overrides=overrides)
    return replace(recipe, tiny=state.tiny)


def _chosen(run: RunFolder, state: RunState, only: Sequence[str], counts: Counter[str]) -> frozenset[str]:
    """The kinds to ask again. One that the run has not is a mistake, unless the run is not over."""
    for kind in only:
        known = kind in (*PASSING, *LASTING) or re.fullmatch(r"refused \d{3}", kind)
        if kind not in counts and (state.status == "done" or not known):
            has = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common())
            fix = f"it has: {has}" if has else "no request of it failed: there is nothing to ask again"
            raise FolderError(str(run.path), f"has no row that was lost for {kind!r}", fix)
    return frozenset(only or counts)


def _refuse_other_steps(run: RunFolder, recipe: Recipe) -> None:
    stale = Fingerprints(recipe).stale(run)
    if stale:
        steps = "\n".join(f"    {name}: {reason}" for name, reason in stale)
        problem = f"would give other rows today, whatever is asked again:\n{steps}"
        fix = "`tunesmith run` its recipe with --yes first; override only what rows do not depend on"
        raise FolderError(str(run.path), problem, fix)


def _spent(run: RunFolder, state: RunState, store: AnswerStore) -> float:
    """US dollars that the run has cost so far. Raises FolderError where its answers are in another store."""
    costs = store.charges(state.id)
    paid = sum(record.spent.answers for _, record in run.records())
    if paid and not costs.total().answers:
        problem = f"its {paid:,} answers are not in {store.path}: they would be asked and paid again"
        raise FolderError(str(run.path), problem, "set TUNESMITH_CACHE to the folder it was run with")
    return costs.usd


def _reopen(run: RunFolder, place: Place, folder: StepFolder, rows: Sequence[FailedRow]) -> None:
    """Make a step half done before the first shard that holds one of ``rows``."""
    if place.block is not None:
        run.at(place.block).reopen()
    folder.reopen()
    folder.cut(min(row.shard for row in rows))


def _outcome(asked: Mapping[StepFolder, set[str]], usd: float) -> Again:
    kept = dropped = 0
    kinds: Counter[str] = Counter()
    for folder, rows in asked.items():
        lost = {failed.row: failed.kind for failed in failed_rows(folder) if failed.row in rows}
        kinds.update(lost.values())
        made = {
            name for row, parents in Table(folder.rows()).columns("id", "parents") for name in (row, *parents)
        }
        kept += len(back := rows & made)
        dropped += len(rows - back - lost.keys())
    return Again(sum(map(len, asked.values())), kept, dropped, dict(kinds.most_common()), usd)
