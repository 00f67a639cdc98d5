"""What a run says while it runs: a live line per step on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import visible
from ..llm.costs import Costs
from ..runs.record import ScoreRecord, StepRecord
from ..runs.step_runner import RunListener


@contextmanager
def listener(*, quiet: bool) -> Iterator[RunListener]:
    """The listener that suits standard error: live, plain, or silent."""
    if quiet:
        yield RunListener()
    elif sys.stderr.isatty():
        with _Live() as live:
            yield live
    else:
        yield _Plain()


class _Plain(RunListener):
    """One line when a step begins and one when it is done."""

    def on_step_start(self, step: str, kind: str, rows: int) -> None:
        over = f" over {rows:,} rows" if rows else ""
        sys.stderr.write(f"{step}: {kind}{over} ...\n")

    def on_step_end(self, step: str, record: StepRecord, *, fresh: bool) -> None:
        sys.stderr.write(f"{step}: {summary(record)}{'' if fresh else ' (done before)'}\n")
        for warning in record.warnings:
            sys.stderr.write(f"{step}: warning: {visible(warning)}\n")


class _Live(RunListener):
    """A line that moves: rows read, kept and dropped, tokens, money, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.__exit__(None, None, None)

    def on_step_start(self, step: str, kind: str, rows: int) -> None:
        self._step, self._kind, self._rows = step, kind, rows
        self._first: tuple[int, float] | None = None
        self._said = 0.0
        self._say("")

    def on_rows(self, step: str, read: int, kept: int, dropped: int, costs: Costs) -> None:
        if not self._due(read):
            return
        line = costs.of_step(step)
        tokens = line.input + line.output + line.stored_input + line.stored_output
        money = f"  {tokens:,} tokens  ${costs.usd:.4f}" if tokens else ""
        rows = f"{read:,} of {self._rows:,} rows" if self._rows else f"{read:,} rows"
        self._say(f"{rows}  {kept:,} kept  {dropped:,} dropped{money}{self._left(read, self._rows)}")

    def on_progress(self, step: str, done: int, total: int) -> None:
        if self._due(done):
            self._say(f"{done:,} of {total:,}{self._left(done, total)}")

    def _due(self, done: int) -> bool:
        """Whether a tenth of a second has passed since something was said."""
        now = time.monotonic()
        self._first = self._first or (done, now)
        if now - self._said < 0.1:
            return False
        self._said = now
        return True

    def _left(self, done: int, total: int) -> str:
        """The time left at the pace since this process took the step up."""
        begun, since = self._first or (0, 0.0)
        if not begun < done < total:
            return ""
        return f"  {_clock((time.monotonic() - since) * (total - done) / (done - begun))} left"

    def on_step_end(self, step: str, record: StepRecord, *, fresh: bool) -> None:
        from rich.markup import escape

        mark = "[green]✓[/]" if fresh else "[dim]·[/]"
        self._live.update("")
        self._console.print(f"{mark} [bold]{escape(step):<22}[/] {escape(summary(record))}")
        for warning in record.warnings:
            self._console.print(f"[yellow]![/] {escape(step)}: {escape(visible(warning))}")

    def _say(self, what: str) -> None:
        from rich.spinner import Spinner

        self._live.update(Spinner("dots", text=f" {self._step}  {what or self._kind}"))


def summary(record: StepRecord) -> str:
    """One line on a done step: rows in and out, reasons, scores, time."""
    parts = []
    if course := record.course:
        parts.append(f"{course.kept} of {course.rounds} rounds kept, {course.ended}")
    if record.rows_out is not None:
        came = f"{record.rows_in:,} -> " if record.rows_in else ""
        parts.append(f"{came}{record.rows_out:,} rows")
    if record.dropped:
        worst = ", ".join(f"{count:,} {reason}" for reason, count in list(record.reasons.items())[:3])
        parts.append(f"{record.dropped:,} dropped ({worst})")
    parts += map(score_line, record.scores)
    if checkpoint := record.checkpoint:
        losses = [loss for _, loss in checkpoint.losses if loss is not None]
        curve = f"loss {losses[0]:.2f} -> {losses[-1]:.2f}, " if losses else ""
        parts.append(f"{curve}{checkpoint.path}")
    if record.seconds is not None:
        parts.append(_clock(record.seconds))
    return visible("  ".join(parts))


def score_line(score: ScoreRecord) -> str:
    """``starter pass@1 71.0% [64.2, 77.0] (142/200)``."""
    return (
        f"{score.benchmark} pass@{score.k} {100 * score.value:.1f}% "
        f"[{100 * score.low:.1f}, {100 * score.high:.1f}] ({score.passed}/{score.tried})"
    )


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
