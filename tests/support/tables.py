"""Rows on disk for table steps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tunesmith.embed import open_embedder
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Drop, Sample
from tunesmith.step import Context, Embedder


class Resources:
    """Lends embedders only."""

    def sandbox(self) -> None:
        raise AssertionError("no sandbox here")

    def embedder(self, name: str) -> Embedder:
        return open_embedder(name)


def context(step: str = "here", seed: int = 0, home: Path = Path()) -> Context:
    return Context(step, seed=seed, home=home, resources=Resources())


def rows(**columns: Iterable[str]) -> list[Sample]:
    """Rows with these columns, each of its own id."""
    values = [dict(zip(columns, texts, strict=True)) for texts in zip(*columns.values(), strict=True)]
    return [Sample.born("seeds", meta={"row": row}, **content) for row, content in enumerate(values)]


def table(folder: Path, samples: list[Sample], shard: int = 1000) -> Table:
    paths = []
    for start in range(0, max(len(samples), 1), shard):
        paths.append(folder / f"rows-{start}.parquet")
        write_rows(paths[-1], samples[start : start + shard], {})
    return Table(paths)


def apart(things: Iterable[Sample | Drop]) -> tuple[list[Sample], list[Drop]]:
    """Kept rows, and drops, each in order."""
    everything = list(things)
    kept = [thing for thing in everything if isinstance(thing, Sample)]
    return kept, [thing for thing in everything if isinstance(thing, Drop)]


def ids_in_order(things: Iterable[Sample | Drop]) -> list[str]:
    return [thing.sample.id if isinstance(thing, Drop) else thing.id for thing in things]
