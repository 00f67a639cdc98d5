"""Memory: what a program frees it may use again, and what it keeps counts towards its limit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


def run(pool: Pool, code: str, tests: str = "", **limits: int) -> Outcome:
    (outcome,) = pool.run([Program(code, tests, **limits)])  # type: ignore[arg-type]
    return outcome


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
