"""The run folder: what is on disk, and what can be trusted there.

    runs/NAME/
      recipe.yaml     the recipe as it ran (overlay and overrides applied)
      run.json        when, with which version, how it ended
      ledger.jsonl    one line per event: steps begun, resumed and done, and what each shard cost
      01-seeds/       rows-*.parquet, dropped-*.parquet, step.json
      models/NAME/    what a training step made
      report.html

A step is done when its ``step.json`` exists: it is written last. Before that ``begun.json`` holds the
step's key, and every ``rows-*.parquet`` there is whole, so a half-done step goes on behind its last one.
Both also say which failed requests above it the step had to do without (``lost_above``): its rows are
others once those are answered.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from ..errors import FolderError
from ..files import read_json, write_json
from ..rows import Table, shard_notes, write_drops, write_rows
from ..sample import Drop, Sample


@dataclass(frozen=True, slots=True)
class StepFolder:
    """The folder of one step."""

    path: Path

    @property
    def done(self) -> dict[str, Any] | None:
        """The contents of step.json, or None while the step is not done."""
        return read_json(self.path / "step.json")

    @property
    def begun_key(self) -> str | None:
        """The key under which a half-done step was begun."""
        begun = read_json(self.path / "begun.json")
        return str(begun["key"]) if begun else None

    @property
    def made_of(self) -> tuple[str, str] | None:
        """Key and ``lost_above`` of what lies here, done or half done; None where nothing was begun."""
        state = self.done or read_json(self.path / "begun.json")
        return (str(state["key"]), str(state.get("lost_above", ""))) if state else None

    def begin(self, key: str, lost_above: str = "") -> None:
        """Make the folder and note what is made there; what a crash left under another key is removed."""
        if self.path.exists() and self.begun_key != key:
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        for draft in self.path.glob(".*.draft"):
            draft.unlink()
        write_json(self.path / "begun.json", {"key": key, "lost_above": lost_above})

    def finish(self, record: dict[str, Any]) -> None:
        """Write step.json: the step is done from now on."""
        write_json(self.path / "step.json", record)
        for name in ("begun.json", "held.json"):
            (self.path / name).unlink(missing_ok=True)

    def reopen(self) -> None:
        """Make a done step half done; its shards stay."""
        if (standing := self.made_of) is not None and self.done is not None:
            key, lost_above = standing
            write_json(self.path / "begun.json", {"key": key, "lost_above": lost_above})
            (self.path / "step.json").unlink()

    def cut(self, shard: int) -> None:
        """Remove the shards from number ``shard`` on, the last first, so that what stands is always whole."""
        for number in range(len(self.rows()) - 1, shard - 1, -1):
            for kind in ("rows", "dropped"):
                (self.path / f"{kind}-{number:05d}.parquet").unlink(missing_ok=True)

    def rows(self) -> list[Path]:
        """The whole shards of rows, in order."""
        return sorted(self.path.glob("rows-*.parquet"))

    def drops(self) -> list[Path]:
        """The shards of the bin that belong to whole shards of rows, in order."""
        whole = {path.name.removeprefix("rows-") for path in self.rows()}
        return [
            p for p in sorted(self.path.glob("dropped-*.parquet")) if p.name.removeprefix("dropped-") in whole
        ]

    def covered(self) -> int:
        """How many input rows the whole shards cover: where a half-done step goes on."""
        shards = self.rows()
        return int(shard_notes(shards[-1])["stop"]) if shards else 0

    def write_shard(self, start: int, stop: int, rows: list[Sample], drops: list[Drop], by: str) -> None:
        """One shard; the bin first, so that a rows file means that both are whole."""
        number = len(self.rows())
        notes = {"start": str(start), "stop": str(stop)}
        if drops:
            write_drops(self.path / f"dropped-{number:05d}.parquet", drops, by, notes)
        write_rows(self.path / f"rows-{number:05d}.parquet", rows, notes)

    def counts(self) -> tuple[int, Counter[str]]:
        """Rows kept, and dropped rows by reason, counted from the disk."""
        reasons: Counter[str] = Counter()
        for path in self.drops():
            reasons.update(pq.read_table(path, columns=["reason"]).column("reason").to_pylist())
        return len(Table(self.rows())), reasons


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run folder.

        Raises:
            FolderError: there is none at ``path``; names the nearest runs.
        """
        if not (path / "run.json").is_file():
            siblings = sorted(p.parent.name for p in path.parent.glob("*/run.json"))
            known = f"runs there: {', '.join(siblings)}" if siblings else "`tunesmith run` makes one"
            raise FolderError(str(path), "is not a run folder (it has no run.json)", known)
        return cls(path)

    @property
    def models(self) -> Path:
        return self.path / "models"

    def step(self, number: int, name: str) -> StepFolder:
        """The folder of the step at place ``number``; one made under another number is renamed."""
        path = self.path / f"{number:02d}-{name}"
        if not path.exists() and self.path.is_dir():
            for old in self.path.iterdir():
                if re.fullmatch(rf"\d\d-{re.escape(name)}", old.name):
                    old.rename(path)
                    break
        return StepFolder(path)

    def records(self) -> Iterator[tuple[StepFolder, dict[str, Any]]]:
        """The done steps with their records, in order; those of repeated rounds before their block."""
        for path in sorted(self.path.rglob("step.json")):
            record = read_json(path)
            if record:
                yield StepFolder(path.parent), record

    def places(self) -> dict[str, StepFolder]:
        """The folders of all steps by name (``evolution/round-01/evolved`` in a block), in order."""
        known = {}
        for path in sorted(p for p in self.path.rglob("*") if p.is_dir() and re.match(r"\d\d-", p.name)):
            parts = [re.sub(r"^\d\d-", "", part) for part in path.relative_to(self.path).parts]
            known["/".join(parts)] = StepFolder(path)
        return known

    def find(self, step: str) -> StepFolder:
        """The step folder called ``step``: ``coreset``, or ``evolution/round-1/evolved`` inside a block.

        Raises:
            FolderError: no such step here; lists those that are.
        """
        known = self.places()
        if step in known:
            return known[step]
        raise FolderError(str(self.path), f"has no step {step!r}", f"steps here: {', '.join(known)}")

    def note(self, event: str, **facts: Any) -> None:
        """Append one line to ledger.jsonl, on the disk before this returns."""
        line = orjson.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **facts})
        with (self.path / "ledger.jsonl").open("ab") as sink:
            sink.write(line + b"\n")
            sink.flush()
            os.fsync(sink.fileno())

    def ledger(self) -> Iterator[dict[str, Any]]:
        """Every event so far. A line torn by a crash is passed over."""
        path = self.path / "ledger.jsonl"
        if path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; the lock goes with the process, however it ends."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fix = "wait for it, or choose another --out"
                raise FolderError(str(self.path), "another process is running in this folder", fix) from None
            yield
