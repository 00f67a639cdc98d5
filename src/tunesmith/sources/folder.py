"""``sources.folder``: real code, function by function, from a folder; by default Python's own library.

Raw code is where WaveCoder begins (2312.14187, Section 2.2: functions with their comments, from
CodeSearchNet). The standard library of the running interpreter stands in for it on any machine.
"""

from __future__ import annotations

import heapq
import io
import os
import stat
import sysconfig
import tokenize
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ..chance import number
from ..code.grammars import has_grammar
from ..errors import DataError, SetupError, nearest
from ..sample import Drop, Sample
from ..step import Context, Step, Yield
from ._functions import functions, language_of, languages_of
from ._licenses import file_license, folder_license
from ._tree_functions import METHODS_ONLY, Function, Language

SKIPPED = (
    "test", "tests", "testing", "idle_test", "site-packages", "dist-packages", "_bundled", "__pycache__",
    "node_modules", "vendor", "third_party", "build", "dist", "venv",
)  # fmt: skip
LARGEST_BYTES = 1_000_000
"""Larger source files are generated or data, hardly ever written."""


class Folder(Step):
    """Functions of the source files under a folder, each with docstring, language, path and licence."""

    renamed: ClassVar[Mapping[str, str]] = {"label": "source"}

    path: str = ""
    """The folder; relative paths start at the recipe's folder. Empty: the standard library of this Python."""
    languages: tuple[Language, ...] = Field(default=("python",), min_length=1)
    """Programming languages to read."""
    license: str = ""
    """Licence of the code, as an SPDX name. Empty: what each file's header or the folder's LICENSE says,
    else `unknown`; `PSF-2.0` for the standard library."""
    source_name: str = Field(default="", alias="source")
    """What rows call their source; the folder's name by default, `stdlib` for the standard library."""
    methods: bool = False
    """Whether methods of classes count as functions; in Java and C# they always do."""
    skip: tuple[str, ...] = SKIPPED
    """Names of folders not to enter; hidden ones never are."""
    limit: int | None = Field(default=None, gt=0)
    """Read only this many functions, the first ones in order of path and line."""
    sample: int | None = Field(default=None, gt=0)
    """Keep only this many functions, drawn by the recipe's seed, in order of path and line."""

    def outside(self, ctx: Context) -> str:
        root = self._root(ctx)
        whole = blake2b(folder_license(root).encode(), digest_size=16)
        for path in self._files(root):
            text, fault = _read(path)
            whole.update(f"\0{path.relative_to(root).as_posix()}\0{fault or text}".encode(errors="replace"))
        return whole.hexdigest()

    def source(self, ctx: Context) -> Yield:
        root = self._root(ctx)
        label = self.source_name or (root.resolve().name if self.path else "stdlib")
        license = self.license or (folder_license(root) if self.path else "PSF-2.0")
        rows = self._rows(root, label, license, ctx)
        if self.sample is None:
            yield from rows
            return
        drops: list[Drop] = []
        drawn = heapq.nsmallest(self.sample, self._drawable(rows, drops, ctx))
        yield from (sample for _, _, sample in sorted(drawn, key=lambda entry: entry[1]))
        yield from drops

    def _root(self, ctx: Context) -> Path:
        for language in self.languages:
            if not has_grammar(language):
                problem = f"reading {language} needs its grammar"
                raise SetupError(f"steps.{ctx.step}.languages", problem, "pip install 'tunesmith[languages]'")
        where = f"steps.{ctx.step}.path"
        if not self.path:
            library = Path(sysconfig.get_path("stdlib"))
            if not library.is_dir():
                problem = f"this Python keeps its standard library elsewhere than in {library}"
                raise SetupError(where, problem, "name a folder of code in path")
            return library
        root = ctx.path(self.path)
        if root.is_dir():
            return root
        if root.is_file():
            raise DataError(where, f"{root} is a file", "name a folder; sources.jsonl reads data files")
        beside = [e.name for e in root.parent.iterdir() if e.is_dir()] if root.parent.is_dir() else []
        raise DataError(
            where, f"there is no folder {root}", f"in {root.parent}: {nearest(root.name, beside)}"
        )

    def _rows(self, root: Path, label: str, license: str, ctx: Context) -> Yield:
        count = 0
        for path in self._files(root):
            shown = os.fsencode(path.relative_to(root)).decode(errors="replace")  # old names are not UTF-8
            text, fault = _read(path)
            language, _ = language_of(text, path.suffix)
            if language not in self.languages:
                continue
            found = None if fault else functions(text, path.suffix)
            facts: dict[str, Any] = {"source": label, "language": language}
            facts["license"] = self.license or file_license(text) or license
            if found is None:
                whole = Sample.born(ctx.step, meta={"path": shown}, **facts)
                yield Drop(whole, fault or "file does not parse")
                continue
            for function in found:
                if function.owner and not self.methods and language not in METHODS_ONLY:
                    continue
                sample = _sample(function, shown, facts, ctx)
                if function.broken:
                    yield Drop(sample, "function does not parse")
                    continue
                yield sample
                count += 1
                if count == self.limit:
                    return

    def _files(self, root: Path) -> Iterator[Path]:
        """Source files in order of path; links to folders may lead in circles and are not followed."""
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(f for f in folders if f not in self.skip and not f.startswith("."))
            for name in sorted(files):
                path = Path(folder, name)
                if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
                    continue  # text from elsewhere is not this folder's, whatever its licence file says
                if not set(self.languages).isdisjoint(languages_of(path.suffix)):
                    yield path

    def _drawable(self, rows: Yield, drops: list[Drop], ctx: Context) -> Iterator[tuple[int, int, Sample]]:
        for index, row in enumerate(rows):
            if isinstance(row, Drop):
                drops.append(row)
            else:
                yield number(ctx.seed, ctx.step, row.id), index, row


def _read(path: Path) -> tuple[str, str]:
    """A file's text, or why there is none."""
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer; what is no plain file is not read.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "", "not a regular file"
            whole = file.read(LARGEST_BYTES + 1)
    except OSError:
        return "", "file cannot be read"
    if len(whole) > LARGEST_BYTES:
        return "", "file is larger than 1 MB"
    try:
        encoding = (
            tokenize.detect_encoding(io.BytesIO(whole).readline)[0] if path.suffix == ".py" else "utf-8"
        )
        text = io.TextIOWrapper(io.BytesIO(whole), encoding).read()  # refuses codecs that are not of text
        text.encode()  # some codecs give half surrogates
    except (ValueError, LookupError, SyntaxError):
        return "", "file is not text in its own encoding"
    return text, ""


def _sample(function: Function, path: str, facts: dict[str, Any], ctx: Context) -> Sample:
    name = f"{function.owner}.{function.name}".lstrip(".")
    meta = {"name": name, "path": path, "line": function.line, "docstring": function.docstring}
    return Sample.born(ctx.step, code=function.code, meta=meta, **facts)
