"""Where a benchmark's file comes from: a folder, a download that is kept, or the Hugging Face hub.

``data`` is what a recipe or ``--data`` says: a folder that holds the file (at its usual place or at the
top), the file itself, ``hub``, or None for the copy in the user's cache, fetched at first use.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import DataError, SetupError
from ..files import cache_folder
from ..sample import Json

Row = dict[str, Json]
_TIMEOUT = 60
_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r"
_FIELD = re.compile(r'[ \t\n\r]*([{,])[ \t\n\r]*("(?:[^"\\]|\\.)*")[ \t\n\r]*:[ \t\n\r]*')


@dataclass(frozen=True, slots=True)
class BenchmarkSource:
    """One file of a benchmark.

    name: of the benchmark, for errors.  path: under a data folder.  url: of a public copy.
    hub: (dataset repository, file in it); empty where the hub has none.
    """

    name: str
    path: str
    url: str = ""
    hub: tuple[str, str] = ("", "")


def locate(source: BenchmarkSource, data: str | None) -> Path:
    """The file on this machine, fetched where need be.

    Raises:
        DataError: the folder does not hold it.
        SetupError: it cannot be fetched, or the hub's client is not installed.
    """
    if data == "hub":
        return _from_hub(source)
    if data is None:
        return _cached(source)
    given = Path(data).expanduser()
    if given.is_file():
        return given
    for path in _places(given, source.path):
        if path.is_file():
            return path
    problem = f"holds no {source.path}, which benchmark {source.name!r} is read from"
    fix = f"put it there ({source.url or 'hub: ' + source.hub[0]}), or leave `data` out to fetch it"
    raise DataError(str(given), problem if given.is_dir() else "no such file or folder", fix)


def _places(folder: Path, path: str) -> list[Path]:
    """At its usual place or at the top; packed or not."""
    bare = path.removesuffix(".gz")
    names = dict.fromkeys([path, bare, bare + ".gz"])
    return [place for name in names for place in (folder / name, folder / Path(name).name)]


def kept_folder() -> Path:
    """Where fetched benchmarks are kept."""
    return cache_folder() / "benchmarks"


def _cached(source: BenchmarkSource) -> Path:
    kept = kept_folder() / source.path
    if kept.is_file():
        return kept
    if not source.url:
        return _from_hub(source)
    import tempfile  # here: what is on this machine need not wait for the network's modules
    import urllib.error
    import urllib.request

    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            urllib.request.urlopen(source.url, timeout=_TIMEOUT) as reply,
            tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as part,
        ):
            shutil.copyfileobj(reply, part)
    except (urllib.error.URLError, OSError) as error:
        problem = f"{source.url} cannot be fetched: {error}"
        fix = f"fetch it elsewhere and give `data`: a folder that holds {source.path}"
        raise SetupError(f"benchmark {source.name}", problem, fix) from error
    Path(part.name).replace(kept)
    return kept


def _from_hub(source: BenchmarkSource) -> Path:
    repository, file = source.hub
    if not repository:
        fix = f"fetch {source.url} and give `data`, or leave `data` out"
        raise SetupError(f"benchmark {source.name}", "is not on the hub in a form we read", fix)
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        problem = "the hub's client is not installed"
        raise SetupError(f"benchmark {source.name}", problem, "pip install 'tunesmith[hub]'") from error
    try:
        return Path(hf_hub_download(repository, file, repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        problem = f"{file} of hub dataset {repository} cannot be fetched: {error}"
        fix = f"check the network (HF_TOKEN for gated data), or give `data`: a folder with {source.path}"
        raise SetupError(f"benchmark {source.name}", problem, fix) from error


def fetched(name: str, path: str, repository: str, file: str) -> BenchmarkSource:
    """A source that only the hub has."""
    return BenchmarkSource(name, path, hub=(repository, file))


def rows(path: Path, needs: Sequence[str], as_text: Sequence[str] = ()) -> list[Row]:
    """The rows of a JSON, JSONL or Parquet file, packed or not; each must have the fields ``needs``.

    as_text: fields that come as JSON text, for megabytes that nobody here looks into.

    Raises:
        DataError: with file and line (in a list, the row's place), where it cannot be read or lacks a field.
    """
    found = dict(_parquet(path, as_text) if path.suffix == ".parquet" else _json(path, as_text))
    for number, row in found.items():
        missing = [key for key in needs if key not in row] if isinstance(row, Mapping) else list(needs)
        if missing:
            problem = f"row lacks {', '.join(missing)}"
            raise DataError(f"{path}:{number}", problem, f"expected the fields {', '.join(needs)}")
    if not found:
        raise DataError(str(path), "holds no rows", "is it the right file, and whole?")
    return list(found.values())


def _json(path: Path, as_text: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Line and row; of a file that is one list, place and row."""
    text = _decoded(path)
    if text.lstrip()[:1] == "[":
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(str(path), f"is not JSON: {error}", "is the file whole?") from error
        yield from enumerate((_written(row, as_text) for row in whole), start=1)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, _row(line, as_text) if as_text else json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}:{number}", f"is not JSON: {error}", "is the file whole?") from error


def _decoded(path: Path) -> str:
    blob = unpacked(path)
    try:
        return blob.decode("utf-8")
    except UnicodeDecodeError as error:
        line = blob.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}", f"is not UTF-8: {error.reason}", "fetch it again") from error


def _row(line: str, as_text: Sequence[str]) -> Row:
    """A row of JSON, of which the fields ``as_text`` stay what stands there. Raises ValueError."""
    row: Row = {}
    at = 0
    while (found := _FIELD.match(line, at)) and (found[1] == "{") is (at == 0):
        key: str = json.loads(found[2])
        value, at = _DECODER.raw_decode(line, found.end())
        row[key] = line[found.end() : at] if key in as_text else value
    whole = row and line[at:].strip(_SPACE) == "}"
    return row if whole else _written(json.loads(line), as_text)


def _written(row: Row, as_text: Sequence[str]) -> Row:
    """A row with its fields ``as_text`` written as JSON; what is no row comes back as it is."""
    if not as_text or not isinstance(row, Mapping):
        return row
    return {key: json.dumps(value) if key in as_text else value for key, value in row.items()}


def _parquet(path: Path, as_text: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Place and row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        whole: list[Row] = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"is not Parquet: {error}", "is the file whole?") from error
    yield from enumerate((_written(row, as_text) for row in whole), start=1)


def unpacked(path: Path) -> bytes:
    """The content of a file, gunzipped where it begins as gzip does, and without a byte order mark.

    The last is remembered, since a benchmark's version is asked for before its problems.

    Raises:
        DataError: it is not a gzip file after all, or cut off.
    """
    try:
        return _unpacked(path, *_state(path))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be unpacked: {error}", "fetch it again") from error


@lru_cache(maxsize=1)
def _unpacked(path: Path, changed: int, size: int) -> bytes:
    return opened(path.read_bytes())


def _state(path: Path) -> tuple[int, int]:
    """What changes when the file does."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def opened(blob: bytes) -> bytes:
    """Bytes gunzipped where they begin as gzip does, and without a byte order mark."""
    return (gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob).removeprefix(codecs.BOM_UTF8)


def md5(path: Path) -> str:
    """MD5 of the unpacked content: how releases of benchmark data are told apart."""
    return _md5(path, *_state(path))


@lru_cache(maxsize=64)
def _md5(path: Path, changed: int, size: int) -> str:
    return hashlib.md5(unpacked(path), usedforsecurity=False).hexdigest()
