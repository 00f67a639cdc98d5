"""Outcomes by the content of the program, so that the same code and tests never run twice in one step.

Kept beside the step's rows: a run that was interrupted, or a row that returns under another id,
finds its verdict here. What depends on the moment (wall time, a lost worker) or on what is installed
(refused) is remembered for the batch only, not on disk.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import astuple
from pathlib import Path
from types import TracebackType
from typing import Self

from ..results import Outcome, Program

_LASTING = {"passed", "failed", "error", "timeout"}
_PASSING_FAILURES = {"wall time", "worker died"}


class Verdicts:
    """A mapping from program to outcome, on disk. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._store = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("PRAGMA synchronous=NORMAL")
        self._store.execute("CREATE TABLE IF NOT EXISTS outcomes (program BLOB PRIMARY KEY, status, failure)")
        self._seen: dict[Program, Outcome] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def __contains__(self, program: Program) -> bool:
        if program in self._seen:
            return True
        query = "SELECT status, failure FROM outcomes WHERE program = ?"
        row = self._store.execute(query, (_key(program),)).fetchone()
        if row is not None:
            self._seen[program] = Outcome(status=row[0], failure=row[1])
        return row is not None

    def __getitem__(self, program: Program) -> Outcome:
        return self._seen[program]

    def add(self, program: Program, outcome: Outcome) -> None:
        """Remember ``outcome``, on disk where it does not depend on the moment."""
        self._seen[program] = outcome
        if outcome.status in _LASTING and outcome.failure not in _PASSING_FAILURES:
            row = (_key(program), outcome.status, outcome.failure)
            self._store.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", row)


def _key(program: Program) -> bytes:
    return hashlib.blake2b(json.dumps(astuple(program)).encode(), digest_size=16).digest()
