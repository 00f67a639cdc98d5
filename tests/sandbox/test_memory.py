"""Programs take memory for their objects from a heap that keeps what they free; no verdict depends on it."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox, worker

BOX = Path(__file__).parents[2] / "src/tunesmith/sandbox/box"
ON_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only that heap is told to keep it")

LAYOUTS = """
import gc, os, sys, types
box = types.ModuleType("box"); box.__path__ = [sys.argv[1]]; sys.modules["box"] = box
from box.processes import arenas, forkserver, gaps, warm_up

def serve(pools, more):
    pad = [bytes(479) for _ in range(31 * pools)]  # 31 to a pool of 16 KiB, 64 of these to a megabyte
    passing = [bytes(479) for _ in range(31 * more)]
    del passing
    assert arenas.from_heap() or not sys.platform.startswith("linux")
    forkserver.preload()
    warm_up.rehearse()
    gc.collect()
    kept = gaps.fill()
    gc.freeze()
    child = os.fork()
    if not child:
        for n in (3_000, 30_000, 60_000, 200_000):
            some = [str(k) for k in range(n)]
            del some
        pad.clear()
        gc.unfreeze()
        gc.collect()
        os._exit(0)
    return os.waitpid(child, 0)[1]

for pools in range(0, 64, 2):
    server = os.fork()
    if not server:
        os._exit(serve(pools, int(sys.argv[2])) != 0)
    if status := os.waitpid(server, 0)[1]:
        print(pools, status, flush=True)
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


def run(pool: Pool, code: str, tests: str = "", **limits: int) -> Outcome:
    (outcome,) = pool.run([Program(code, tests, **limits)])  # type: ignore[arg-type]
    return outcome


@ON_GLIBC
def test_memory_that_a_program_frees_is_there_when_it_needs_some_again(pool: Pool) -> None:
    code = (
        "import resource\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def build(): return len([str(n) for n in range(300_000)])\n"
        "build()\nbefore = faults()\nbuild()\nprint(faults() - before)\n"
    )
    outcome = run(pool, code)
    assert outcome.passed and int(outcome.stdout) < 1000  # of the 5,000 pages that it fills


def upwards() -> None:
    """Have the next program's memory mapped from below its heap upwards, as an unlimited stack does."""
    resource.setrlimit(
        resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_STACK)[1])
    )


@ON_GLIBC
@pytest.mark.parametrize("passing", [0, 130])
@pytest.mark.parametrize("order", [None, upwards])
def test_no_memory_mapped_before_is_given_to_the_heap(passing: int, order: Callable[[], None] | None) -> None:
    """Else a program dies of it, in one of twenty layouts of what its fork server happens to hold."""
    if order and resource.getrlimit(resource.RLIMIT_STACK)[1] != resource.RLIM_INFINITY:
        pytest.skip("the stack may not be unlimited here")
    command = [sys.executable, "-S", "-s", "-P", "-c", LAYOUTS, str(BOX), str(passing)]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env=worker._ENVIRONMENT, preexec_fn=order
    )
    assert said.stdout == ""


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.modules.clear()",
        "import gc, sys\nfor m in ('re', 'typing', 'random', 'heapq', 'string', 'collections.abc'):\n"
        "    vars(sys.modules.pop(m)).clear()\nfor _ in range(3): gc.unfreeze(); gc.collect()",
        "import gc\nfor _ in range(20):\n    some = [[str(n)] * 3 for n in range(50_000)]\n"
        "    rest = some[::1000]\n    del some\n    gc.collect()",
        "import threading\ndef fill(): return [str(n) for n in range(100_000)]\n"
        "some = [threading.Thread(target=fill) for _ in range(8)]\n"
        "for t in some: t.start()\nfor t in some: t.join()",
        "def deep(n): return n and 1 + deep(n - 1)\nimport sys\nsys.setrecursionlimit(9000)\ndeep(8000)",
    ],
    ids=["no modules", "all collected", "holes", "threads", "deep calls"],
)
def test_programs_that_tidy_up_thoroughly_end_as_ever(pool: Pool, code: str) -> None:
    outcome = run(pool, f"{code}\ndef f(): return [str(n) for n in range(9)]", "assert len(f()) == 9")
    assert outcome.passed, outcome


@pytest.mark.parametrize("build", ["[str(n) for n in range(10**8)]", "[[n] for n in range(10**8)]"])
def test_small_objects_count_towards_the_memory_limit(pool: Pool, build: str) -> None:
    limit = 200 << 20
    outcome = run(pool, f"x = {build}", memory_bytes=limit)
    assert (outcome.status, outcome.failure) == ("error", "MemoryError")
    assert outcome.peak_bytes < limit


@pytest.mark.parametrize(
    "code",
    [
        "x = [str(n) for n in range(1_600_000)]\ny = x[-1]\ndel x\nz = bytearray(150 << 20)",
        "x = [(n,) for n in range(1_000_000)]\ny = x[::40000]\ndel x\nz = [0] * (15 << 20)",
        "x = [str(n) for n in range(1_600_000)]\ny = x[-1]\ndel x\ntry:\n    z = bytearray(150 << 20)\n"
        "except MemoryError:\n    z = None",
        "k = [None] * 10000\nx = [bytes(15 << 20) for _ in range(9)]\n"
        "for n in range(10000): k[n] = str(n)\ndel x\nz = bytes(150 << 20)",
    ],
    ids=["one stays", "some stay", "the error is caught", "nothing was written"],
)
def test_memory_that_was_freed_is_not_missing_elsewhere(pool: Pool, code: str) -> None:
    outcome = run(pool, f"{code}\ndone = z is not None\ndel z", "assert done", memory_bytes=220 << 20)
    assert outcome.passed, outcome


def test_after_a_memory_error_a_program_goes_on_with_what_it_freed(pool: Pool) -> None:
    code = (
        "try:\n    x = [str(n) for n in range(10**8)]\nexcept MemoryError:\n    x = 'caught'\n"
        "y = bytearray(100 << 20)\nz = [str(n) for n in range(500_000)]\n"
    )
    assert run(pool, code, memory_bytes=200 << 20).passed
