"""A pool of workers: programs in, outcomes out, in order, with bounded look-ahead.

``Pool.run`` is lazy on both ends: it takes a program only when there is room, and gives an outcome
as soon as it and all before it are known. Of those taken, one that may take longer runs sooner. A worker
that dies is replaced and its programs run again.
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
from .box.processes.orders import ANY_PROCESSOR
from .worker import Worker

_log = logging.getLogger("tunesmith.sandbox")

CPU_SECONDS = 5.0
"""CPU time a program may use where it does not say."""
MEMORY_BYTES = 1 << 30
"""Memory a program may use where it does not say."""
LARGEST = 1 << 24
"""Characters of code, tests and input together beyond which a program is refused."""

_AHEAD, _FAR_AHEAD = 16, 512
"""Programs a worker that are taken ahead of what is read; the second number where workers would idle."""
_SMALL = 1 << 25
"""Characters of all programs taken ahead, beyond which no more are taken for workers that idle."""
_QUEUED = 2


@dataclass
class _Session:
    """One call: outcomes by ticket, and in order those still to give: (place, size) by ticket.

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
        """One more."""
        self.order[ticket] = self.taken, size
        self.taken += 1
        self.size += size

    def give(self, ticket: int) -> tuple[int, Outcome]:
        """The place and the outcome of one that is done."""
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
        self._sessions: dict[int, _Session] = {}
        self._next = 0
        self._distrusted: set[int] = set()
        self._reset()
        if started is not None:
            self._workers.append(started)

    def _reset(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self._workers: list[Worker] = []
        self._waiting: deque[dict[str, Any]] = deque()
        for session in self._sessions.values():
            session.closed = True
        self._sessions = {}

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
        session = _Session(iter(programs))
        try:
            while True:
                while session.more and len(session.order) < _AHEAD * self._count:
                    self._take(session)
                if not session.order:
                    return
                first = next(iter(session.order))
                while first not in session.done:
                    if not self._waiting and session.takes_more(self._count):
                        self._take(session)  # the first is slow: the other workers need not wait
                    self._pump(session)
                yield session.give(first)[1]
        finally:
            self._forget(session)

    def as_completed(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]:
        """Each program's place and outcome, as they end. Up to 512 a worker are taken ahead.

        ``programs`` may wait for outcomes of another such call: its programs come first then.
        """
        session = _Session(iter(programs))
        try:
            while True:
                while session.takes_more(self._count):
                    self._take(session)
                    if session.taken % _AHEAD == 0:
                        self._pump(session, timeout=0)  # so that nobody waits for all of them to be taken
                if not session.order:
                    return
                while not session.done:
                    self._pump(session)
                yield session.give(next(iter(session.done)))
        finally:
            self._forget(session)

    def _forget(self, session: _Session) -> None:
        with self._lock:
            for ticket in session.order:
                self._sessions.pop(ticket, None)  # no other session has a ticket of this one
            self._waiting = deque(job for job in self._waiting if job["ticket"] in self._sessions)

    def _take(self, session: _Session) -> None:
        program = next(session.feed, None)
        if program is None:
            session.more = False
        else:
            self._accept(program, session)

    def _accept(self, program: Program, session: _Session) -> None:
        with self._lock:
            if os.getpid() != self._owner:  # a fork of the caller must not speak to its workers
                self._owner = os.getpid()
                self._reset()
            ticket, self._next = self._next, self._next + 1
            session.take(ticket, _size(program))
            reason = _refusal(program)
            if reason:
                session.done[ticket] = Outcome("refused", failure=reason, isolation=self.isolation)
                return
            self._sessions[ticket] = session
            insort(self._waiting, _job(ticket, program), key=operator.itemgetter("turn"))

    def _pump(self, session: _Session, timeout: float = 1.0) -> None:
        """Hand out waiting programs, then wait for something to happen and note it.

        Raises RuntimeError where the pool was closed: what the session waits for will not come.
        """
        if session.closed:
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

        An idle worker goes on with its language as long as a program waits for it; only then does it
        make room for one of the language that has waited longest.
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
        answers = worker.answers()
        if answers is None:
            selector.unregister(worker.socket)
            return self._replace(worker)
        for answer in answers:
            self._settle(answer.pop("ticket"), Outcome(**answer, isolation=self.isolation))
        return None

    def _settle(self, ticket: int, outcome: Outcome) -> None:
        session = self._sessions.pop(ticket, None)
        if session is not None:
            session.done[ticket] = outcome

    def _replace(self, worker: Worker) -> None:
        """A worker died: run its programs elsewhere, unless the first has now killed two."""
        self._workers.remove(worker)
        worker.close()
        if not worker.ready:
            raise SetupError("sandbox", f"a worker at isolation {self.isolation!r} does not start")
        jobs = list(worker.jobs)
        if jobs:
            _log.info("a worker died; the tests of the program it had are run apart from now on")
            self._distrusted.add(hash(jobs[0]["tests"]))
        if jobs and jobs[0]["tries"]:
            lost = jobs.pop(0)
            self._settle(lost["ticket"], Outcome("error", failure="worker died", isolation=self.isolation))
        for job in reversed(jobs):
            self._waiting.appendleft({**job, "tries": job["tries"] + (job is jobs[0])})


def _refusal(program: Program) -> str:
    if reason := languages.missing(languages.canonical(program.language)):
        return reason
    if _size(program) > LARGEST:
        return "too large"
    return ""


def _one_each(workers: int) -> list[int]:
    """A processor for every worker where there are as many; the system's choice would move them about."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    processors = sorted(os.sched_getaffinity(0))
    return processors if len(processors) == workers else []


def _size(program: Program) -> int:
    return len(program.code) + len(program.tests) + len(program.stdin)


def _job(ticket: int, program: Program) -> dict[str, Any]:
    """What a worker is told of a program.

    Its turn comes as if it had waited for as many seconds already as it may use, so that
    no long one is left to the end, and none is overtaken for ever.
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
