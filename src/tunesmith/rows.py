"""Rows on disk: Parquet with one stable, flat schema, written in whole shards.

A shard appears under its final name only when it is complete (temporary file, fsync, rename), so
every ``rows-*.parquet`` that a reader finds is whole. Each shard has in its Parquet metadata which
input rows it covers; that is what resuming relies on. ``meta`` is JSON text: no free dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import DataError, SetupError
from .files import whole_file
from .sample import Drop, Sample, Verdict

_VERDICT = pa.struct(
    [("by", pa.string()), ("passed", pa.bool_()), ("score", pa.float64()), ("reason", pa.string())]
)
_SPECIAL = {
    "parents": pa.list_(pa.string()),
    "draw": pa.int32(),
    "verdicts": pa.list_(_VERDICT),
    "weight": pa.float64(),
}
SCHEMA = pa.schema([(f.name, _SPECIAL.get(f.name, pa.string())) for f in fields(Sample)])
DROP_SCHEMA = SCHEMA.append(pa.field("reason", pa.string())).append(pa.field("dropped_by", pa.string()))
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
_PLAIN = [f.name for f in fields(Sample) if f.name not in ("parents", "verdicts", "meta")]


def to_arrow(samples: Sequence[Sample]) -> pa.Table:
    """Samples as an Arrow table of ``SCHEMA``."""
    columns: dict[str, list[Any]] = {name: [getattr(s, name) for s in samples] for name in _PLAIN}
    columns["parents"] = [list(s.parents) for s in samples]
    columns["verdicts"] = [
        [{"by": v.by, "passed": v.passed, "score": v.score, "reason": v.reason} for v in s.verdicts]
        for s in samples
    ]
    columns["meta"] = [orjson.dumps(s.meta, option=_JSON).decode() for s in samples]
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def from_arrow(batch: pa.RecordBatch | pa.Table) -> Iterator[Sample]:
    """The samples of an Arrow batch that holds the columns of ``SCHEMA``."""
    columns = {name: batch.column(name).to_pylist() for name in SCHEMA.names}
    columns["parents"] = [tuple(parents) for parents in columns["parents"]]
    columns["verdicts"] = [tuple(Verdict(**v) for v in verdicts) for verdicts in columns["verdicts"]]
    columns["meta"] = [orjson.loads(meta) for meta in columns["meta"]]
    names = list(columns)
    for values in zip(*columns.values(), strict=True):
        yield Sample(**dict(zip(names, values, strict=True)))


def write_rows(path: Path, samples: Sequence[Sample], notes: Mapping[str, str]) -> None:
    """Write one whole shard of rows; ``notes`` go into its Parquet metadata."""
    _write(path, to_arrow(samples), notes)


def write_drops(path: Path, drops: Sequence[Drop], by: str, notes: Mapping[str, str]) -> None:
    """Write one whole shard of dropped rows, each with its reason and the step that dropped it."""
    table = to_arrow([drop.sample for drop in drops])
    table = table.append_column("reason", pa.array([drop.reason for drop in drops], pa.string()))
    _write(path, table.append_column("dropped_by", pa.array([by] * len(drops), pa.string())), notes)


def _write(path: Path, table: pa.Table, notes: Mapping[str, str]) -> None:
    metadata = {f"tunesmith.{key}": value for key, value in notes.items()}
    with whole_file(path) as sink:
        # The checksums let a reader notice a flipped bit, which decompression alone may turn into other text.
        pq.write_table(
            table.replace_schema_metadata(metadata), sink, compression="zstd", write_page_checksum=True
        )


def shard_notes(path: Path) -> dict[str, str]:
    """What ``write_rows`` noted in a shard's metadata."""
    with _named(path):
        metadata = pq.read_schema(path).metadata or {}
    prefix = b"tunesmith."
    return {k[len(prefix) :].decode(): v.decode() for k, v in metadata.items() if k.startswith(prefix)}


def shard_rows(path: Path) -> int:
    """How many rows a shard holds, from its metadata alone."""
    with _named(path):
        return int(pq.read_metadata(path).num_rows)


def read_shard(path: Path, *columns: str) -> pa.Table:
    """A whole shard in memory, or only these columns of it."""
    with _named(path):
        return pq.read_table(path, columns=list(columns) or None, page_checksum_verification=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Parquet's errors say what is wrong, but not in which file, nor what to do about it."""
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as error:
        problem = f"is damaged or cannot be read: {str(error).strip().splitlines()[0]}"
        fix = f"remove the folder {path.parent} and run again: paid answers are reused"
        raise DataError(str(path), problem, fix) from error


class Table:
    """Rows on disk, in shards; iterates in order, as often as wanted, with one batch in memory at a time.

    ``paths`` are shards of ``SCHEMA``, or of ``DROP_SCHEMA``: the reason is then in ``meta["dropped"]``, the
    step in ``meta["dropped_by"]``. Raises DataError, with the file's name, where a shard is damaged.
    """

    def __init__(self, paths: Sequence[Path], batch_rows: int = 2048) -> None:
        self.paths, self.batch_rows = tuple(paths), batch_rows

    def __len__(self) -> int:
        return sum(map(shard_rows, self.paths))

    def __iter__(self) -> Iterator[Sample]:
        return self.start_at(0)

    def start_at(self, position: int) -> Iterator[Sample]:
        """Rows from ``position`` on (0 is the first)."""
        for path in self.paths:
            rows_here = shard_rows(path)
            if position >= rows_here:
                position -= rows_here
                continue
            for batch in self._batches(path):
                if position >= batch.num_rows:
                    position -= batch.num_rows
                    continue
                yield from _marked(batch.slice(position))
                position = 0

    def columns(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Only some columns, row by row, as stored (``meta`` is JSON text)."""
        for path in self.paths:
            for batch in self._batches(path, list(names)):
                yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)

    def to_arrow(self) -> pa.Table:
        """All rows as one Arrow table, in memory; ``meta`` is JSON text."""
        tables = [read_shard(path).replace_schema_metadata() for path in self.paths]
        return pa.concat_tables(tables) if tables else SCHEMA.empty_table()

    def to_pandas(self) -> Any:
        """All rows as a pandas DataFrame.

        Raises:
            SetupError: pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ModuleNotFoundError as error:
            raise SetupError("to_pandas", "pandas is not installed", "pip install pandas") from error

    def _batches(self, path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        with _named(path), pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            yield from file.iter_batches(batch_size=self.batch_rows, columns=columns)


def _marked(batch: pa.RecordBatch) -> Iterator[Sample]:
    samples = from_arrow(batch)
    if "reason" not in batch.schema.names:
        return samples
    reasons, by = batch.column("reason").to_pylist(), batch.column("dropped_by").to_pylist()
    return (s.noted(dropped=r, dropped_by=b) for s, r, b in zip(samples, reasons, by, strict=True))
