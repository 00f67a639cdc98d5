"""``sources.csv``: rows from a table of comma-separated values with a header line, gzipped or not."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from pydantic import Field

from ..errors import DataError
from ..step import Context, Step, Yield
from ._files import find_file, fingerprint, open_bytes
from ._records import Found, Records


class Csv(Records, Step):
    """Rows from a CSV table, in Alpaca shape or as `columns` says; quoted cells may span lines."""

    path: str
    """The file; relative paths start at the recipe's folder."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """What stands between cells, e.g. a tab."""

    def outside(self, ctx: Context) -> str:
        return fingerprint(find_file(self.path, ctx))

    def source(self, ctx: Context) -> Yield:
        path = find_file(self.path, ctx)
        with open_bytes(path) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            yield from self.rows(csv_records(text, self.delimiter, path), path, ctx)


def csv_records(text: io.TextIOBase, delimiter: str, path: Path) -> Found:
    """The records of a CSV table, each with the line where it ends.

    Raises: DataError at a line with more or fewer cells than the header, bad quotes or bad UTF-8.
    """
    csv.field_size_limit(sys.maxsize)  # a cell may hold a whole program
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = cells
            elif len(cells) == len(header):
                yield f"{path}:{reader.line_num}", dict(zip(header, cells, strict=True))
            elif cells:
                problem = f"has {len(cells)} cells, the header has {len(header)}"
                fix = "quote cells that hold the delimiter, a quote or a line break"
                raise DataError(f"{path}:{reader.line_num}", problem, fix)
    except csv.Error as error:
        problem = f"is no CSV: {error}"
        raise DataError(f"{path}:{reader.line_num}", problem, "double the quotes inside cells") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{reader.line_num + 1}", "is not UTF-8", "save the file as UTF-8") from error
