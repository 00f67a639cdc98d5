"""Two runs side by side: what their recipes, rows and scores differ in."""

from __future__ import annotations

from dataclasses import dataclass

from ..rows import read_shard
from .fingerprint import why
from .record import ScoreRecord, StepRecord
from .run_folder import RunFolder, StepFolder


@dataclass(frozen=True, slots=True)
class Difference:
    """One step in two runs. Counts are None where a run has no such step."""

    step: str
    why: str
    rows: tuple[int | None, int | None]
    shared: int
    scores: tuple[tuple[ScoreRecord, ...], tuple[ScoreRecord, ...]]


def compare(first: RunFolder, second: RunFolder) -> list[Difference]:
    """Every step of either run: why it differs, how many rows each has and how many ids they share."""
    mine, theirs = (_by_name(run) for run in (first, second))
    differences = []
    for name in [*mine, *(n for n in theirs if n not in mine)]:
        a, b = mine.get(name), theirs.get(name)
        if a and b:
            same = a[1].key == b[1].key
            reason = "" if same else why(a[1].facts, b[1].facts)
            shared = len(_ids(a[0]) & _ids(b[0]))
        else:
            reason, shared = f"only in {(first if a else second).path.name}", 0
        counts = (a[1].rows_out if a else None, b[1].rows_out if b else None)
        scores = (a[1].scores if a else (), b[1].scores if b else ())
        differences.append(Difference(name, reason, counts, shared, scores))
    return differences


def _by_name(run: RunFolder) -> dict[str, tuple[StepFolder, StepRecord]]:
    return {record.name: (folder, record) for folder, record in run.records()}


def _ids(folder: StepFolder) -> set[str]:
    return {i for path in folder.rows() for i in read_shard(path, "id").column("id").to_pylist()}
