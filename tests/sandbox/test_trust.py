"""What comes from a worker, a program or the clock is checked before it is believed."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tunesmith.benchmarks.differential import source
from tunesmith.benchmarks.problem import Cases
from tunesmith.results import Program
from tunesmith.sandbox import open_sandbox
from tunesmith.sandbox import pool as pool_module
from tunesmith.sandbox.box.messages import codec, frames
from tunesmith.sandbox.box.messages.channel import Gone, OverLimit
from tunesmith.sandbox.box.messages.raised import Exceptions
from tunesmith.sandbox.box.processes import budget as budget_module
from tunesmith.sandbox.box.processes.protocol import ChildReport
from tunesmith.sandbox.levels import choose
from tunesmith.sandbox.worker import Worker

RIGHT = Program("def f(x): return x + 1", "assert f(1) == 2")
OUTCOME = {
    "ticket": 7, "status": "passed", "failure": "", "stdout": "", "stderr": "", "seconds": 0.5,
    "peak_bytes": 9, "judged": "inline",
}  # fmt: skip


def heard(sent: bytes) -> Any:
    """What the caller makes of bytes from a worker that has the job 7."""
    worker = Worker.__new__(Worker)
    worker.socket, theirs = socket.socketpair()
    worker.isolation, worker.ready, worker.jobs = "rlimits", True, deque([{"ticket": 7}])
    worker._frames = frames.Frames(frames.LARGEST_OUTCOME)
    with worker.socket, theirs:
        theirs.sendall(sent)
        return worker.answers()


def test_an_outcome_of_the_oldest_job_is_taken() -> None:
    (outcome,) = heard(frames.frame(OUTCOME))
    assert outcome.passed and outcome.isolation == "rlimits"


FORGED = {
    "an unknown key": frames.frame({**OUTCOME, "isolation": "none"}),
    "a missing key": frames.frame({k: v for k, v in OUTCOME.items() if k != "judged"}),
    "the ticket of another": frames.frame({**OUTCOME, "ticket": 8}),
    "a number for text": frames.frame({**OUTCOME, "stdout": 5}),
    "an unknown status": frames.frame({**OUTCOME, "status": "excellent"}),
    "no number": frames.frame({**OUTCOME, "seconds": float("nan")}),
    "a list": frames.frame([1]),
    "more than was asked": frames.frame(OUTCOME) * 2,
    "no JSON": b"\x03\0\0\0{{{",
    "a frame of four gigabytes": b"\xff\xff\xff\xff",
    "a deep nest": frames._LENGTH.pack(200_000) + b"[" * 200_000,
}


@pytest.mark.parametrize("name", FORGED)
def test_a_worker_that_sends_anything_else_is_dead(name: str) -> None:
    sent = FORGED[name]
    if name == "a deep nest":  # in the chunks that a socket gives
        reader = frames.Frames()
        with pytest.raises((ValueError, RecursionError)):
            reader.feed(sent)
    else:
        assert heard(sent) is None


def test_text_of_an_outcome_can_always_be_written() -> None:
    (outcome,) = heard(frames.frame({**OUTCOME, "failure": "\ud800"}))
    assert outcome.failure.encode() == b"?"


class Dying(Worker):
    """A worker that is killed before it is ready, a few times."""

    left = 2

    def __init__(self, *arguments: str) -> None:
        super().__init__(*arguments)
        if Dying.left:
            Dying.left -= 1
            self.process.kill()


def test_a_worker_killed_before_it_is_ready_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "Worker", Dying)
    with pool_module.Pool(1, choose(None)) as pool:
        assert next(pool.run([RIGHT])).passed
    assert Dying.left == 0


def test_a_killed_worker_leaves_no_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    worker = Worker(choose(None))
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.close()
    assert list(tmp_path.glob("tunesmith-*")) == []


class Waiting:
    """A program that waits in the run queue as long as it likes, and uses no CPU time."""

    queued = 0.0

    def probe(self) -> ChildReport:
        return ChildReport(1, 0.0, self.queued, 0)


def test_waiting_is_credited_up_to_the_time_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(budget_module.time, "monotonic", lambda: now[0])
    clock = budget_module.Clock()
    monkeypatch.setattr(clock, "busy", lambda: 0.0)
    server = Waiting()
    limits = budget_module.Budget(1.0, server, clock)  # type: ignore[arg-type]
    now[0], server.queued = 2.0, 100.0  # all of two seconds it waited, and claims to have waited a hundred
    limits.nap()
    now[0] = 6.0  # then it sleeps: beyond 1 s of limit and 2 s of idling
    with pytest.raises(OverLimit):
        limits.nap()
    assert limits.over == "wall time"


LONG: dict[str, tuple[str, Callable[[], tuple[Any, ...]]]] = {
    "a fraction": ("Fraction", lambda: (1 << 200_000, 3)),
    "a decimal": ("Decimal", lambda: ("9" * 200_000,)),
    "fields": ("namedtuple", lambda: ("T", tuple(f"f{n}" for n in range(300)), tuple(range(300)))),
    "a field's name": ("namedtuple", lambda: ("T", ("f" * 999,), (1,))),
    "a kind of numbers": ("array", lambda: ("i4," * 99, (1,), b"")),
}


@pytest.mark.parametrize("name", LONG)
def test_values_that_take_long_to_build_are_refused(name: str) -> None:
    kind, parts = LONG[name]
    with pytest.raises(ValueError, match=r"too long|too many|not an array"):
        codec.BUILDERS[kind](*parts())


@pytest.mark.parametrize("names", [("A",) * 65, ("A" * 999,), ("\0",), ("\ud800",), ()])
def test_an_exception_of_absurd_names_is_none(names: tuple[str, ...]) -> None:
    assert isinstance(Exceptions().raised(names, (), ""), Gone)


def test_an_endless_loop_costs_what_evalplus_allows() -> None:
    cases = Cases("def f(n): return n", "f", json.dumps([[n] for n in range(30)]))
    code = "def f(n):\n    while n == 20: pass\n    return n"
    with open_sandbox(1) as pool:
        (outcome,) = pool.run([Program(code, source(cases), entry_point="f", cpu_seconds=30.0)])
    assert (outcome.status, outcome.failure) == ("timeout", "cpu time")
    assert outcome.seconds < 4.6  # 4, and the interval at which it is looked at
