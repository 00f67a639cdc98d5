"""What the commands print: tables for people, one JSON object with ``--json``."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from rich.syntax import Syntax
from rich.table import Table as Grid

from ..errors import visible
from ..report.export import Exported, located
from ..rows import Table
from ..runs.diff import Difference
from ..runs.failures import advice, failures_of
from ..runs.plan import Forecast
from ..runs.run_folder import RunFolder, StepFolder
from ..runs.trace import Event
from ..sample import Sample
from .doctor import Diagnosis
from .progress import score_line, summary
from .stored_answers import StoreContents
from .terminal import OUT, as_json, safe

if TYPE_CHECKING:
    from ..api import Finished, Retried

SAID = ("reply", "raised", "failure")
"""Keys of ``meta`` that explain a dropped row in words: the model's reply, an error, a server's message."""


def finished(result: Finished, json: bool) -> None:
    """The end of a run: scores, money, requests that failed, and where the report is."""
    failures = failures_of(RunFolder(result.folder))
    if json:
        as_json({**asdict(result), "failures": failures})
        return
    for score in result.scores:
        OUT.print(f"{safe(score.step)}: {safe(score_line(score))}")
    if not result.ran:
        OUT.print("nothing to do: every step was done before")
    if hint := advice(result.folder, failures):
        OUT.print(safe(hint))
    money = f", ${result.usd:.4f} in all" if result.usd else ""
    OUT.print(f"{result.seconds:.1f} s{money}\nreport: {safe(result.report)}")


def retried(result: Retried, json: bool) -> None:
    """The end of a run whose failed requests were asked again: how many came back."""
    again = result.again
    if not json:
        failed = ", ".join(f"{count:,} {kind}" for kind, count in again.failed.items())
        parts = [f"{again.kept:,} kept", f"{again.dropped:,} answered and dropped by their step"]
        parts.append(f"{sum(again.failed.values()):,} failed again{f' ({failed})' if failed else ''}")
        OUT.print(f"{again.asked:,} rows asked again: {safe(', '.join(parts))}; ${again.usd:.4f}")
    finished(result, json)


def forecasts(lines: Sequence[Forecast], json: bool) -> None:
    """The plan as a table, with its sums."""
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
    for name in ("rows in", "rows out", "calls", "stored", "tokens in", "tokens out", "USD"):
        grid.add_column(name, justify="right")
    grid.add_column("how known", style="dim")
    for line in lines:
        usd = "?" if line.usd is None else f"{line.usd:.2f}" if line.calls else ""
        numbers = (line.rows_in, line.rows_out, line.calls, line.stored, line.tokens_in, line.tokens_out)
        grid.add_row(safe(line.step), *(f"{n:,}" if n else "" for n in numbers), usd, safe(line.how))
    OUT.print(grid)
    stored = sum(line.stored for line in lines)
    kept = f", {stored:,} of them answered before," if stored else ""
    more = f" and what {safe(', '.join(unpriced))} cost (no known price)" if unpriced else ""
    OUT.print(f"\nin all: {calls:,} calls{kept}, about ${sum(known):.2f}{more}")


def run_or_step(target: str, count: int, seed: int, json: bool) -> None:
    """``RUN``: its steps.  ``RUN/STEP`` or ``RUN/STEP.dropped``: some random rows."""
    if (Path(target) / "run.json").is_file():
        _steps(RunFolder.open(Path(target)), json)
        return
    _rows(*located(target), count, seed, json)


def exported(result: Exported, json: bool) -> None:
    """Where exported rows went, and how many the shape could not hold."""
    if json:
        as_json({"path": str(result.path), "rows": result.rows, "left_out": result.left_out})
        return
    left = f"; {result.left_out:,} without instruction or answer left out" if result.left_out else ""
    OUT.print(f"{result.rows:,} rows{left}\n{safe(result.path)}")


def _steps(run: RunFolder, json: bool) -> None:
    records = list(run.records())
    if json:
        as_json([{k: v for k, v in asdict(record).items() if k != "facts"} for _, record in records])
        return
    for folder, record in records:
        indent = "  " if "." in record.name else ""
        OUT.print(f"{indent}[bold]{safe(folder.path.name):<24}[/] {safe(summary(record))}")
    path = safe(run.path)
    OUT.print(f"\ntunesmith show {path}/STEP   or   {path}/STEP.dropped")


def _rows(folder: StepFolder, dropped: bool, count: int, seed: int, json: bool) -> None:
    table = Table(folder.drops() if dropped else folder.rows())
    total = len(table)
    positions = sorted(random.Random(seed).sample(range(total), min(count, total)))
    chosen = [next(table.start_at(position)) for position in positions]
    if json:
        as_json([asdict(sample) for sample in chosen])
        return
    for sample in chosen:
        _sample(sample)
    OUT.print(f"[dim]{len(chosen)} of {total:,} {'dropped rows' if dropped else 'rows'}[/]")


def _sample(sample: Sample, heading: str = "") -> None:
    head = [sample.task, sample.language, sample.source, sample.license, f"by {sample.step}"]
    line = heading or " · ".join(part for part in head if part)
    OUT.rule(f"[bold]{safe(sample.id)}[/] {safe(line)}", align="left")
    for name in ("system", "instruction", "code", "answer", "tests"):
        if text := getattr(sample, name):
            _text(name, text, (sample.language or "text") if name in ("code", "tests") else "")
    for verdict in sample.verdicts:
        word = {True: "[green]passed[/]", False: "[red]failed[/]", None: "unknown"}[verdict.passed]
        OUT.print(f"[bold]{safe(verdict.by)}[/]: {word} {safe(verdict.reason)}")
    _meta(sample.meta)


def _text(name: str, text: str, language: str = "") -> None:
    OUT.print(f"[bold]{safe(name)}[/]")
    if language:
        OUT.print(Syntax(visible(text), language, background_color="default", word_wrap=True))
    else:
        OUT.print(safe(text))


def _meta(meta: Mapping[str, Any]) -> None:
    """What is said in words as text, the rest as one line of JSON."""
    for name in SAID:
        if isinstance(text := meta.get(name), str) and text:
            _text(name, text)
    if rest := {name: value for name, value in meta.items() if name not in SAID}:
        OUT.print(f"[dim]{safe(orjson.dumps(rest).decode())}[/]")


def life(events: Sequence[Event], json: bool) -> None:
    """A traced row, event by event: in full where it first appears, then only what is new in its ``meta``."""
    if json:
        as_json([asdict(event) for event in events])
        return
    shown: dict[str, Mapping[str, Any]] = {}
    for event in events:
        sample = event.sample
        heading = (
            f"{event.relation} · {event.step} · {f'dropped: {event.reason}' if event.reason else 'kept'}"
        )
        if sample.id in shown:
            OUT.print(f"[bold]{safe(sample.id)}[/] {safe(heading)}")
            known = shown[sample.id]
            _meta({key: value for key, value in sample.meta.items() if known.get(key) != value})
        else:
            _sample(sample, heading)
        shown[sample.id] = sample.meta


def differences(steps: Sequence[Difference], json: bool) -> None:
    """Two runs, step by step."""
    if json:
        as_json([asdict(step) for step in steps])
        return
    grid = Grid("step", "rows", "rows", "shared", "differs in", box=None, pad_edge=False)
    for step in steps:
        counts = ("" if n is None else f"{n:,}" for n in step.rows)
        grid.add_row(
            safe(step.step), *counts, f"{step.shared:,}" if step.shared else "", safe(step.why or "nothing")
        )
    OUT.print(grid)
    for step in steps:
        for side, scores in zip(("first ", "second"), step.scores, strict=True):
            for score in scores:
                OUT.print(f"{side} {safe(step.step)}: {safe(score_line(score))}")


def answer_store(store: StoreContents, json: bool) -> None:
    """What the answer store holds, and how many answers were imported and exported."""
    if json:
        as_json(asdict(store))
        return
    grid = Grid("answered by", "answers", box=None, pad_edge=False)
    for model, count in store.answers.items():
        grid.add_row(safe(model), f"{count:,}")
    if store.answers:
        OUT.print(grid)
    moved = [f"{n:,} {word}" for n, word in ((store.imported, "imported"), (store.exported, "exported")) if n]
    OUT.print(
        f"{safe(store.path)}: {sum(store.answers.values()):,} answers{''.join(f', {m}' for m in moved)}"
    )


def diagnoses(lines: Sequence[Diagnosis], json: bool) -> None:
    """What `tunesmith doctor` found, section by section."""
    if json:
        as_json([asdict(line) for line in lines])
        return
    marks = {"ok": "[green]✓[/]", "missing": "[yellow]–[/]", "bad": "[red]✗[/]", "info": " "}
    section = ""
    for line in lines:
        if line.section != section:
            section = line.section
            OUT.print(f"\n[bold]{section}[/]")
        gap = "\n" + " " * 26 if len(line.what) > 60 else "  "
        fix = f"{gap}[dim]{safe(line.fix)}[/]" if line.fix else ""
        OUT.print(f" {marks[line.state]} {safe(line.name):<22} {safe(line.what)}{fix}")
