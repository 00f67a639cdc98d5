"""Programs take memory for their objects from a heap that keeps what they free; they notice nothing."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox, worker

BOX = Path(__file__).parent.parent / "src/tunesmith/sandbox/box"
ON_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only that heap is told to keep it")

HOLDINGS = """
import gc, sys, types
box = types.ModuleType("box"); box.__path__ = [sys.argv[1]]; sys.modules["box"] = box
from box import forkserver, gaps, rehearsal
forkserver.preload()
rehearsal.rehearse()
gc.collect()
places = sorted(id(thing) for held in (gaps.fill(), gc.get_objects()) for thing in held)
maps = [line.split() for line in open("/proc/self/maps")]
spans = [[int(end, 16) for end in parts[0].split("-")] for parts in maps if len(parts) == 5]
widest = 0
for start, end in spans:
    inside = [place for place in places if start <= place < end]
    if inside:
        marks = [start, *inside, end]
        widest = max(widest, *(right - left for left, right in zip(marks, marks[1:])))
print(widest)
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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_megabyte_mapped_before_holds_something_that_stays() -> None:
    """Else it would be given to the heap, which does not have it: that ends a program."""
    command = [sys.executable, "-S", "-s", "-P", "-c", HOLDINGS, str(BOX)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=worker._ENVIRONMENT)
    assert int(said.stdout) < 1 << 20


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
        "import multiprocessing\nassert multiprocessing.get_context is not None",
    ],
    ids=["no modules", "all collected", "holes", "threads", "deep calls", "processes"],
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


def test_after_a_memory_error_a_program_goes_on_with_what_it_freed(pool: Pool) -> None:
    code = (
        "try:\n    x = [str(n) for n in range(10**8)]\nexcept MemoryError:\n    x = 'caught'\n"
        "y = bytearray(100 << 20)\nz = [str(n) for n in range(500_000)]\n"
    )
    assert run(pool, code, memory_bytes=200 << 20).passed
