"""Results of arms on disk: one line of JSON for each arm and seed.

``OUT/results.jsonl`` has one object per finished arm and seed:

    {"arm", "seed", "key", "value", "tasks": {task: share of passes}, "rows": {step: rows}, "usd", "seconds"}

``key`` is a hash of the recipe that was run; a line whose key no longer fits is not used and not deleted.
Lines from other machines may be appended: seeds add up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from ..errors import DataError


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm under one seed. tasks: task id -> share of its attempts that passed."""

    arm: str
    seed: int
    key: str
    value: float
    tasks: dict[str, float]
    rows: dict[str, int]
    usd: float
    seconds: float


def stored_results(out: Path) -> list[ArmResult]:
    """Every line of ``OUT/results.jsonl``; of several for one arm, seed and key, the first.

    Raises:
        DataError: a line is not a result; names the line.
    """
    found: dict[tuple[str, int, str], ArmResult] = {}
    for result in _lines(out / "results.jsonl"):
        found.setdefault((result.arm, result.seed, result.key), result)
    return list(found.values())


def stored_result(out: Path, arm: str, seed: int, key: str) -> ArmResult | None:
    """The result of one arm under one seed, if it is there and of the recipe that ``key`` stands for."""
    same = (one for one in stored_results(out) if (one.arm, one.seed, one.key) == (arm, seed, key))
    return next(same, None)


def append_result(out: Path, result: ArmResult) -> None:
    """Add a line, on the disk before this returns."""
    with (out / "results.jsonl").open("a+b") as sink:
        sink.seek(0)
        sink.truncate(sink.read().rfind(b"\n") + 1)  # a line that a kill left half written
        sink.write(orjson.dumps(asdict(result)) + b"\n")
        sink.flush()
        os.fsync(sink.fileno())


def _lines(path: Path) -> Iterator[ArmResult]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            yield ArmResult(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError) as error:
            if number == len(lines):
                return  # torn by a kill: its arm is run again
            fix = "remove the line; its arm will be run again"
            raise DataError(f"{path}:{number}", f"is not a result of an arm: {error}", fix) from error
