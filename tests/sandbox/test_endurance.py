"""The pool leaves nothing behind, grows by nothing, and a loaded machine changes no verdict."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

RIGHT = Program("def f(x): return x + 1", "assert f(1) == 2\nassert f(2) == 3")
WRONG = Program("def f(x): return x\nprint('x' * 9000)", "import re\nassert f(1) == 2")
BROKEN = Program("open('left', 'w').write('x')\nraise ValueError", "assert f(1) == 2")


def _below(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [below for child in children for below in _below(child)]


def _footprint(pool: Pool) -> dict[str, int]:
    """Processes, zombies, open descriptors and private kilobytes of all workers and this process."""
    workers = [worker.process.pid for worker in pool._workers]
    processes = workers + [below for pid in workers for below in _below(pid)]
    states = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] for pid in processes]
    memory = [
        int(line.split()[1])
        for pid in (*processes, os.getpid())
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("RssAnon")
    ]
    return {
        "processes": len(processes), "zombies": states.count("Z"), "kilobytes": sum(memory),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (*processes, os.getpid())),
    }  # fmt: skip


def _endured(count: int) -> tuple[dict[str, int], dict[str, int]]:
    """The footprints before and after so many programs."""
    programs = [RIGHT, WRONG, BROKEN]
    with open_sandbox(2) as pool:
        assert [o.status for o in pool.run(programs * 100)] == ["passed", "failed", "error"] * 100
        before = _footprint(pool)
        statuses = {o.status for o in pool.run(programs[n % 3] for n in range(count))}
        assert statuses == {"passed", "failed", "error"}
        return before, _footprint(pool)


@pytest.mark.parametrize("count", [1_500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_programs_leave_nothing(count: int) -> None:
    alone = multiprocessing.get_context("spawn")  # a caller whose memory is its own, not that of all tests
    with ProcessPoolExecutor(1, alone) as caller:
        before, after = caller.submit(_endured, count).result()
    assert after["zombies"] == 0
    assert (after["processes"], after["descriptors"]) == (before["processes"], before["descriptors"])
    assert after["kilobytes"] < before["kilobytes"] + 4096, (before, after)


CALLER = """
import sys
from tunesmith.results import Program
from tunesmith.sandbox import open_sandbox
if __name__ == "__main__":
    pool = open_sandbox(2)
    spin = Program("import os\\nprint('up')\\nwhile True: pass", cpu_seconds=600)
    list(pool.run([Program("import re", "import re\\nassert re")] * 8))
    print("ready", flush=True)
    list(pool.run([spin] * 4))
"""


@contextmanager
def _caller(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    script = tmp_path / "caller.py"
    script.write_text(CALLER)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as caller:
        assert caller.stdout is not None
        try:
            assert caller.stdout.readline() == "ready\n"
            yield caller
        finally:
            caller.kill()


def _are_gone(pids: list[int], seconds: float = 20.0) -> bool:
    for pid in pids:
        try:
            life = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(life, select.POLLIN)
        ended = poll.poll(seconds * 1000)
        os.close(life)
        if not ended:
            return False
    return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_caller_leaves_nothing(tmp_path: Path, number: int) -> None:
    with _caller(tmp_path) as caller:
        pids = _below(caller.pid)
        assert len(pids) >= 6
        caller.send_signal(number)
        assert _are_gone(pids)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("which", ["supervisor", "judge", "fork server"])
def test_a_killed_part_of_a_worker_costs_no_outcome(which: str) -> None:
    programs = [Program(f"print({n})") for n in range(60)]
    with open_sandbox(1) as pool:
        outcomes = pool.run(programs)
        first = next(outcomes)
        supervisor = pool._workers[0].process.pid
        judge, server = sorted(_below(supervisor))[:2] if which != "supervisor" else (0, 0)
        os.kill({"supervisor": supervisor, "judge": judge, "fork server": server}[which], signal.SIGKILL)
        assert [o.stdout for o in (first, *outcomes)] == [f"{n}\n" for n in range(60)]
        assert _are_gone([pid for pid in (supervisor, judge, server) if pid and pid != supervisor])


def test_a_full_scratch_is_the_program_s_own_trouble() -> None:
    fill = "n = 0\nwhile True:\n    open(str(n), 'wb').write(bytes(1 << 25)); n += 1"
    with open_sandbox(1) as pool:
        if pool.isolation != "namespaces":
            pytest.skip(f"{pool.isolation!r} does not bound the disk")
        full, next_one = pool.run([Program(fill), Program("open('x', 'w').write('y' * 1000)")])
    assert (full.status, full.failure, next_one.status) == ("error", "OSError", "passed")


def _spin(until: multiprocessing.synchronize.Event) -> None:
    while not until.is_set():
        pass


@contextmanager
def _load(hogs: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    until = context.Event()
    busy = [context.Process(target=_spin, args=(until,)) for _ in range(hogs)]
    for process in busy:
        process.start()
    yield
    until.set()
    for process in busy:
        process.join()


def _verdicts(outcomes: Iterator[Outcome]) -> list[tuple[str, str]]:
    return [(o.status, o.failure) for o in outcomes]


@pytest.mark.slow
def test_load_changes_no_verdict() -> None:
    near = "import time\ndef f(x):\n    while time.process_time() < {}: pass\n    return x"
    programs = [
        RIGHT,
        WRONG,
        Program(near.format(0.6), "assert f(1) == 1", cpu_seconds=1.0),
        Program(near.format(1.4), "assert f(1) == 1", cpu_seconds=1.0),
        Program(
            "import time\ndef f(x):\n    time.sleep(0.5)\n    return x", "assert f(1) == 1", cpu_seconds=0.5
        ),
        Program("import time\ntime.sleep(60)", "assert f(1) == 1", cpu_seconds=0.5),
    ]
    with open_sandbox(2) as pool:
        calm = _verdicts(pool.run(programs))
        with _load(2 * len(os.sched_getaffinity(0))):
            loaded = [_verdicts(pool.run(programs)) for _ in range(10)]
    assert calm == [
        ("passed", ""), ("failed", "AssertionError"), ("passed", ""), ("timeout", "cpu time"),
        ("passed", ""), ("timeout", "wall time"),
    ]  # fmt: skip
    assert loaded == [calm] * 10


@pytest.mark.slow
def test_load_changes_no_verdict_of_real_programs(shared: Path) -> None:
    """Sixty replies of WizardCoder-15B, right ones, wrong ones and broken ones, ten times over."""
    problems = {row["task_id"]: row for row in _rows(shared / "humaneval" / "HumanEval.jsonl.gz")}
    replies = list(_rows(shared / "generations" / "wizardcoder15b_humaneval.jsonl.gz"))[::2][:60]
    programs = [
        Program(problem["prompt"] + reply["completion"], problem["test"], entry_point=problem["entry_point"])
        for reply in replies
        for problem in [problems[reply["task_id"]]]
    ]
    with open_sandbox(2) as pool:
        calm = _verdicts(pool.run(programs))
        with _load(2 * len(os.sched_getaffinity(0))):
            loaded = [_verdicts(pool.run(programs)) for _ in range(10)]
    assert [status == "passed" for status, _ in calm] == [reply["passed"] for reply in replies]
    assert loaded == [calm] * 10


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
