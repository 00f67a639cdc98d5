"""Ask failed requests again: those rows of a run's bins, and what depends on them, and nothing else.

The bin keeps why a row was lost. For each ask step that lost rows for the named kinds its shards are
removed from the first such row on, and the run goes on: answers come from the store, rows of other kinds are
held (see ``failures``), only the named rows are asked. What follows runs again where rows came back, and is
not touched where none did. Killed at any moment the run is a half-done one, as any other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import FolderError
from ..files import read_json
from ..llm.request_errors import LASTING, PASSING
from ..llm.store import AnswerStore, default_store
from ..recipe.load import read_recipe
from ..recipe.recipe import Recipe
from ..recipe.yaml import read_document
from ..requests import Failure
from ..rows import Table
from .failures import failed, hold, standing
from .fingerprint import Fingerprints
from .run import Result, run_recipe
from .run_folder import RunFolder, StepFolder
from .step_runner import RunListener


@dataclass(frozen=True, slots=True)
class Again:
    """What came of asking again.

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
            steps, or its answers lie in another store.
        RunStopped: budget reached or provider refused; the same call goes on.
    """
    run = RunFolder.open(path)
    recipe = recipe_of(run, overrides)
    with run.locked():
        lost = {place: standing(place) for place in run.places().values()}
        kinds = _chosen(run, only, Counter(f.kind for rows in lost.values() for f in rows.values()))
        _refuse_other_steps(run, recipe)
        spent = _spent(run)
        asked = {place: {row for row, f in rows.items() if f.kind in kinds} for place, rows in lost.items()}
        asked = {place: rows for place, rows in asked.items() if rows}
        for place, rows in asked.items():
            _clear(place, rows, lost[place])
    result = run_recipe(recipe, run.path, isolation=isolation, listener=listener)
    return result, _came_of(asked, result.usd - spent)


def recipe_of(run: RunFolder, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe as it ran: overlay and overrides (and these) applied, relative paths as they were meant.

    Raises:
        FolderError: the run does not say where its recipe lay.
        RecipeError: the recipe no longer holds: a step or a file of it is gone.
    """
    state = read_json(run.path / "run.json") or {}
    if "home" not in state:
        fix = "run its recipe into this folder once more; nothing that is done is done again"
        raise FolderError(
            str(run.path), "does not say where its recipe lay (an earlier version made it)", fix
        )
    text = (run.path / "recipe.yaml").read_text(encoding="utf-8")
    home = (run.path / state["home"]).resolve()
    recipe = read_recipe(read_document(text, "recipe.yaml"), home, overrides=overrides)
    return replace(recipe, tiny=bool(state["tiny"]))


def _chosen(run: RunFolder, only: Sequence[str], counts: Counter[str]) -> frozenset[str]:
    """The kinds to ask again. One that this run has not is a mistake, unless the run is not over."""
    over = (read_json(run.path / "run.json") or {}).get("status") == "done"
    for kind in only:
        known = kind in (*PASSING, *LASTING) or re.fullmatch(r"refused \d{3}", kind)
        if kind not in counts and (over or not known):
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


def _spent(run: RunFolder) -> float:
    """US dollars that the run has cost so far. Raises FolderError where its answers lie in another store."""
    state = read_json(run.path / "run.json") or {}
    path = default_store()
    with closing(AnswerStore(path)) as store:
        bill = store.charges(str(state.get("id")))
    paid = sum(record.get("spent", {}).get("answers", 0) for _, record in run.records())
    if paid and not bill.total().answers:
        problem = f"its {paid:,} answers are not in {path}: they would be asked and paid again"
        raise FolderError(str(run.path), problem, "set TUNESMITH_CACHE to the folder it was run with")
    return bill.usd


def _clear(place: StepFolder, rows: set[str], lost: Mapping[str, Failure]) -> None:
    """Make ``place`` half done before the first shard that holds one of ``rows``; other losses are held."""
    shards = [found.shard for found in failed(place) if found.row in rows]
    hold(place, {row: failure for row, failure in lost.items() if row not in rows})
    if place.path.parent.name.startswith("round-"):
        StepFolder(place.path.parent.parent).reopen()
    place.reopen()
    if shards:
        place.cut(min(shards))


def _came_of(asked: Mapping[StepFolder, set[str]], usd: float) -> Again:
    kept = dropped = 0
    kinds: Counter[str] = Counter()
    for place, rows in asked.items():
        lost = {row: failure for row, failure in standing(place).items() if row in rows}
        kinds.update(failure.kind for failure in lost.values())
        made = {
            name for row, parents in Table(place.rows()).columns("id", "parents") for name in (row, *parents)
        }
        kept += len(back := rows & made)
        dropped += len(rows - back - lost.keys())
    return Again(sum(map(len, asked.values())), kept, dropped, dict(kinds.most_common()), usd)
