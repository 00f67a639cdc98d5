"""``sources.parquet``: rows from a Parquet file, or from the Parquet files of a folder in order of name.

The form in which the Hugging Face hub keeps data sets, such as the ones AlchemistCoder (2405.19265)
mixes; and the form of tunesmith's own rows.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from ..errors import DataError
from ..step import Context, Step, Yield
from ._files import data_files, fingerprint
from ._records import Found, Records

BATCH_ROWS = 1024


class Parquet(Records, Step):
    """Rows from Parquet, in Alpaca shape or as `columns` or `chat` say; read a batch at a time."""

    path: str
    """The file, or a folder of Parquet files; relative paths start at the recipe's folder."""

    def outside(self, ctx: Context) -> str:
        return " ".join(map(fingerprint, data_files(self.path, (".parquet",), ctx)))

    def source(self, ctx: Context) -> Yield:
        files = data_files(self.path, (".parquet",), ctx)
        yield from self.rows(chain.from_iterable(map(parquet_records, files)), ctx.path(self.path), ctx)


def parquet_records(path: Path) -> Found:
    """The records of a Parquet file.

    Raises: DataError where the file is no Parquet or is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for record in batch.to_pylist():
                    row += 1
                    yield f"{path}:row {row}", record
    except (pa.ArrowException, OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        first = str(error).splitlines()[0]
        raise DataError(str(path), f"is no readable Parquet file: {first}", "fetch it again") from error
