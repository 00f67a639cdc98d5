"""Files on disk: where the cache lies, and writing a file so that it appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from .errors import DataError, FolderError


def user_cache() -> Path:
    """``tunesmith`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tunesmith"


def cache_folder() -> Path:
    """``$TUNESMITH_CACHE``, or else ``user_cache``."""
    chosen = os.environ.get("TUNESMITH_CACHE")
    return Path(chosen) if chosen else user_cache()


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into that takes the name ``path`` when the block ends well, and is removed otherwise.

    A reader finds the old file or the new one, never half of it: the data is on the disk (fsync) before the
    rename.

    Raises:
        DataError: the disk refuses.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(
            str(path), f"cannot be written: {why}", "choose another place, or free space"
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def write_json(path: Path, data: Any) -> None:
    """Replace ``path`` with ``data`` as indented JSON."""
    with whole_file(path) as sink:
        sink.write(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object at ``path``, or None where there is no such file.

    Raises:
        FolderError: the file does not hold a JSON object.
    """
    fix = "remove the file, or use --fresh"
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError as error:
        raise FolderError(str(path), f"is not valid JSON: {error}", fix) from error
    except OSError as error:
        raise FolderError(str(path), f"cannot be read: {error.strerror or error}", fix) from error
    if not isinstance(data, dict):
        raise FolderError(str(path), "is not a JSON object", fix)
    return data
