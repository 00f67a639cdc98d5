"""A row's whole life in a run: what it was made from, what judged it, what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FolderError
from ..rows import from_arrow, read_shard
from ..sample import Sample
from .run_folder import RunFolder, StepFolder


@dataclass(frozen=True, slots=True)
class Event:
    """``sample`` was among the rows of ``step``, or was dropped there for ``reason``."""

    step: str
    sample: Sample
    reason: str = ""
    relation: str = "itself"


def trace(run: RunFolder, row: str) -> list[Event]:
    """Ancestors, the row itself and its descendants, in the order of the steps.

    row: an id, or the beginning of one.

    Raises:
        FolderError: no row's id begins so, or several do (lists them).
    """
    steps = [(place, folder) for place, folder in run.steps() if folder.done]
    folders = [folder for _, folder in steps]
    target = _resolve(run, folders, row)
    relation = {target: "itself"}
    _upwards(folders, target, relation)
    _downwards(folders, target, relation)
    events = []
    for place, folder in steps:
        for sample, reason in rows_with(folder, "id", set(relation)):
            events.append(Event(place.path, sample, reason, relation[sample.id]))
    return events


def _resolve(run: RunFolder, folders: list[StepFolder], prefix: str) -> str:
    found: set[str] = set()
    for path in _shards(folders):
        ids = read_shard(path, "id").column("id")
        found.update(ids.filter(pc.starts_with(ids, prefix)).to_pylist())
    if len(found) == 1:
        return found.pop()
    if not found:
        fix = "take an id from `tunesmith show`"
        raise FolderError(str(run.path), f"no row's id begins with {prefix!r}", fix)
    raise FolderError(str(run.path), f"{len(found)} ids begin with {prefix!r}", ", ".join(sorted(found)[:5]))


def _upwards(folders: list[StepFolder], target: str, relation: dict[str, str]) -> None:
    wanted = {target}
    while wanted:
        parents = {p for f in folders for s, _ in rows_with(f, "id", wanted) for p in s.parents}
        wanted = parents - relation.keys()
        relation |= dict.fromkeys(wanted, "ancestor")


def _downwards(folders: list[StepFolder], target: str, relation: dict[str, str]) -> None:
    wanted = {target}
    while wanted:
        children = {s.id for f in folders for s, _ in rows_with(f, "parents", wanted)}
        wanted = children - relation.keys()
        relation |= dict.fromkeys(wanted, "descendant")


def rows_with(folder: StepFolder, column: str, wanted: set[str]) -> Iterator[tuple[Sample, str]]:
    """Rows and dropped rows of a step (with their reason) whose id, or one of whose parents, is wanted.

    column: ``id`` or ``parents``.
    """
    values = pa.array(sorted(wanted), pa.string())
    for path in (*folder.rows(), *folder.drops()):
        table = read_shard(path, column)
        flat = table.column(column)
        if column == "id":
            places = pc.indices_nonzero(pc.is_in(flat, value_set=values))
        else:
            hits = pc.is_in(pc.list_flatten(flat), value_set=values)
            places = pc.unique(pc.list_parent_indices(flat.combine_chunks()).filter(hits.combine_chunks()))
        if len(places) == 0:
            continue
        rows = read_shard(path).take(places)
        names = rows.column_names
        reasons = rows.column("reason").to_pylist() if "reason" in names else [""] * rows.num_rows
        yield from zip(from_arrow(rows), reasons, strict=True)


def _shards(folders: list[StepFolder]) -> Iterator[Path]:
    for folder in folders:
        yield from folder.rows()
        yield from folder.drops()
