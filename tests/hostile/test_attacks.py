"""Hostile programs gain nothing: no pass, nothing read, written, reached or left, and the next one runs.

They run at the strongest isolation of this machine, where that is ``namespaces`` or ``landlock``; what
the weaker levels do not stop is said by ``tunesmith doctor``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.levels import obstacle

from .observers import Targets, attacks, descendants

CHECK = """
def check(candidate):
    assert candidate(2) == 4
    assert abs(candidate(3) - 9) < 1e-6
    assert isinstance(candidate(4), int) and candidate(4) in (16,)
    values = [1, 2]
    assert len(values) == 2 and candidate(5) == 25, candidate
"""
SQUARE = Program("def square(x): return x * x", CHECK, entry_point="square")
KINDS = ("forge", "escape", "linger", "exhaust")
LIMITED_BY_LEVEL = {
    # what only a process and mount namespace can stop
    "landlock": {"a hundred thousand files", "control groups", "the docker socket", "reads the user's keys"},
}


@pytest.fixture(scope="module", params=["namespaces", pytest.param("landlock", marks=pytest.mark.slow)])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    if why := obstacle(request.param):
        pytest.skip(f"no isolation {request.param!r} here ({why})")
    with open_sandbox(4, request.param) as opened:
        yield opened


Ran = dict[str, tuple[Outcome, Outcome, Path]]


def _run(kind: str, pool: Pool, targets: Targets, prelude: str = "") -> Ran:
    """Every attack of a kind, each followed by an honest program: both outcomes, and the attack's folder."""
    programs, folders = [], {}
    for number, (name, source) in enumerate(attacks(kind).items()):
        folders[name] = targets.folder / f"{pool.isolation}-{kind}{number}{bool(prelude)}"
        code = targets.aim(source, folders[name])
        limits = {"cpu_seconds": 0.4, "memory_bytes": 512 << 20}
        programs += [Program(code, prelude + CHECK, entry_point="square", **limits), SQUARE]
    outcomes = list(pool.run(programs))
    return {name: (*outcomes[2 * n : 2 * n + 2], folder) for n, (name, folder) in enumerate(folders.items())}


@pytest.fixture(scope="module")
def ran(pool: Pool, targets: Targets) -> dict[str, Ran]:
    return {kind: _run(kind, pool, targets) for kind in KINDS}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in attacks(kind)])
def test_a_hostile_program_gains_nothing(
    kind: str, name: str, ran: dict[str, Ran], pool: Pool, targets: Targets
) -> None:
    outcome, honest, folder = ran[kind][name]
    if name in LIMITED_BY_LEVEL.get(pool.isolation, ()):
        pytest.skip(f"{pool.isolation} does not stop it")
    assert not outcome.passed, outcome
    said = outcome.stdout + outcome.stderr
    assert "ESCAPED" not in said, said[:2000]
    assert targets.secret not in said
    assert not targets.damage(folder)
    assert honest.passed, honest


def test_tests_in_a_process_of_their_own_cannot_be_forged_either(pool: Pool, targets: Targets) -> None:
    ran = _run("forge", pool, targets, prelude="import re\n")
    assert {outcome.judged for outcome, _, _ in ran.values()} == {"separate_process"}
    assert [name for name, (outcome, _, _) in ran.items() if outcome.passed] == []


def test_nothing_outside_was_disturbed(ran: dict[str, Ran], targets: Targets) -> None:
    assert len(ran) == len(KINDS)
    assert targets.disturbed() == []


def test_nothing_was_left_for_the_next_program(ran: dict[str, Ran], pool: Pool) -> None:
    look = """
import os, random
print(sorted(os.listdir(".")), [os.path.exists("/dev/shm/tunesmith-left-this")], os.environ.get("LEFT"))
print(os.listxattr("."), open("own", "w").write("x"))
"""
    said = {outcome.stdout for outcome in pool.run([Program(look)] * 8)}
    assert said == {"[] [False] None\n[] 1\n"}


def test_no_process_was_left(ran: dict[str, Ran], pool: Pool) -> None:
    list(pool.run([SQUARE] * 8))
    for worker in pool._workers:
        below = descendants(worker.process.pid)
        commands = [
            Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below if Path(f"/proc/{pid}").exists()
        ]
        assert len(below) <= 4, commands  # the judge and at most three fork servers


def test_there_are_at_least_sixty_attacks() -> None:
    assert sum(len(attacks(kind)) for kind in KINDS) >= 60
