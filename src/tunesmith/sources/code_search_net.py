"""``sources.code_search_net``: functions with their comments in the shape of CodeSearchNet.

The raw code of WaveCoder (2312.14187, Section 2.2). Both spellings of its columns are known: that of the
original release (Husain et al. 2019, 1909.09436) and that of the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ..code.markdown import language_name
from ..errors import DataError, nearest
from ..sample import Drop, Sample
from ..step import Context, Step, Yield
from ._files import data_files, fingerprint, open_bytes
from ._json_stream import records
from ._records import Found
from .parquet import parquet_records

SPELLINGS: dict[str, tuple[str, ...]] = {
    "code": ("original_string", "whole_func_string", "func_code_string", "code"),
    "docstring": ("docstring", "func_documentation_string", "comment"),
    "language": ("language",),
    "name": ("func_name", "name"),
    "repo": ("repo", "repository_name"),
    "path": ("path", "func_path_in_repository"),
    "url": ("url", "func_code_url"),
    "license": ("license",),
}
"""What a row is made of, and the columns that may hold it, the first one found."""
_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")


class CodeSearchNet(Step):
    """Functions with comment, language and repository, from CodeSearchNet's files."""

    renamed: ClassVar[Mapping[str, str]] = {"label": "source"}

    path: str
    """A file (JSON Lines, gzipped or not, or Parquet), or a folder of such files."""
    languages: tuple[str, ...] = ()
    """Languages to keep, e.g. `[python, go]`; empty: all. The others are not read in."""
    license: str = "unknown"
    """Licence of rows whose record gives none; the repositories' licences differ."""
    source_name: str = Field(default="", alias="source")
    """What rows call their source; the file's or folder's name by default."""
    limit: int | None = Field(default=None, gt=0)
    """Read only this many functions, the first ones."""

    def outside(self, ctx: Context) -> str:
        return " ".join(map(fingerprint, data_files(self.path, _ENDINGS, ctx)))

    def source(self, ctx: Context) -> Yield:
        files = data_files(self.path, _ENDINGS, ctx)
        name = self.source_name or ctx.path(self.path).name
        rows = self._rows(chain.from_iterable(map(_records, files)), name, ctx)
        yield from islice(rows, self.limit)

    def _rows(self, found: Found, name: str, ctx: Context) -> Yield:
        wanted = {language_name(language) for language in self.languages}
        for row, (place, record) in enumerate(found, start=1):
            facts = _facts(record, place)
            language = language_name(str(facts.pop("language") or ""))
            if wanted and language not in wanted:
                continue
            code, license = facts.pop("code"), str(facts.pop("license") or self.license)
            meta = {"row": row, **{key: str(value) for key, value in facts.items() if value is not None}}
            content: dict[str, Any] = {"source": name, "license": license, "language": language, "meta": meta}
            if isinstance(code, str):
                yield Sample.born(ctx.step, code=code, **content)
            else:
                yield Drop(Sample.born(ctx.step, **content), "code is not text")


def _facts(record: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What the record says of each part of a row; None where it is silent.

    Raises: DataError where it has no code.
    """
    found = {
        part: next((record[name] for name in names if record.get(name) is not None), None)
        for part, names in SPELLINGS.items()
    }
    if not any(name in record for name in SPELLINGS["code"]):
        expected = " or ".join(map(repr, SPELLINGS["code"]))
        problem = f"there is no column {expected}"
        raise DataError(place, problem, f"is it CodeSearchNet? {nearest('code', record)}")
    return found


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".parquet":
        yield from parquet_records(path)
        return
    with open_bytes(path) as stream:
        yield from records(stream, path)
