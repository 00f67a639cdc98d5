"""What ``tunesmith status`` prints: how far a run is, read from its folder, also from another shell."""

from __future__ import annotations

import fcntl
from pathlib import Path

from ..report.story import Stage, read_story
from ..runs.run_folder import RunFolder
from .terminal import OUT, as_json, safe


def status(run: RunFolder, json: bool) -> None:
    """The run's state, and every step: done, half done with its counts so far, or to come."""
    story = read_story(run)
    state = story.state.status or "unknown"
    if state == "running" and not _is_held(run.path / ".lock"):
        state = "killed"
    steps = [_step(stage) for stage in story.stages]
    done = sum(step["state"] == "done" for step in steps)
    usd = story.sum("usd")
    if json:
        facts = {"name": story.name, "status": state, "error": story.state.error}
        as_json(facts | {"done": done, "steps": steps, "usd": usd, "seconds": story.seconds})
        return
    OUT.print(f"[bold]{safe(story.name)}[/]: {safe(state)}, {done} of {len(steps)} steps done, ${usd:.4f}")
    if story.state.error:
        OUT.print(safe(story.state.error))
    marks = {"done": "[green]✓[/]", "half done": "[yellow]…[/]", "to come": " "}
    for stage, step in zip(story.stages, steps, strict=True):
        counts = "" if stage.state == "to come" else _counts(stage)
        OUT.print(f"{marks[stage.state]} {'  ' * stage.depth}{safe(step['step'])}  {counts}")


def _step(stage: Stage) -> dict[str, str | int]:
    counts = {key: stage.count(key) for key in ("rows_in", "rows_out", "dropped")}
    return {"step": stage.name, "do": stage.do, "state": stage.state, **counts}


def _counts(stage: Stage) -> str:
    came, left, dropped = (stage.count(key) for key in ("rows_in", "rows_out", "dropped"))
    if stage.kind in ("train", "score"):
        return f"{came:,} rows" if came else ""
    lost = f", {dropped:,} dropped" if dropped else ""
    return f"{f'{came:,} -> ' if came else ''}{left:,} rows{lost}"


def _is_held(lock: Path) -> bool:
    """Whether a process runs in the folder: it holds the lock until it ends, however it ends."""
    if not lock.exists():
        return False
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
