"""The answer store: every reply ever paid for, in one SQLite file shared by runs, recipes and edits.

An answer is found again by the words of its request (``request_key``), so editing another step,
adding rows or running another recipe asks nothing twice. ``put`` returns only when the answer is on
disk: a writer thread collects what waits and commits it at once (group commit, WAL, fsync), which
costs a fraction of a commit per answer. After ``kill -9`` only what was under way is lost. What an answer
cost is entered in the same transaction, so money and answers never disagree.

Several processes may use one file. The first answer to a request stands; a later one is not written
and ``put`` returns the first.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import cache_folder, whole_file
from ..requests import Completion, Request
from .api.wire import from_json, to_json
from .costs import Charge, Costs
from .store_entry import answer_json, answer_of, read_jsonl, request_words
from .store_file import Row, StoreFile, trouble

_GROUP = 1000


def default_store() -> Path:
    """Where answers are kept, unless told otherwise: ``answers.sqlite`` in ``cache_folder``."""
    return cache_folder() / "answers.sqlite"


@dataclass(frozen=True, slots=True)
class _Put:
    row: Row
    charge: Charge | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[bool]


class AnswerStore:
    """Answers on disk at ``path`` (folders above it are made), for one event loop at a time.

    Raises DataError where the file cannot be opened, is no answer store, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._book = StoreFile(self.path)
        self._queue: queue.SimpleQueue[list[_Put] | None] = queue.SimpleQueue()
        self._outbox: list[_Put] = []
        self._writer: threading.Thread | None = None

    async def get(self, key: str) -> Completion | None:
        """The stored answer to ``key``, or None. A point lookup, microseconds, done in place."""
        return self.find(key)

    def find(self, key: str) -> Completion | None:
        """``get`` for code that does not await."""
        try:
            found = self._book.answer(key)
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error
        return answer_of(from_json(found)) if found else None

    async def put(
        self,
        key: str,
        request: Request,
        completion: Completion,
        *,
        model: str = "",
        charge: Charge | None = None,
    ) -> Completion:
        """Keep an answer, and what it cost; returns once both are on disk.

        Returns the answer that stands: another process may have stored one first.
        model: the identity of who answers.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        asked = request_words(request) | ({"intent": request.intent} if request.intent else {})
        row = (key, model or completion.model, to_json(asked), to_json(answer_json(completion)), time.time())
        if not self._outbox or self._outbox[-1].loop is not loop:
            loop.call_soon(self._post)
        self._outbox.append(_Put(row, charge, loop, done))
        if await done:
            return completion
        return replace(self.find(key) or completion, cached=completion.cached)

    def enter(self, charge: Charge) -> None:
        """Enter what was paid for a word that answers no request (a probe), on disk before this returns."""
        try:
            self._book.write([], [charge] if charge.run else [])
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

    def charges(self, run: str) -> Costs:
        """What ``run`` has been charged for answers in this store, exact even after ``kill -9``."""
        return self._book.charges(run)

    def forget(self, keys: Iterable[str]) -> int:
        """Drop stored answers, so that they are asked again; returns how many there were."""
        with closing(StoreFile(self.path)) as book:
            return book.forget(list(keys))

    def __len__(self) -> int:
        return len(self._book)

    def close(self) -> None:
        """Write what still waits, then let the file go."""
        if self._outbox:
            self._post()
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._book.close()

    def entries(self, model: str | None = None) -> Iterator[dict[str, Any]]:
        """Every answer (of ``model``, if given), oldest first, as exported."""
        for key, who, request, answer, at in self._book.rows(model):
            asked, answered = from_json(request), from_json(answer)
            yield {"key": key, "model": who, "request": asked, "answer": answered, "at": at}

    def counts(self) -> dict[str, int]:
        """How many answers each model gave, the most first."""
        return self._book.counts()

    def export_jsonl(self, path: Path, *, model: str | None = None) -> int:
        """Write every answer (of ``model``, if given) as a JSON line, oldest first; returns how many."""
        count = 0
        with whole_file(path) as sink:
            for entry in self.entries(model):
                sink.write(to_json(entry) + b"\n")
                count += 1
        return count

    def import_jsonl(self, path: Path) -> int:
        """Take in the answers of an exported file; those already known stay. Returns how many were new."""
        rows = [
            (e["key"], e["model"], to_json(e["request"]), to_json(e["answer"]), e["at"])
            for e in read_jsonl(path)
        ]
        try:
            with closing(StoreFile(self.path)) as book:
                before = len(book)
                book.write(rows)
                return len(book) - before
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

    def _post(self) -> None:
        """Hand what was put in this round of the loop to the writer, with one wake-up."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="answer-store", daemon=True)
            self._writer.start()
        self._queue.put(self._outbox)
        self._outbox = []

    def _write_on(self) -> None:
        """The writer thread: take all that waits, commit it at once, tell those who wait."""
        book: StoreFile | None = None
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            results: list[bool] | Exception
            try:
                book = book or StoreFile(self.path)
                charges = [put.charge for put in group if put.charge and put.charge.run]
                results = book.write([put.row for put in group], charges)
            except Exception as error:  # the thread's door: those who wait are told, whatever it was
                failed = isinstance(error, (sqlite3.Error, OSError))
                results = trouble(self.path, error) if failed else error
            _tell_all(group, results)
            if last:
                break
        if book is not None:
            book.close()

    def _group(self, first: list[_Put]) -> tuple[list[_Put], bool]:
        """All that waits by now, and whether it is the last."""
        group = list(first)
        while len(group) < _GROUP:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return group, True
            group += more
        return group, False


def _tell_all(group: Sequence[_Put], results: list[bool] | Exception) -> None:
    """Hand every waiting future its result, in its own loop, with one wake-up per loop."""
    each: Sequence[bool | Exception] = [results] * len(group) if isinstance(results, Exception) else results
    for loop in {put.loop for put in group}:
        told = [(put.done, result) for put, result in zip(group, each, strict=True) if put.loop is loop]
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, told)


def _tell(told: Sequence[tuple[asyncio.Future[bool], bool | Exception]]) -> None:
    for done, result in told:
        if done.done():
            continue
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)
