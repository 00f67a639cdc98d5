"""The answer store: every reply ever paid for, in one SQLite file shared by runs, recipes and edits.

An answer is found again by the words of its request (``request_key``), so editing another step,
adding rows or running another recipe asks nothing twice. ``put`` returns only when the answer is on
disk: a writer thread collects what waits and commits it at once (group commit, WAL, fsync), which
costs a fraction of a commit per answer. After ``kill -9`` only what was under way is lost. What an answer
cost is entered in the same transaction, so money and answers never disagree.

Several processes may use one file. The first answer to a request is kept; a later one is not written
and ``put`` returns the first.

Failed requests are remembered too, for one step of one run: they are not asked again until
``tunesmith retry`` forgets them.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import cache_folder, whole_file
from ..requests import Completion, Failure, Request
from .api.wire import from_json, to_json
from .costs import Charge, Costs
from .store_entry import answer_json, answer_of, read_jsonl, request_words
from .store_file import Row, StoreFile, trouble

_GROUP = 1000


def default_store() -> Path:
    """``answers.sqlite`` in ``cache_folder``."""
    return cache_folder() / "answers.sqlite"


@dataclass(frozen=True, slots=True)
class _Put:
    row: Row
    charge: Charge | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[bool]


class AnswerStore:
    """Answers on disk at ``path`` (folders above it are made), for one event loop at a time.

    Raises DataError where the file cannot be opened, is not an answer store, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file = StoreFile(self.path)
        self._queue: queue.SimpleQueue[list[_Put] | None] = queue.SimpleQueue()
        self._outbox: list[_Put] = []
        self._writer: threading.Thread | None = None

    def find(self, key: str) -> Completion | None:
        """The stored answer to ``key``, or None. A point lookup of microseconds, so it does not await."""
        with self._troubles():
            stored = self._file.answer(key)
        return answer_of(from_json(stored)) if stored else None

    def keep_failures(self, run: str, step: str, failures: Iterable[Failure]) -> None:
        """Remember failed requests: asked again for this ``step`` of ``run`` they fail at once.

        step: the step's key.
        """
        if rows := [failed for failed in failures if failed.key]:
            with self._troubles():
                self._file.keep_failures(run, step, rows)

    def failures(self, run: str, step: str) -> dict[str, Failure]:
        """The failed requests of a step of a run, by key."""
        with self._troubles():
            return {failed.key: failed for failed in self._file.failures(run, step)}

    def forget_failures(self, run: str, *, steps: Iterable[str] = (), kinds: Iterable[str] = ()) -> None:
        """Let a run ask again what failed in these ``steps`` (keys), and what failed for these ``kinds``."""
        with self._troubles():
            self._file.forget_failures(run, "step", steps)
            self._file.forget_failures(run, "kind", kinds)

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

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

        Returns the answer that is kept: another process may have stored one first.
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
        """Enter what was paid for a probe, which answers no request; on disk before this returns."""
        with self._troubles():
            self._file.write([], [charge] if charge.run else [])

    def charges(self, run: str) -> Costs:
        """What ``run`` has been charged for answers in this store, exact even after ``kill -9``."""
        return self._file.charges(run)

    def forget(self, keys: Iterable[str]) -> int:
        """Drop stored answers, so that they are asked again; returns how many there were."""
        with closing(StoreFile(self.path)) as file:
            return file.forget(list(keys))

    def __len__(self) -> int:
        return len(self._file)

    def close(self) -> None:
        """Write what is still waiting, then close the file."""
        if self._outbox:
            self._post()
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._file.close()

    def entries(self, model: str | None = None) -> Iterator[dict[str, Any]]:
        """Every answer (of ``model``, if given), oldest first, as exported."""
        for key, who, request, answer, at in self._file.rows(model):
            asked, answered = from_json(request), from_json(answer)
            yield {"key": key, "model": who, "request": asked, "answer": answered, "at": at}

    def counts(self) -> dict[str, int]:
        """How many answers each model gave, the most first."""
        return self._file.counts()

    def export_jsonl(self, path: Path, *, model: str | None = None) -> int:
        """Write every answer (of ``model``, if given) as a JSON line, oldest first; returns how many."""
        count = 0
        with whole_file(path) as sink:
            for entry in self.entries(model):
                sink.write(to_json(entry) + b"\n")
                count += 1
        return count

    def import_jsonl(self, path: Path) -> int:
        """Add the answers of an exported file; those already known stay. Returns how many were new."""
        rows = [
            (e["key"], e["model"], to_json(e["request"]), to_json(e["answer"]), e["at"])
            for e in read_jsonl(path)
        ]
        with self._troubles(), closing(StoreFile(self.path)) as file:
            before = len(file)
            file.write(rows)
            return len(file) - before

    def _post(self) -> None:
        """Hand what was put during this turn of the event loop to the writer, with one wake-up."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="answer-store", daemon=True)
            self._writer.start()
        self._queue.put(self._outbox)
        self._outbox = []

    def _write_on(self) -> None:
        """The writer thread: take everything that is waiting, commit it at once, resolve the futures."""
        file: StoreFile | None = None
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            results: list[bool] | Exception
            try:
                file = file or StoreFile(self.path)
                charges = [put.charge for put in group if put.charge and put.charge.run]
                results = file.write([put.row for put in group], charges)
            except Exception as error:  # whatever it was, the callers must not wait for ever
                failed = isinstance(error, (sqlite3.Error, OSError))
                results = trouble(self.path, error) if failed else error
            _resolve_all(group, results)
            if last:
                break
        if file is not None:
            file.close()

    def _group(self, first: list[_Put]) -> tuple[list[_Put], bool]:
        """Everything that is waiting by now, and whether it is the last."""
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


def _resolve_all(group: Sequence[_Put], results: list[bool] | Exception) -> None:
    """Hand every waiting future its result, in its own loop, with one wake-up per loop."""
    each: Sequence[bool | Exception] = [results] * len(group) if isinstance(results, Exception) else results
    for loop in {put.loop for put in group}:
        pairs = [(put.done, result) for put, result in zip(group, each, strict=True) if put.loop is loop]
        with suppress(RuntimeError):  # the loop was closed: its futures are gone
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(results: Sequence[tuple[asyncio.Future[bool], bool | Exception]]) -> None:
    for done, result in results:
        if done.done():
            continue
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)
