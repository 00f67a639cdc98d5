"""Opening data files: where they are, gzip or not, and what to say when they cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import DataError, nearest
from ..step import Context

_GZIP = b"\x1f\x8b"
_OTHER = {
    b"PAR1": "a Parquet file: read it with sources.parquet",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "zstd-compressed: unpack it first",
}


def find_file(given: str, ctx: Context, key: str = "path") -> Path:
    """The data file that a recipe's ``path`` names.

    Raises: DataError where it is missing (naming the nearest file there) or is a folder.
    """
    path, where = ctx.path(given), f"steps.{ctx.step}.{key}"
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError(where, f"{path} is a folder", "name a file; sources.folder reads code folders")
    folder = path.parent
    if not folder.is_dir():
        raise DataError(where, f"there is no folder {folder}", "relative paths start at the recipe's folder")
    beside = (entry.name for entry in folder.iterdir() if entry.is_file())
    raise DataError(where, f"there is no file {path}", f"in {folder}: {nearest(path.name, beside)}")


def data_files(given: str, endings: tuple[str, ...], ctx: Context) -> list[Path]:
    """The data file that a recipe's ``path`` names, or the files in that folder with one of ``endings``.

    Raises: DataError where there is none.
    """
    folder = ctx.path(given)
    if not folder.is_dir():
        return [find_file(given, ctx)]
    files = sorted(path for path in folder.rglob("*") if path.name.endswith(endings) and path.is_file())
    if not files:
        problem = f"there is no {' or '.join(endings)} file in {folder}"
        raise DataError(f"steps.{ctx.step}.path", problem, "name a file, or a folder that holds some")
    return files


def fingerprint(path: Path) -> str:
    """What a file holds, in 32 hex digits.

    Raises: DataError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a data file, unpacked where it is gzipped, whatever its name says.

    Raises: DataError where it cannot be read, is damaged, or is plainly another format.
    """
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
            raw.seek(0)
            for magic, what in _OTHER.items():
                if head.startswith(magic):
                    raise DataError(str(path), f"is {what.split(':')[0]}", what.split(": ")[1])
            if head.startswith(_GZIP):
                with gzip.open(raw) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(str(path), f"is a damaged gzip file: {error}", "fetch or pack it again") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(str(path), f"cannot be read: {error.strerror or error}", "check its rights")
