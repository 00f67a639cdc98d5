"""The files of a training, written so that it survives being killed at any moment.

    FOLDER/progress/checkpoint-120/...            the Trainer's own checkpoint
    FOLDER/progress/checkpoint-120/complete.json  written last: without it the checkpoint does not count
    FOLDER/checkpoint/...                         the trained model; appears complete, by a rename
    FOLDER/checkpoint/training.json               the training that made it, its losses and facts

Each names the *key* of the training (settings, rows, model); files of another key are deleted.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ...files import write_json

_COMPLETE, _FACTS = "complete.json", "training.json"


class Checkpoints:
    """The checkpoints of one training.

    save_steps: a checkpoint every so many steps, or save_minutes: after so many minutes; 0 is never.
    """

    def __init__(self, folder: Path, key: str, *, save_steps: int = 0, save_minutes: float = 0.0) -> None:
        self.folder, self._final = folder / "progress", folder / "checkpoint"
        self._draft = folder / ".checkpoint.draft"
        self._key, self._save_steps, self._save_seconds = key, save_steps, save_minutes * 60
        self._started = self._saved = time.monotonic()
        self._seconds_before = 0.0

    def seconds(self) -> float:
        """Time spent training, by this process and by those that were killed before it."""
        return self._seconds_before + time.monotonic() - self._started

    def due(self, step: int) -> bool:
        """Whether a checkpoint is to be written after ``step``."""
        if self._save_steps and step % self._save_steps == 0:
            return True
        return bool(self._save_seconds) and time.monotonic() - self._saved >= self._save_seconds

    def mark_complete(self, step: int) -> None:
        """Note that the checkpoint of ``step`` is complete."""
        folder = self.folder / f"checkpoint-{step}"
        _sync(folder)  # before the note, or a power cut could leave the note without the weights
        write_json(folder / _COMPLETE, {"key": self._key, "step": step, "seconds": self.seconds()})
        self._saved = time.monotonic()

    def latest(self) -> Path | None:
        """The last complete checkpoint of this training; everything else in the folder is deleted."""
        complete: dict[int, Path] = {}
        for path in self.folder.glob("checkpoint-*"):
            note = _read(path / _COMPLETE)
            if note.get("key") == self._key:
                complete[note["step"]] = path
                self._seconds_before = max(self._seconds_before, note["seconds"])
        last = complete[max(complete)] if complete else None
        for path in self.folder.glob("*"):
            if path != last:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return last

    @staticmethod
    def step_of(checkpoint: Path) -> int:
        """The step after which ``checkpoint`` was written."""
        return int(checkpoint.name.rsplit("-", 1)[1])

    def finished(self) -> tuple[Path, dict[str, Any]] | None:
        """The trained model and its notes, if this training has already finished."""
        notes = _read(self._final / _FACTS)
        return (self._final, notes) if notes.get("key") == self._key else None

    def draft(self) -> Path:
        """An empty folder to write the trained model into."""
        shutil.rmtree(self._draft, ignore_errors=True)
        self._draft.mkdir(parents=True)
        return self._draft

    def finish(self, notes: Mapping[str, Any]) -> Path:
        """Make the draft the trained model, and delete the checkpoints on the way to it."""
        write_json(self._draft / _FACTS, {**notes, "key": self._key})
        _sync(self._draft)
        shutil.rmtree(self._final, ignore_errors=True)
        self._draft.rename(self._final)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self._final


def _read(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def _sync(folder: Path) -> None:
    """Force every file of ``folder`` to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
