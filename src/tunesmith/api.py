"""The same as the command line, from Python: ``import tunesmith; tunesmith.run("starter", tiny=True)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import RunStopped, StepError
from .recipe.bundled import bundled
from .recipe.load import load_recipe, source_limits
from .recipe.recipe import Recipe
from .rows import Table
from .runs.plan import Forecast, forecast
from .runs.preview import StepPreview
from .runs.preview import preview as preview_recipe
from .runs.retry import Again, retry_run
from .runs.run import Result, run_recipe
from .runs.run_folder import RunFolder
from .runs.step_runner import RunListener
from .runs.trace import Event
from .runs.trace import trace as trace_row


@dataclass(frozen=True, slots=True)
class Finished(Result):
    """A finished run. report: the path of its report."""

    report: Path = Path()

    def rows(self, step: str, *, dropped: bool = False) -> Table:
        """The rows of a step, or its dropped rows: iterate, or ``.to_pandas()``, ``.to_arrow()``."""
        return read(self.folder, step, dropped=dropped)


@dataclass(frozen=True, slots=True)
class Retried(Finished):
    """A finished retry. again: how many rows were asked again, kept, dropped, and failed."""

    again: Again = field(default_factory=Again)


def recipes() -> dict[str, Recipe]:
    """The recipes that come with tunesmith, by name."""
    return {name: load_recipe(name) for name in bundled()}


def check(
    recipe: str | Path, *, tiny: bool = False, overrides: Sequence[str] = (), limit: int | None = None
) -> Recipe:
    """Read a recipe and report all its mistakes at once.

    recipe: a bundled name or a file.  overrides: for example ``["steps.coreset.size=5000"]``.
    limit: the most rows that each source may give.

    Raises:
        RecipeError: with every mistake.
        UserError: ``limit`` is below 1, or a source has no key for it.
    """
    checked = load_recipe(recipe, tiny=tiny, overrides=overrides)
    if limit is None:
        return checked
    return load_recipe(recipe, tiny=tiny, overrides=[*overrides, *source_limits(checked, limit)])


def plan(
    recipe: str | Path, *, tiny: bool = False, overrides: Sequence[str] = (), answer_tokens: int = 400
) -> list[Forecast]:
    """Rows, calls, tokens and money per step, before anything is spent."""
    return forecast(check(recipe, tiny=tiny, overrides=overrides), answer_tokens=answer_tokens)


def preview(
    recipe: str | Path,
    step: str = "",
    rows: int = 3,
    *,
    ask: bool = False,
    tiny: bool = False,
    overrides: Sequence[str] = (),
) -> list[StepPreview]:
    """The prompts of a step for its first rows, free of charge. ask: send them, and read the answers."""
    return preview_recipe(check(recipe, tiny=tiny, overrides=overrides), step, rows, ask=ask)


def run(
    recipe: str | Path,
    *,
    tiny: bool = False,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    yes: bool = False,
    fresh: bool = False,
    limit: int | None = None,
    isolation: str | None = None,
    listener: RunListener | None = None,
) -> Finished:
    """Run a recipe, or continue its run, and write its report. See ``tunesmith.runs.run.run_recipe``.

    limit: the most rows that each source may give, to try a recipe on real data.
    """
    from .report import write_report

    checked = check(recipe, tiny=tiny, overrides=overrides, limit=limit)
    folder = Path(out) if out else Path("runs") / checked.name
    try:
        result = run_recipe(checked, folder, yes=yes, fresh=fresh, isolation=isolation, listener=listener)
    except (RunStopped, StepError):
        write_report(RunFolder(folder))  # so that the user sees what was done
        raise
    report = result.folder / "report.html"
    if result.ran or not report.exists():
        write_report(RunFolder(result.folder))
    return Finished(result.folder, result.scores, result.usd, result.seconds, result.ran, report)


def retry(
    run_folder: str | Path,
    only: Sequence[str] = (),
    *,
    overrides: Sequence[str] = (),
    isolation: str | None = None,
    listener: RunListener | None = None,
) -> Retried:
    """Ask a run's failed requests again, and only these; steps that depend on them run again.

    only: kinds of failure, such as ``["timeout", "malformed"]``; none means all.
    See ``tunesmith.runs.retry.retry_run``.
    """
    from .report import write_report

    folder = Path(run_folder)
    try:
        result, again = retry_run(folder, only, overrides=overrides, isolation=isolation, listener=listener)
    except (RunStopped, StepError):
        write_report(RunFolder(folder))
        raise
    report = write_report(RunFolder(folder))
    return Retried(result.folder, result.scores, result.usd, result.seconds, result.ran, report, again)


def read(run_folder: str | Path, step: str, *, dropped: bool = False) -> Table:
    """The rows of a step of a run, or its dropped rows; the table can be read any number of times."""
    folder = RunFolder.open(Path(run_folder)).find(step)
    return Table(folder.drops() if dropped else folder.rows())


def trace(run_folder: str | Path, row: str) -> list[Event]:
    """One row's life: ancestors, itself, descendants. ``row`` is an id or the beginning of one."""
    return trace_row(RunFolder.open(Path(run_folder)), row)
