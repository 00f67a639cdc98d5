"""The SQLite file under the answer store: answers, what they cost, and failures, written a group at a time.

WAL with ``synchronous = FULL``: a committed group survives a killed process and a power cut. Groups are
written in few statements, because each one releases Python's lock and waits to get it back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..requests import Failure
from .costs import Charge, CostLine, Costs

FORMAT = 1
_AT_ONCE = 100
_PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, request BLOB NOT NULL, answer BLOB NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS charges (
    run TEXT, step TEXT, intent TEXT, answers INTEGER, input INTEGER, output INTEGER, cached_input INTEGER,
    usd REAL, unpriced INTEGER, PRIMARY KEY (run, step, intent)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    run TEXT, step TEXT, key TEXT, kind TEXT, message TEXT, attempts INTEGER, PRIMARY KEY (run, step, key)
) WITHOUT ROWID;
"""
_CHARGES = """
SELECT step, intent, answers, input, output, cached_input, usd, unpriced FROM charges WHERE run = ?
"""
_CHARGE = """
INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, step, intent) DO UPDATE SET
    answers = answers + excluded.answers, input = input + excluded.input, output = output + excluded.output,
    cached_input = cached_input + excluded.cached_input, usd = usd + excluded.usd,
    unpriced = unpriced + excluded.unpriced
"""
_LINES = "SELECT key, model, request, answer, at FROM answers WHERE ? IS NULL OR model = ? ORDER BY rowid"

Row = tuple[str, str, bytes, bytes, float]
"""key, who answers, request as JSON, answer as JSON, Unix time."""


class StoreFile:
    """One connection to the file at ``path``. Raises DataError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(path)
        except (sqlite3.Error, OSError) as error:
            raise trouble(path, error) from error

    def answer(self, key: str) -> bytes | None:
        """The stored answer to ``key``, as JSON."""
        found = self._connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    def write(self, rows: Sequence[Row], charges: Sequence[Charge] = ()) -> list[bool]:
        """Commit a group; returns, for each row, whether it is new. Nothing is written if anything fails."""
        with self._transaction() as connection:
            new = [
                fresh
                for start in range(0, len(rows), _AT_ONCE)
                for fresh in self._insert(rows[start : start + _AT_ONCE])
            ]
            connection.executemany(_CHARGE, _summed(charges))
        return new

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything done inside is committed together, or not at all."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _insert(self, rows: Sequence[Row]) -> list[bool]:
        places = ", ".join(["(?, ?, ?, ?, ?)"] * len(rows))
        values = list(chain.from_iterable(rows))
        written = self._connection.execute(f"INSERT OR IGNORE INTO answers VALUES {places}", values).rowcount
        if written == len(rows):
            return [True] * written
        return self._told_apart(rows)

    def _told_apart(self, rows: Sequence[Row]) -> list[bool]:
        """Which of ``rows`` were written: the time of writing tells (the first of two with one key)."""
        ours = "SELECT 1 FROM answers WHERE key = ? AND at = ? AND answer = ?"
        seen: set[str] = set()
        new = []
        for key, _, _, answer, at in rows:
            written = self._connection.execute(ours, (key, at, answer)).fetchone() is not None
            new.append(written and key not in seen)
            seen.add(key)
        return new

    def charges(self, run: str) -> Costs:
        """What ``run`` has been charged."""
        costs = Costs(run=run)
        for step, intent, *sums in self._connection.execute(_CHARGES, (run,)):
            costs.lines[step, intent] = CostLine(*sums)
        return costs

    def keep_failures(self, run: str, step: str, failures: Iterable[Failure]) -> None:
        """Commit the requests of a step of a run that failed."""
        rows = [(run, step, failed.key, failed.kind, failed.message, failed.attempts) for failed in failures]
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)", rows)

    def failures(self, run: str, step: str) -> list[Failure]:
        """The requests of a step of a run that failed."""
        wanted = "SELECT kind, message, attempts, key FROM failures WHERE run = ? AND step = ?"
        return [Failure(*found) for found in self._connection.execute(wanted, (run, step))]

    def forget_failures(self, run: str, column: str, values: Iterable[str]) -> None:
        """Delete the failures of a run whose ``column`` (``step`` or ``kind``) is one of ``values``."""
        with self._transaction() as connection:
            connection.executemany(
                f"DELETE FROM failures WHERE run = ? AND {column} = ?", [(run, value) for value in values]
            )

    def forget(self, keys: Sequence[str]) -> int:
        """Delete answers; returns how many there were."""
        with self._transaction() as connection:
            return connection.executemany("DELETE FROM answers WHERE key = ?", [(k,) for k in keys]).rowcount

    def rows(self, model: str | None = None) -> Iterator[Row]:
        """Every answer (of ``model``, if given), oldest first."""
        with closing(self._connection.execute(_LINES, (model, model))) as rows:
            yield from rows

    def counts(self) -> dict[str, int]:
        """How many answers each model gave, the most first."""
        counted = "SELECT model, count(*) AS many FROM answers GROUP BY model ORDER BY many DESC, model"
        return dict(self._connection.execute(counted))

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def trouble(path: Path, error: Exception) -> DataError:
    """A failure of SQLite or of the disk, and what to do about it."""
    why = str(error) or type(error).__name__
    if "not a database" in why or "malformed" in why:
        fix = "it is damaged or another program's file: move it away, or import an export of it"
    elif "full" in why or "disk" in why:
        fix = "free some disk space, then run the same command: what was stored is kept"
    else:
        fix = "the store must be a file that this user may write, on a local disk"
    return DataError(str(path), f"the answer store cannot be used: {why}", fix)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, FORMAT):
            problem = f"is an answer store of format {version}; this version reads format {FORMAT}"
            raise DataError(str(path), problem, "name another file, or update tunesmith")
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
        if tables < _SCHEMA.count("CREATE TABLE"):
            # Also for stores from before a table was added. FORMAT stays: the keys of answers hash it.
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn WAL on. SQLite does not wait by itself where another process does the same at this moment."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _summed(charges: Sequence[Charge]) -> list[tuple[Any, ...]]:
    """One row per run, step and intent, for ``_CHARGE``."""
    sums: dict[tuple[str, str, str], list[float]] = {}
    for charge in charges:
        used, line = charge.usage, sums.setdefault((charge.run, charge.step, charge.intent), [0] * 6)
        one = (1, used.input, used.output, used.cached_input, charge.usd or 0.0, int(charge.usd is None))
        for place, amount in enumerate(one):
            line[place] += amount
    return [(*owner, *line) for owner, line in sums.items()]
