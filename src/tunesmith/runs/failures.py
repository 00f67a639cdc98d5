"""Rows that failed requests cost a run: found in the dropped rows, counted, and what to do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from ..llm.request_errors import PASSING
from ..rows import read_shard
from .run_folder import RunFolder, StepFolder

_MARK = '"failed_in"'


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A dropped row of an ask step whose request failed. shard: the number of its shard."""

    row: str
    kind: str
    shard: int


def failed_rows(folder: StepFolder) -> Iterator[FailedRow]:
    """The rows that failed requests cost a step; not those that it dropped itself for such a reason."""
    columns = ["id", "meta", "reason", "dropped_by"]
    for path in folder.drops():
        shard = int(path.stem.rpartition("-")[2])
        for row, meta, kind, by in zip(*read_shard(path, *columns).to_pydict().values(), strict=True):
            # Looking for the mark first saves parsing the JSON of every dropped row.
            if _MARK in meta and orjson.loads(meta).get("failed_in") == by:
                yield FailedRow(row, kind, shard)


def failures_of(run: RunFolder) -> Counter[str]:
    """The rows that failed requests cost a run's done steps, by kind of failure."""
    kinds: Counter[str] = Counter()
    for _, record in run.records():
        kinds.update(record.failures)
    return kinds


def advice(run: Path, kinds: Mapping[str, int]) -> str:
    """What to do about failures that may be answered another time; empty where there are none."""
    again = {kind: count for kind, count in kinds.items() if kind in PASSING}
    if not again:
        return ""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in again.items())
    only = ",".join(again)
    quoted = f"'{only}'" if " " in only else only
    return (
        f"{sum(again.values()):,} rows were lost to failed requests ({counts}); "
        f"to ask them again: tunesmith retry {run} --only {quoted}"
    )
