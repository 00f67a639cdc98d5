"""Rows that a language model never answered for: how the bin tells them, and how they are left in peace.

A failed request is never stored, so whatever drives its step anew would ask it again. Rows that are *held*
(``held.json`` in a half-done step) are not asked: the store answers for them, or they go into the bin as
before. That is how ``tunesmith retry --only timeout`` leaves everything but the timeouts alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from ..files import read_json, write_json
from ..llm.request_errors import PASSING
from ..requests import Failure
from .fingerprint import hashed
from .outputs import merge_losses
from .run_folder import RunFolder, StepFolder

_MARK = '"failed_in"'


@dataclass(frozen=True, slots=True)
class Failed:
    """A row in the bin of an ask step whose request failed. shard: the number of the shard it lies in."""

    row: str
    failure: Failure
    shard: int


def failed(place: StepFolder) -> Iterator[Failed]:
    """The rows that failed requests cost a step; not those that it dropped itself, however it called that."""
    columns = ["id", "meta", "reason", "dropped_by"]
    for path in place.drops():
        shard = int(path.stem.rpartition("-")[2])
        for row, meta, kind, by in zip(
            *pq.read_table(path, columns=columns).to_pydict().values(), strict=True
        ):
            facts = orjson.loads(meta) if _MARK in meta else {}
            if facts.get("failed_in") == by:
                yield Failed(row, Failure(kind, facts["failure"], facts["attempts"]), shard)


def held(place: StepFolder) -> dict[str, Failure]:
    """The rows, by id, that a half-done step is not to ask again."""
    return {row: Failure(*facts) for row, facts in (read_json(place.path / "held.json") or {}).items()}


def hold(place: StepFolder, failures: Mapping[str, Failure]) -> None:
    """Let a step that is about to be driven anew ask nothing for these rows."""
    write_json(place.path / "held.json", {row: astuple(failure) for row, failure in failures.items()})


def standing(place: StepFolder) -> dict[str, Failure]:
    """The rows, by id, that a step is without by now: those in its bin, and those held while half done."""
    return ({} if place.done else held(place)) | {found.row: found.failure for found in failed(place)}


def start_over(place: StepFolder, lost_above: str) -> None:
    """Drive an ask step anew because the rows above it are others now; its own failures are held."""
    hold(place, standing(place))
    place.reopen()
    place.cut(0)
    key = place.begun_key
    assert key is not None
    place.begin(key, lost_above)


def losses(place: StepFolder, lost_above: str) -> dict[str, Any]:
    """For step.json: failed requests by kind, and what names the rows they cost, here and above."""
    found = sorted((one.row, one.failure.kind) for one in failed(place))
    if not found:
        return {}
    kinds = Counter(kind for _, kind in found)
    return {
        "failures": dict(kinds.most_common()),
        "lost": merge_losses([lost_above, hashed({"failed": found})]),
    }


def failures_of(run: RunFolder) -> Counter[str]:
    """The failed requests of a run's done steps, by kind."""
    kinds: Counter[str] = Counter()
    for _, record in run.records():
        kinds.update(record.get("failures", {}))
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
