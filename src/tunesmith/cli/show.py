"""What the commands print: tables for people, one JSON object with ``--json``."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table as Grid

from ..api import Finished, Retried
from ..recipe.recipe import Recipe
from ..report.export import Exported, located
from ..rows import Table
from ..runs.diff import Difference
from ..runs.failures import advice, failures_of
from ..runs.plan import Forecast
from ..runs.run_folder import RunFolder, StepFolder
from ..runs.trace import Event
from ..sample import Sample
from .answers import Holding
from .doctor import Diagnosis
from .progress import score_line, summary

_out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def as_json(data: Any) -> None:
    """One JSON object on standard output."""
    print(orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS).decode())  # noqa: T201


def finished(result: Finished, json: bool) -> None:
    """The end of a run: its scores, its money, what failed in passing, where the report is."""
    failures = failures_of(RunFolder(result.folder))
    if json:
        as_json({**asdict(result), "failures": failures})
        return
    for score in result.scores:
        _out.print(f"{escape(score.step)}: {escape(score_line(score))}")
    if not result.ran:
        _out.print("nothing to do: every step was done before")
    if said := advice(result.folder, failures):
        _out.print(escape(said))
    money = f", ${result.usd:.4f} in all" if result.usd else ""
    _out.print(f"{result.seconds:.1f} s{money}\nreport: {result.report}")


def retried(result: Retried, json: bool) -> None:
    """The end of a run whose failed requests were asked again, and what came of it."""
    again = result.again
    if not json:
        failed = ", ".join(f"{count:,} {kind}" for kind, count in again.failed.items())
        parts = [f"{again.kept:,} kept", f"{again.dropped:,} answered and dropped by their step"]
        parts.append(f"{sum(again.failed.values()):,} failed again{f' ({failed})' if failed else ''}")
        _out.print(f"{again.asked:,} rows asked again: {', '.join(parts)}; ${again.usd:.4f}")
    finished(result, json)


def forecasts(lines: Sequence[Forecast], json: bool) -> None:
    """The plan as a table, with the sums that matter."""
    known = [line.usd for line in lines if line.usd is not None]
    unpriced = [line.step for line in lines if line.usd is None]
    calls = sum(line.calls for line in lines)
    if json:
        as_json(
            {
                "steps": [asdict(line) for line in lines],
                "calls": calls,
                "usd": sum(known),
                "unpriced": unpriced,
            }
        )
        return
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("step", no_wrap=True, overflow="fold")
    for name in ("rows in", "rows out", "calls", "tokens in", "tokens out", "USD"):
        grid.add_column(name, justify="right")
    grid.add_column("how known", style="dim")
    for line in lines:
        usd = "?" if line.usd is None else f"{line.usd:.2f}" if line.calls else ""
        numbers = (line.rows_in, line.rows_out, line.calls, line.tokens_in, line.tokens_out)
        grid.add_row(line.step, *(f"{n:,}" if n else "" for n in numbers), usd, line.how)
    _out.print(grid)
    more = f" and what {', '.join(unpriced)} cost (no known price)" if unpriced else ""
    _out.print(f"\nin all: {calls:,} calls, about ${sum(known):.2f}{more}")


def recipe_list(recipes: Mapping[str, Recipe], json: bool) -> None:
    """The bundled recipes, each with its paper and one line."""
    if json:
        as_json([{"name": r.name, "paper": r.paper, "about": r.about} for r in recipes.values()])
        return
    grid = Grid("recipe", "paper", "what it does", box=None, pad_edge=False)
    for recipe in recipes.values():
        grid.add_row(recipe.name, f"arXiv {recipe.paper}" if recipe.paper else "", recipe.about)
    _out.print(grid)
    _out.print(
        "\ntunesmith plan NAME     what it would do and cost\ntunesmith run NAME --tiny   small, offline"
    )


def run_or_step(target: str, count: int, seed: int, json: bool) -> None:
    """``RUN``: its steps.  ``RUN/STEP`` or ``RUN/STEP.dropped``: some random rows."""
    if (Path(target) / "run.json").is_file():
        _steps(RunFolder.open(Path(target)), json)
        return
    _rows(*located(target), count, seed, json)


def exported(result: Exported, json: bool) -> None:
    """Where exported rows went, and how many could not stand in the shape."""
    if json:
        as_json({"path": str(result.path), "rows": result.rows, "left_out": result.left_out})
        return
    left = f"; {result.left_out:,} without instruction or answer left out" if result.left_out else ""
    _out.print(f"{result.rows:,} rows{left}\n{result.path}")


def _steps(run: RunFolder, json: bool) -> None:
    records = list(run.records())
    if json:
        as_json([{k: v for k, v in asdict(record).items() if k != "facts"} for _, record in records])
        return
    for folder, record in records:
        indent = "  " if "." in record.name else ""
        _out.print(f"{indent}[bold]{escape(folder.path.name):<24}[/] {escape(summary(record))}")
    _out.print(f"\ntunesmith show {run.path}/STEP   or   {run.path}/STEP.dropped")


def _rows(folder: StepFolder, dropped: bool, count: int, seed: int, json: bool) -> None:
    table = Table(folder.drops() if dropped else folder.rows())
    total = len(table)
    wanted = sorted(random.Random(seed).sample(range(total), min(count, total)))
    chosen = [next(table.start_at(place)) for place in wanted]
    if json:
        as_json([asdict(sample) for sample in chosen])
        return
    for sample in chosen:
        _sample(sample)
    _out.print(f"[dim]{len(chosen)} of {total:,} {'dropped rows' if dropped else 'rows'}[/]")


def _sample(sample: Sample, heading: str = "") -> None:
    head = [sample.task, sample.language, sample.source, sample.license, f"by {sample.step}"]
    _out.rule(
        f"[bold]{sample.id}[/] {escape(heading or ' · '.join(part for part in head if part))}", align="left"
    )
    for name in ("system", "instruction", "code", "answer", "tests"):
        text = getattr(sample, name)
        if not text:
            continue
        _out.print(f"[bold]{name}[/]")
        if name in ("code", "tests"):
            _out.print(Syntax(text, sample.language or "text", background_color="default", word_wrap=True))
        else:
            _out.print(escape(text))
    for verdict in sample.verdicts:
        word = {True: "[green]passed[/]", False: "[red]failed[/]", None: "unknown"}[verdict.passed]
        _out.print(f"[bold]{escape(verdict.by)}[/]: {word} {escape(verdict.reason)}")
    if sample.meta:
        _out.print(f"[dim]{escape(orjson.dumps(sample.meta).decode())}[/]")


def life(events: Sequence[Event], json: bool) -> None:
    """A traced row, event by event; the full text only where the row first appears."""
    if json:
        as_json([asdict(event) for event in events])
        return
    seen: set[str] = set()
    for event in events:
        what = f"dropped: {event.reason}" if event.reason else "kept"
        heading = f"{event.relation} · {event.step} · {what}"
        if event.sample.id in seen:
            _out.print(f"[bold]{event.sample.id}[/] {escape(heading)}")
        else:
            _sample(event.sample, heading)
        seen.add(event.sample.id)


def differences(found: Sequence[Difference], json: bool) -> None:
    """Two runs, step by step."""
    if json:
        as_json([asdict(difference) for difference in found])
        return
    grid = Grid("step", "rows", "rows", "shared", "differs in", box=None, pad_edge=False)
    for d in found:
        counts = ("" if n is None else f"{n:,}" for n in d.rows)
        grid.add_row(d.step, *counts, f"{d.shared:,}" if d.shared else "", d.why or "nothing")
    _out.print(grid)
    for d in found:
        for side, scores in zip(("first ", "second"), d.scores, strict=True):
            for score in scores:
                _out.print(f"{side} {escape(d.step)}: {escape(score_line(score))}")


def held(store: Holding, json: bool) -> None:
    """What the answer store holds, and what was moved."""
    if json:
        as_json(asdict(store))
        return
    grid = Grid("answered by", "answers", box=None, pad_edge=False)
    for model, count in store.answers.items():
        grid.add_row(escape(model), f"{count:,}")
    if store.answers:
        _out.print(grid)
    moved = [f"{n:,} {word}" for n, word in ((store.imported, "imported"), (store.exported, "exported")) if n]
    _out.print(f"{store.path}: {sum(store.answers.values()):,} answers{''.join(f', {m}' for m in moved)}")


def findings(found: Sequence[Diagnosis], json: bool) -> None:
    """What the doctor found."""
    if json:
        as_json([asdict(finding) for finding in found])
        return
    marks = {"ok": "[green]✓[/]", "missing": "[yellow]–[/]", "bad": "[red]✗[/]", "info": " "}
    section = ""
    for finding in found:
        if finding.section != section:
            section = finding.section
            _out.print(f"\n[bold]{section}[/]")
        gap = "\n" + " " * 26 if len(finding.what) > 60 else "  "
        fix = f"{gap}[dim]{escape(finding.fix)}[/]" if finding.fix else ""
        _out.print(f" {marks[finding.state]} {escape(finding.name):<22} {escape(finding.what)}{fix}")
