"""The pool: programs in, outcomes out."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.errors import SetupError
from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox import pool as pool_module
from tunesmith.sandbox.worker import Worker


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


def _one(pool: Pool, code: str, tests: str = "", **rest: object) -> Outcome:
    (outcome,) = pool.run([Program(code, tests, **rest)])  # type: ignore[arg-type]
    return outcome


@pytest.mark.parametrize(
    ("code", "tests", "status", "failure"),
    [
        ("def f(): return 1", "assert f() == 1", "passed", ""),
        ("def f(): return 1", "assert f() == 2", "failed", "AssertionError"),
        ("def f(): return g()", "assert f() == 2", "failed", "NameError"),
        ("def f(:", "assert f() == 2", "error", "SyntaxError"),
        ("1 / 0", "", "error", "ZeroDivisionError"),
        ("x = 'a' * (1 << 40)", "", "error", "MemoryError"),
        ("import os; os.abort()", "", "error", "killed by SIGABRT"),
        ("import os; os._exit(0)", "assert True", "error", "no verdict"),
        ("while True: pass", "", "timeout", "cpu time"),
        ("raise SystemExit", "", "passed", ""),
        ("raise SystemExit(3)", "", "error", "SystemExit"),
    ],
)
def test_each_way_to_end_has_its_status(pool: Pool, code: str, tests: str, status: str, failure: str) -> None:
    outcome = _one(pool, code, tests, cpu_seconds=0.5)
    assert (outcome.status, outcome.failure) == (status, failure)
    assert outcome.isolation == pool.isolation


def test_check_of_the_entry_point_is_called(pool: Pool) -> None:
    tests = "def check(candidate):\n    assert candidate(2) == 4"
    assert _one(pool, "def f(x): return x * 2", tests, entry_point="f").passed
    assert not _one(pool, "def f(x): return x", tests, entry_point="f").passed


def test_outcomes_keep_the_order_of_their_programs(pool: Pool) -> None:
    slow_first = [f"import time; time.sleep({0.2 if n % 7 == 0 else 0}); print({n})" for n in range(30)]
    outcomes = pool.run(Program(code) for code in slow_first)
    assert [outcome.stdout for outcome in outcomes] == [f"{n}\n" for n in range(30)]


def test_an_endless_stream_is_taken_only_as_far_as_it_is_read(pool: Pool) -> None:
    taken = itertools.count()
    outcomes = pool.run(Program(f"print({next(taken)})") for _ in itertools.repeat(None))
    assert [next(outcomes).stdout for _ in range(3)] == ["0\n", "1\n", "2\n"]
    assert next(taken) < 100


def test_a_slow_program_does_not_keep_the_other_workers_waiting() -> None:
    handed = itertools.count()
    slow = Program("import time\nwhile time.process_time() < 2: pass\nprint('slow')")  # by no other clock

    def programs() -> Iterator[Program]:
        yield slow
        for _ in range(150):
            next(handed)
            yield Program("x = 1")

    with open_sandbox(2) as two:
        assert next(two.run(programs())).stdout == "slow\n"
    assert next(handed) == 150  # all, where 31 would have left a worker idle


def test_outcomes_may_be_had_as_they_come_and_feed_the_next_call(pool: Pool) -> None:
    def doubled(place: int) -> Program:
        return Program(f"import time; time.sleep({0 if place else 0.4}); print({place})")

    first = pool.as_completed(doubled(n) for n in range(40))
    came: list[int] = []

    def again() -> Iterator[Program]:
        for place, outcome in first:
            assert outcome.stdout == f"{place}\n"
            came.append(place)
            yield Program(f"print({place} * 2)")

    second = {came[number]: outcome.stdout for number, outcome in pool.as_completed(again())}
    assert second == {place: f"{place * 2}\n" for place in range(40)}
    assert came[0] != 0  # which sleeps


def test_a_program_that_may_take_long_is_not_left_to_the_end() -> None:
    programs = [Program("x = 1")] * 40 + [Program("x = 2", cpu_seconds=60)]
    with open_sandbox(1) as one:
        came = [place for place, _ in one.as_completed(programs)]
    assert sorted(came) == [*range(41)] and came.index(40) < 10


def test_the_kernels_coarse_count_of_cpu_time_ends_no_program_before_ours(pool: Pool) -> None:
    code = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU)[1])"
    assert all(int(_one(pool, code, cpu_seconds=limit).stdout) >= 2 * limit for limit in (1, 5, 60))


def test_no_program_is_overtaken_by_those_that_come_much_later(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []
    for now, limit in ((0, 5), (10, 20), (20, 20)):
        monkeypatch.setattr("time.monotonic", lambda now=now: float(now))
        turns.append(pool_module._job(0, Program("", cpu_seconds=limit))["turn"])
    assert turns[1] < turns[0] < turns[2]


def test_a_call_whose_pool_was_closed_says_so_and_disturbs_no_later_one() -> None:
    programs = [Program(f"print({n})") for n in range(40)]
    with open_sandbox(2) as two:
        for old in (two.run(programs), two.as_completed(programs)):
            next(old)
            left = two.run(programs)
            next(left)
            two.close()
            new = two.run(programs)
            assert next(new).stdout == "0\n"
            old.close()
            assert [outcome.stdout for outcome in new] == [f"{n}\n" for n in range(1, 40)]
            with pytest.raises(RuntimeError, match="was closed"):
                list(left)


def test_programs_whose_outcomes_nobody_wants_any_more_are_not_run() -> None:
    with open_sandbox(2) as two:
        slow = (Program(f"import time; time.sleep(0.2); print({n})") for n in range(400))
        next(two.as_completed(slow))
        began = time.monotonic()
        assert _one(two, "print('next')").stdout == "next\n"
        assert time.monotonic() - began < 20  # where all of them would take 40 s


def test_a_wrong_answer_ends_a_program_whose_next_call_does_not_end(pool: Pool) -> None:
    code = "def f(x):\n    while x == 2: pass\n    return 0"
    outcome = _one(pool, code, "assert f(1) == 1\nassert f(2) == 2", cpu_seconds=20.0)
    assert (outcome.status, outcome.failure) == ("failed", "AssertionError")
    assert outcome.seconds < 10  # of its own on a processor: long before its limit


def test_two_streams_may_be_read_in_turn(pool: Pool) -> None:
    left, right = (pool.run([Program(f"print('{side}', {n})") for n in range(20)]) for side in "lr")
    for n, (one, other) in enumerate(zip(left, right, strict=True)):
        assert (one.stdout, other.stdout) == (f"l {n}\n", f"r {n}\n")


def test_a_missing_runner_refuses_and_is_no_failure(pool: Pool) -> None:
    outcome = _one(pool, "x", language="cobol")
    assert (outcome.status, outcome.passed) == ("refused", None)
    assert "cobol" in outcome.failure


def test_an_interpreter_that_cannot_be_started_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(SetupError, match="'/nowhere/python' cannot be started: No such file"):
        Worker("rlimits")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no processors to choose from here")
def test_each_worker_keeps_to_a_processor_where_there_are_as_many() -> None:
    ours = os.sched_getaffinity(0)
    ask = Program("import os, time\ntime.sleep(0.05)\nprint(sorted(os.sched_getaffinity(0)))")
    with open_sandbox(len(ours)) as pool:
        assert {outcome.stdout for outcome in pool.run([ask] * 8 * len(ours))} == {f"[{n}]\n" for n in ours}
    with open_sandbox(len(ours) + 1) as pool:
        assert {outcome.stdout for outcome in pool.run([ask] * 8)} == {f"{sorted(ours)}\n"}


def test_a_program_that_does_nothing_carries_little_memory_with_it(pool: Pool) -> None:
    assert _one(pool, "").peak_bytes < 24 << 20  # every page of it is mapped and let go of for every program


def test_a_killed_worker_costs_no_outcome(pool: Pool) -> None:
    outcomes = pool.run(Program(f"print({n})") for n in range(60))
    first = next(outcomes)
    pool._workers[0].process.kill()
    assert [o.stdout for o in (first, *outcomes)] == [f"{n}\n" for n in range(60)]


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with open_sandbox(2) as pool:
        list(pool.run([Program("pass")] * 4))
        workers = [worker.process.pid for worker in pool._workers]
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fork_of_the_caller_opens_its_own_workers(pool: Pool) -> None:
    assert _one(pool, "pass").passed
    child = os.fork()
    if child == 0:
        os._exit(0 if _one(pool, "pass").passed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _one(pool, "pass").passed


HONEST = {
    "numpy": "import numpy; print(numpy.zeros(3).sum())",
    "cwd": "import pathlib, os; assert pathlib.Path.cwd() == pathlib.Path(os.getcwd())",
    "input": "print(input() + input())",
    "300 kB": "print('x' * 300_000)",
    "sleep": "import time; time.sleep(0.3)",
    "buffer": "import sys; sys.stdout.buffer.write(b'raw')",
    "threads": "import threading; t = threading.Thread(target=print); t.start(); t.join()",
    "files": "open('a', 'w').write('1'); assert open('a').read() == '1'",
    "tempfile": "import tempfile; tempfile.TemporaryFile().write(b'x')",
    "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nassert A(1) == A(1)",
    "asyncio": "import asyncio\nasync def f(): return 1\nassert asyncio.run(f()) == 1",
    "main": "if __name__ == '__main__': print('ran')",
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_programs_behave_as_in_plain_python(pool: Pool, name: str) -> None:
    outcome = _one(pool, HONEST[name], stdin="a\nb\n")
    assert outcome.passed, outcome
    assert outcome.stderr == ""
