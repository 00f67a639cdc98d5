"""The run folder: what is on disk, and what can be trusted there.

    runs/NAME/
      recipe.yaml     the recipe as it ran (overlay and overrides applied)
      run.json        when, with which version, how it ended
      ledger.jsonl    one line per event: steps begun, resumed and done
      01-seeds/       rows-*.parquet, dropped-*.parquet, step.json
      models/NAME/    what a training step made
      report.html

A step is done when its ``step.json`` exists: it is written last. Before that ``begun.json`` says what its
rows are made of, and every ``rows-*.parquet`` there is whole: a half-done step goes on behind the last one.
``record.py`` describes the JSON files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..errors import FolderError
from ..rows import Table, shard_notes, shard_rows, write_drops, write_rows
from ..sample import Drop, Sample
from . import record
from .record import Begun, Place, RunState, StepRecord


@dataclass(frozen=True, slots=True)
class StepCounts:
    """What the shards of a step hold. digest: of the ids of rows and drops, and of why each was dropped."""

    shards: int
    rows: int
    reasons: Counter[str]
    digest: str


@dataclass(frozen=True, slots=True)
class StepFolder:
    """The folder of one step."""

    path: Path

    @property
    def done(self) -> StepRecord | None:
        """The step's record, or None while it is not done."""
        return record.read(self.path / "step.json", StepRecord, self._fix)

    @property
    def made_of(self) -> Begun | None:
        """What lies here, done or half done, was made of; None where nothing was begun."""
        done = self.done
        return done.made_of if done else record.read(self.path / "begun.json", Begun, self._fix)

    @property
    def _fix(self) -> str:
        return f"remove the folder {self.path} and run again: paid answers are reused"

    def begin(self, made_of: Begun) -> None:
        """Make the folder and note what its rows are made of; what was made under another key is removed."""
        lies_here = self.made_of
        if lies_here is None or lies_here.key != made_of.key:
            self.remove()
        with _usable(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for draft in self.path.glob(".*.draft"):
                draft.unlink()
        record.write(self.path / "begun.json", made_of)

    def remove(self) -> None:
        """Remove the folder with everything in it."""
        if self.path.exists():
            with _usable(self.path):
                shutil.rmtree(self.path)

    def finish(self, done: StepRecord) -> None:
        """Write step.json: the step is done from now on."""
        record.write(self.path / "step.json", done)
        (self.path / "begun.json").unlink(missing_ok=True)

    def reopen(self) -> None:
        """Make a done step half done; its shards stay."""
        if (done := self.done) is not None:
            record.write(self.path / "begun.json", done.made_of)
            (self.path / "step.json").unlink()

    def cut(self, shard: int) -> None:
        """Remove the shards from number ``shard`` on, the last first, so that the rest is always whole."""
        for number in range(len(self.rows()) - 1, shard - 1, -1):
            for kind in ("rows", "dropped"):
                (self.path / f"{kind}-{number:05d}.parquet").unlink(missing_ok=True)

    def rows(self) -> list[Path]:
        """The whole shards of rows, in order."""
        return sorted(self.path.glob("rows-*.parquet"))

    def drops(self) -> list[Path]:
        """The shards of dropped rows that belong to whole shards of rows, in order."""
        whole = {path.name.removeprefix("rows-") for path in self.rows()}
        return [
            p for p in sorted(self.path.glob("dropped-*.parquet")) if p.name.removeprefix("dropped-") in whole
        ]

    def covered(self) -> int:
        """How many input rows the whole shards cover: where a half-done step goes on."""
        shards = self.rows()
        return int(shard_notes(shards[-1])["stop"]) if shards else 0

    def write_shard(self, start: int, stop: int, rows: list[Sample], drops: list[Drop], by: str) -> None:
        """One shard; dropped rows first, so that a rows file means that both are whole."""
        number = len(self.rows())
        notes = {"start": str(start), "stop": str(stop)}
        dropped = self.path / f"dropped-{number:05d}.parquet"
        if drops:
            write_drops(dropped, drops, by, notes)
        else:
            dropped.unlink(missing_ok=True)  # a kill before the rows were written may have left one
        write_rows(self.path / f"rows-{number:05d}.parquet", rows, notes)

    def check(self, done: StepRecord) -> None:
        """Compare the shards of a done step with its record: their number, and how many rows they hold.

        Raises:
            FolderError: some are missing, or hold other rows.
            DataError: a shard cannot be read.
        """
        shards = self.rows()
        for what, wanted, has in (
            ("files of rows", done.shards, len(shards)),
            ("rows", done.rows_out or 0, sum(map(shard_rows, shards))),
            ("dropped rows", done.dropped, sum(map(shard_rows, self.drops()))),
        ):
            if has != wanted:
                problem = f"holds {has:,} {what}, but its step.json records {wanted:,}"
                raise FolderError(str(self.path), problem, self._fix)

    def counts(self) -> StepCounts:
        """What the shards on disk hold."""
        shards, rows = self.rows(), 0
        reasons: Counter[str] = Counter()
        digest = hashlib.blake2b(digest_size=16)
        for (row,) in Table(shards).columns("id"):
            rows += 1
            digest.update(f"{row}\n".encode())
        for row, reason in Table(self.drops()).columns("id", "reason"):
            reasons[reason] += 1
            digest.update(f"{row} {reason}\n".encode())
        return StepCounts(len(shards), rows, reasons, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run folder.

        Raises:
            FolderError: there is none at ``path`` (names the nearest runs), or it has another format.
        """
        run = cls(path)
        if run.state is None:
            siblings = sorted(p.parent.name for p in path.parent.glob("*/run.json"))
            known = f"runs there: {', '.join(siblings)}" if siblings else "`tunesmith run` makes one"
            raise FolderError(str(path), "is not a run folder (it has no run.json)", known)
        return run

    @property
    def state(self) -> RunState | None:
        """What run.json says, or None where no run has begun here."""
        fix = "run its recipe into this folder with --fresh: paid answers are reused"
        return record.read(self.path / "run.json", RunState, fix)

    def write_state(self, state: RunState) -> None:
        """Replace run.json."""
        record.write(self.path / "run.json", state)

    @property
    def models(self) -> Path:
        return self.path / "models"

    def at(self, place: Place) -> StepFolder:
        """The folder of the step at ``place``; one made under another number is renamed.

        Raises:
            FolderError: the step's name, or a symbolic link, leads out of the run folder.
        """
        path = self.path / place.folder
        if Place.of_folder(place.folder) != place or not path.resolve().is_relative_to(self.path.resolve()):
            problem = f"the folder of step {place.name!r} would not be inside the run folder"
            raise FolderError(str(self.path), problem, "name the step with letters, digits, '_', '-' and '.'")
        if not path.exists() and self.path.is_dir() and not place.round:
            for old, folder in self.steps():
                if not old.round and old.step == place.step:
                    with _usable(path):
                        folder.path.rename(path)
                    break
        return StepFolder(path)

    def steps(self) -> Iterator[tuple[Place, StepFolder]]:
        """The folders of all steps, begun or done, in reading order."""
        folders = [p for pattern in ("*", "*/round-*/*") for p in self.path.glob(pattern) if p.is_dir()]
        placed = ((Place.of_folder(p.relative_to(self.path)), StepFolder(p)) for p in folders)
        yield from sorted(((place, folder) for place, folder in placed if place), key=lambda known: known[0])

    def records(self) -> Iterator[tuple[StepFolder, StepRecord]]:
        """The done steps with their records, in reading order."""
        for _, folder in self.steps():
            if (done := folder.done) is not None:
                yield folder, done

    def find(self, step: str) -> StepFolder:
        """The step folder called ``step``: ``coreset``, or ``evolution/round-01/evolved`` inside a block.

        Raises:
            FolderError: no such step here; lists those that are.
        """
        known = list(self.steps())
        for place, folder in known:
            if place.is_called(step):
                return folder
        names = ", ".join(place.path for place, _ in known)
        raise FolderError(str(self.path), f"has no step {step!r}", f"steps here: {names}")

    def note(self, event: str, **facts: Any) -> None:
        """Append one line to ledger.jsonl, on the disk before this returns."""
        line = orjson.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **facts})
        with _usable(self.path), (self.path / "ledger.jsonl").open("ab") as sink:
            sink.write(line + b"\n")
            sink.flush()
            os.fsync(sink.fileno())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for this process; the lock ends with the process, however that ends."""
        with _usable(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = (self.path / ".lock").open("a")
        with handle:
            try:
                with _usable(self.path):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fix = "wait for it, or choose another --out"
                raise FolderError(str(self.path), "another process is running in this folder", fix) from None
            yield


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """What the operating system refuses, as an error that says what to do."""
    try:
        yield
    except BlockingIOError:
        raise  # the lock is taken, which is no fault of the disk
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        fix = "choose another --out, or free the place: it must be a folder that this user may write"
        raise FolderError(str(path), f"cannot be used as a run folder: {why}", fix) from error
