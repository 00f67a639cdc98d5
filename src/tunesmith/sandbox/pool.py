"""A pool of workers: programs in, outcomes out, in order, with bounded look-ahead.

``Pool.run`` is lazy on both ends: it takes a program only when there is room, and gives an outcome
as soon as it and all before it are known. Of the programs taken, those with a longer limit run sooner. A
worker that dies is replaced and its programs run again.
"""

from __future__ import annotations

import logging
import operator
import os
import selectors
import threading
import time
from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from ..errors import SetupError
from ..results import Outcome, Program
from . import languages
from .box.processes.protocol import ANY_PROCESSOR
from .worker import Worker

_log = logging.getLogger("tunesmith.sandbox")

CPU_SECONDS = 5.0
"""CPU seconds of a program that sets no limit."""
MEMORY_BYTES = 1 << 30
"""Memory of a program that sets no limit."""
LARGEST = 1 << 24
"""Characters of code, tests and input together beyond which a program is refused."""

_AHEAD, _FAR_AHEAD = 16, 512
"""Programs a worker that are taken ahead of what is read; the second number where workers would idle."""
_SMALL = 1 << 25
"""Characters of all programs taken ahead, beyond which no more are taken for workers that idle."""
_QUEUED = 2
"""Programs that a worker has at a time: one that runs, and one that need not be waited for then."""
_TRIES, _STARTS = 2, 3
"""Workers that one program may kill, and that may die in a row before they are ready."""


@dataclass
class _Call:
    """One call of ``run``. done: outcomes by ticket.  order: (place, size) by ticket of those not yet given.

    closed: the pool was closed meanwhile, so no further outcome will come.
    """

    feed: Iterator[Program]
    done: dict[int, Outcome] = field(default_factory=dict)
    order: dict[int, tuple[int, int]] = field(default_factory=dict)
    taken: int = 0
    size: int = 0
    more: bool = True
    closed: bool = False

    def takes_more(self, workers: int) -> bool:
        """Whether there is room beyond the usual."""
        return self.more and len(self.order) < _FAR_AHEAD * workers and self.size < _SMALL

    def take(self, ticket: int, size: int) -> None:
        """Count one more program."""
        self.order[ticket] = self.taken, size
        self.taken += 1
        self.size += size

    def give(self, ticket: int) -> tuple[int, Outcome]:
        """The place and the outcome of a program that is done."""
        place, size = self.order.pop(ticket)
        self.size -= size
        return place, self.done.pop(ticket)


class Pool:
    """Runs untrusted programs on ``workers`` worker processes. Use it as a context manager."""

    def __init__(self, workers: int, isolation: str, started: Worker | None = None) -> None:
        self.isolation = isolation
        self._count = workers
        self._processors = _one_each(workers)
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._calls: dict[int, _Call] = {}
        self._next = 0
        self._distrusted: set[int] = set()
        self._starts_failed = 0
        self._reset()
        if started is not None:
            self._workers.append(started)

    def _reset(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self._workers: list[Worker] = []
        self._waiting: deque[dict[str, Any]] = deque()
        for call in self._calls.values():
            call.closed = True
        self._calls = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and whatever it runs. The pool may be used again: it starts new ones."""
        with self._lock:
            workers, self._workers = self._workers, []
            if self._selector is not None:
                self._selector.close()
            for worker in workers:
                worker.socket.close()  # of all before the first is waited for
            for worker in workers:
                worker.close()
            self._reset()

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """The outcome of each program, in order. 16 a worker are taken ahead, up to 512 if one is slow."""
        call = _Call(iter(programs))
        try:
            while True:
                while call.more and len(call.order) < _AHEAD * self._count:
                    self._take(call)
                if not call.order:
                    return
                first = next(iter(call.order))
                while first not in call.done:
                    if not self._waiting and call.takes_more(self._count):
                        self._take(call)  # the first is slow: the other workers need not wait
                    self._pump(call)
                yield call.give(first)[1]
        finally:
            self._forget(call)

    def as_completed(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]:
        """Each program's place and outcome, as they end. Up to 512 a worker are taken ahead.

        ``programs`` may wait for outcomes of another such call: its programs come first then.
        """
        call = _Call(iter(programs))
        try:
            while True:
                while call.takes_more(self._count):
                    self._take(call)
                    if call.taken % _AHEAD == 0:
                        self._pump(call, timeout=0)  # so that workers do not wait until all are taken
                if not call.order:
                    return
                while not call.done:
                    self._pump(call)
                yield call.give(next(iter(call.done)))
        finally:
            self._forget(call)

    def _forget(self, call: _Call) -> None:
        with self._lock:
            for ticket in call.order:
                self._calls.pop(ticket, None)  # no other call has a ticket of this one
            self._waiting = deque(job for job in self._waiting if job["ticket"] in self._calls)

    def _take(self, call: _Call) -> None:
        program = next(call.feed, None)
        if program is None:
            call.more = False
        else:
            self._accept(program, call)

    def _accept(self, program: Program, call: _Call) -> None:
        with self._lock:
            if os.getpid() != self._owner:  # a fork of the caller must not speak to its workers
                self._owner = os.getpid()
                self._reset()
            ticket, self._next = self._next, self._next + 1
            call.take(ticket, _size(program))
            reason = _refusal(program)
            if reason:
                call.done[ticket] = Outcome("refused", failure=reason, isolation=self.isolation)
                return
            self._calls[ticket] = call
            insort(self._waiting, _job(ticket, program), key=operator.itemgetter("turn"))

    def _pump(self, call: _Call, timeout: float = 1.0) -> None:
        """Hand out waiting programs, then wait for something to happen and note it.

        Raises RuntimeError where the pool was closed: what the call waits for will not come.
        """
        if call.closed:
            raise RuntimeError("the sandbox was closed while outcomes were still read from it")
        with self._lock:
            if self._selector is None:
                self._selector = selectors.DefaultSelector()
                for started in self._workers:
                    self._selector.register(started.socket, selectors.EVENT_READ, started)
            self._hand_out(self._selector)
            for key, events in self._selector.select(timeout):
                worker: Worker = key.data
                if events & selectors.EVENT_WRITE and worker.flush():
                    self._selector.modify(worker.socket, selectors.EVENT_READ, worker)
                if events & selectors.EVENT_READ:
                    self._note(worker, self._selector)

    def _hand_out(self, selector: selectors.BaseSelector) -> None:
        while self._waiting:
            worker, place = self._choice(selector)
            if worker is None:
                return
            job = self._waiting[place]
            del self._waiting[place]
            trusted = hash(job["tests"]) not in self._distrusted
            worker.give({**job, "trusted": trusted, "processor": self._processor(worker)})
            if not worker.flush():
                both = selectors.EVENT_READ | selectors.EVENT_WRITE
                selector.modify(worker.socket, both, worker)

    def _processor(self, worker: Worker) -> int:
        return self._processors[self._workers.index(worker)] if self._processors else ANY_PROCESSOR

    def _choice(self, selector: selectors.BaseSelector) -> tuple[Worker | None, int]:
        """A worker, and the place of the waiting program that it should take; no worker if all are busy.

        An idle worker goes on with its language as long as a program of it waits; only then is it replaced
        by one of the language that has waited longest.
        """
        idle = {worker.language: worker for worker in self._workers if not worker.jobs}
        if idle:
            for place, job in enumerate(self._waiting):
                if job["language"] in idle:
                    return idle[job["language"]], place
        if idle and len(self._workers) == self._count:
            self._dismiss(idle.popitem()[1], selector)
        if len(self._workers) < self._count:
            worker = Worker(self.isolation, self._waiting[0]["language"])
            self._workers.append(worker)
            selector.register(worker.socket, selectors.EVENT_READ, worker)
            return worker, 0
        free = {worker.language: worker for worker in self._workers if len(worker.jobs) < _QUEUED}
        for place, job in enumerate(self._waiting if free else ()):
            if job["language"] in free:
                return free[job["language"]], place
        return None, 0

    def _dismiss(self, worker: Worker, selector: selectors.BaseSelector) -> None:
        selector.unregister(worker.socket)
        self._workers.remove(worker)
        worker.close()

    def _note(self, worker: Worker, selector: selectors.BaseSelector) -> None:
        tickets = [job["ticket"] for job in worker.jobs]
        outcomes = worker.answers()
        if outcomes is None:
            selector.unregister(worker.socket)
            self._replace(worker)
            return
        if worker.ready:
            self._starts_failed = 0
        for ticket, outcome in zip(tickets, outcomes, strict=False):
            self._settle(ticket, outcome)

    def _settle(self, ticket: int, outcome: Outcome) -> None:
        call = self._calls.pop(ticket, None)
        if call is not None:
            call.done[ticket] = outcome

    def _replace(self, worker: Worker) -> None:
        """A worker died: run its programs elsewhere, unless the first has now killed two.

        One that died before it was ready was killed by the system, or by somebody; only where several in a
        row do, no worker can start here. Raises SetupError then.
        """
        self._workers.remove(worker)
        worker.close()
        jobs = list(worker.jobs)
        if worker.ready and jobs:
            _log.info("a worker died; the tests of the program it ran do not run in a judge from now on")
            self._distrusted.add(hash(jobs[0]["tests"]))
            jobs[0] = {**jobs[0], "tries": jobs[0]["tries"] + 1}
            if jobs[0]["tries"] == _TRIES:
                lost = jobs.pop(0)
                outcome = Outcome("error", failure="worker died", isolation=self.isolation)
                self._settle(lost["ticket"], outcome)
        elif not worker.ready:
            self._starts_failed += 1
            if self._starts_failed == _STARTS:
                raise SetupError("sandbox", f"a worker at isolation {self.isolation!r} does not start")
        self._waiting.extendleft(reversed(jobs))


def _refusal(program: Program) -> str:
    if reason := languages.missing(languages.canonical(program.language)):
        return reason
    if _size(program) > LARGEST:
        return "too large"
    return ""


def _one_each(workers: int) -> list[int]:
    """A processor for every worker where there are as many; the system would move the processes about."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    processors = sorted(os.sched_getaffinity(0))
    return processors if len(processors) == workers else []


def _size(program: Program) -> int:
    return len(program.code) + len(program.tests) + len(program.stdin)


def _job(ticket: int, program: Program) -> dict[str, Any]:
    """What is sent to a worker.

    A program's turn comes as if it had waited already for as many seconds as it may use, so that no long
    one is left to the end, and none is overtaken for ever.
    """
    language = languages.canonical(program.language)
    known = languages.find(language)
    cpu, memory = (known.cpu_seconds, known.memory_bytes) if known else (CPU_SECONDS, MEMORY_BYTES)
    cpu = cpu if program.cpu_seconds is None else program.cpu_seconds
    memory = memory if program.memory_bytes is None else program.memory_bytes
    return {
        "ticket": ticket, "turn": time.monotonic() - cpu, "tries": 0, "language": language,
        "code": program.code, "tests": program.tests, "stdin": program.stdin,
        "entry_point": program.entry_point, "cpu_seconds": cpu, "memory_bytes": memory,
    }  # fmt: skip
