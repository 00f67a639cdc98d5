"""What a run shows while it runs: a live line per step on a terminal, lines in a log elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import visible
from ..llm.costs import Costs
from ..runs.record import ScoreRecord, StepRecord
from ..runs.step_runner import RunListener

HEARTBEAT = 30.0
"""Seconds between two lines in a log while a step runs."""
_RECENT = 60.0
"""Seconds that a pace is measured over: answers from the store come at once, those of a server do not."""


@contextmanager
def listener(*, quiet: bool) -> Iterator[RunListener]:
    """The listener that suits standard error: live, log, or silent."""
    if quiet:
        yield RunListener()
    elif sys.stderr.isatty():
        with _Live() as live:
            yield live
    else:
        with Log() as log:
            yield log


class Throughput:
    """How fast work gets done, over the last minute.  total: 0 where unknown.  done: before this started."""

    def __init__(self, total: int, done: int, now: float) -> None:
        self.total, self.done = total, done
        self._marks = deque([(now, done)])

    def at(self, done: int, now: float) -> None:
        """So much is ``done`` at clock time ``now``, seconds."""
        self.done = done
        if now - self._marks[-1][0] < 1.0 and len(self._marks) > 1:
            self._marks.pop()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _RECENT:
            self._marks.popleft()

    def per_second(self, now: float) -> float:
        since, before = self._marks[0]
        return (self.done - before) / (now - since) if now > since else 0.0

    def __call__(self, now: float) -> str:
        """``4.9/s, 1 min 12 s left``; empty while nothing is done."""
        rate = self.per_second(now)
        if not rate:
            return ""
        left = f", {_clock((self.total - self.done) / rate)} left" if self.total > self.done else ""
        return f"{rate:,.1f}/s{left}"


class _Shown(RunListener):
    """What both listeners know of the running step."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step, self._counts = "", ""
        self._costs: Costs | None = None
        self._throughput = Throughput(0, 0, clock())

    def on_step_start(self, step: str, kind: str, rows: int, done: int) -> None:
        self._step, self._counts, self._costs = step, "", None
        self._throughput = Throughput(rows, done, self._clock())

    def on_rows(self, step: str, read: int, kept: int, dropped: int, costs: Costs) -> None:
        self._throughput.at(read, self._clock())
        self._counts, self._costs = f"{kept:,} kept, {dropped:,} dropped", costs

    def on_progress(self, step: str, done: int, total: int) -> None:
        self._throughput.total = total
        self._throughput.at(done, self._clock())

    def _line(self) -> str:
        """``146 of 500 rows, 12 kept, 4 dropped, 4.9/s, 9.1 s left, 3 retries, 81,044 tokens, $0.01``."""
        speed = self._throughput
        done = f"{speed.done:,} of {speed.total:,}" if speed.total else f"{speed.done:,}"
        parts = [f"{done} rows" if self._counts else done, self._counts, speed(self._clock())]
        if self._costs is not None:
            line = self._costs.of_step(self._step)
            tokens = line.input + line.output + line.stored_input + line.stored_output
            parts += [
                f"{n:,} {what}" for n, what in ((line.retries, "retries"), (line.failed, "failed")) if n
            ]
            parts += [f"{tokens:,} tokens", f"${self._costs.usd:.4f}"] if tokens else []
        return ", ".join(part for part in parts if part)


class Log(_Shown):
    """One line when a step begins, one when it is done, and one every half minute between."""

    def __enter__(self) -> Log:
        self._over = threading.Event()
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()

    def _beat_on(self) -> None:
        # A thread, because a step that waits for a dead server calls nothing.
        while not self._over.wait(HEARTBEAT):
            self.beat()

    def beat(self) -> None:
        """Write how far the running step is."""
        if step := self._step:
            self._write(step, self._line())

    def on_step_start(self, step: str, kind: str, rows: int, done: int) -> None:
        super().on_step_start(step, kind, rows, done)
        over = f" over {rows:,} rows" if rows else ""
        before = f", {done:,} of them done before" if done else ""
        self._write(step, f"{kind}{over}{before} ...")

    def on_step_end(self, step: str, record: StepRecord, *, fresh: bool) -> None:
        self._step = ""
        self._write(step, f"{summary(record)}{'' if fresh else ' (done before)'}")
        for warning in record.warnings:
            self._write(step, f"warning: {visible(warning)}")

    def _write(self, step: str, text: str) -> None:
        sys.stderr.write(f"{step}: {text}\n")
        sys.stderr.flush()  # into a file standard error is not written line by line


class _Live(_Shown):
    """A line that moves."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.__exit__(None, None, None)

    def on_step_start(self, step: str, kind: str, rows: int, done: int) -> None:
        super().on_step_start(step, kind, rows, done)
        self._due = 0.0
        self._show(kind)

    def on_rows(self, step: str, read: int, kept: int, dropped: int, costs: Costs) -> None:
        super().on_rows(step, read, kept, dropped, costs)
        self._refresh()

    def on_progress(self, step: str, done: int, total: int) -> None:
        super().on_progress(step, done, total)
        self._refresh()

    def _refresh(self) -> None:
        now = self._clock()
        if now >= self._due:  # not for each of thousands of rows a second
            self._due = now + 0.1
            self._show(self._line())

    def on_step_end(self, step: str, record: StepRecord, *, fresh: bool) -> None:
        from rich.markup import escape

        mark = "[green]✓[/]" if fresh else "[dim]·[/]"
        self._live.update("")
        self._console.print(f"{mark} [bold]{escape(step):<22}[/] {escape(summary(record))}")
        for warning in record.warnings:
            self._console.print(f"[yellow]![/] {escape(step)}: {escape(visible(warning))}")

    def _show(self, text: str) -> None:
        from rich.spinner import Spinner

        self._live.update(Spinner("dots", text=f" {self._step}  {text}"))


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
