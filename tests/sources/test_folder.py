"""``sources.folder``: functions as their authors wrote them, in one order, with their licence."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest
from tables import apart, context

from tunesmith.errors import DataError
from tunesmith.sources._licenses import folder_license, license_of
from tunesmith.sources.folder import Folder

MODULE = '''
import functools


@functools.cache
def twice(x):
    """Double it.

    And more.
    """
    def inner():
        return x
    return 2 * x


class Box:
    def open(self):
        return "lid"


async def later(): return 1
'''
MIT = "Permission is hereby granted, free of charge, to any person\n THE SOFTWARE IS PROVIDED AS IS"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name in ["b/two.py", "b/tests/test_two.py", ".hidden/x.py", "c/one.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(MODULE if name != "c/one.py" else "def one(): pass\n")
    return tmp_path


def read(folder: Path, seed: int = 0, **keys):
    return apart(Folder(path=str(folder), **keys).source(context("raw", seed=seed)))


def test_functions_come_in_order_of_path_and_line_without_tests_and_hidden_folders(code):
    kept, drops = read(code)
    places = [(row.meta["path"], row.meta["name"], row.meta["line"]) for row in kept]
    assert places == [("b/two.py", "twice", 5), ("b/two.py", "later", 21), ("c/one.py", "one", 1)]
    assert not drops


def test_a_function_is_its_whole_source_with_decorators_and_docstring(code):
    first = read(code)[0][0]
    assert first.code.startswith("@functools.cache\ndef twice") and first.code.endswith("return 2 * x")
    assert first.meta["docstring"] == "Double it.\n\nAnd more."
    assert (first.language, first.source, first.instruction) == ("python", code.name, "")


def test_methods_count_when_asked_for(code):
    names = [row.meta["name"] for row in read(code, methods=True)[0]]
    assert names == ["twice", "Box.open", "later", "one"]
    assert read(code, methods=True)[0][1].code == 'def open(self):\n    return "lid"'


def test_a_sample_is_drawn_by_the_seed_in_order_and_the_limit_takes_the_first(tmp_path):
    (tmp_path / "many.py").write_text("\n".join(f"def f{i}(): return {i}" for i in range(50)))
    lines = [[row.meta["line"] for row in read(tmp_path, seed, sample=10)[0]] for seed in (1, 1, 2)]
    assert lines[0] == lines[1] != lines[2]
    assert lines[0] == sorted(lines[0]) and len(lines[0]) == 10
    assert [row.meta["line"] for row in read(tmp_path, limit=3)[0]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"def f(:\n", "file does not parse"),
        (b"x = '\xff'\n", "file is not text in its own encoding"),
        (b"# coding: nonsense\n", "file is not text in its own encoding"),
        (b"#" * 1_000_001, "file is larger than 1 MB"),
    ],
)
@pytest.mark.parametrize("keys", [{}, {"sample": 5}])
def test_a_file_that_cannot_be_read_is_counted_with_its_reason(code, content, reason, keys):
    (code / "a.py").write_bytes(content)
    kept, drops = read(code, **keys)
    assert [(drop.reason, drop.sample.meta["path"]) for drop in drops] == [(reason, "a.py")]
    assert len(kept) == 3


def test_a_file_in_its_own_encoding_is_read(tmp_path):
    (tmp_path / "latin.py").write_bytes('# coding: latin-1\ndef f(): return "é"\n'.encode("latin-1"))
    assert read(tmp_path)[0][0].code == 'def f(): return "é"'


def test_the_licence_is_the_files_own_then_the_folders_then_unknown(code):
    assert {row.license for row in read(code)[0]} == {"unknown"}
    (code / "LICENSE").write_text(MIT)
    one = code / "c/one.py"
    one.write_text("# SPDX-License-Identifier: BSD-3-Clause\n" + one.read_text())
    assert [row.license for row in read(code)[0]] == ["MIT", "MIT", "BSD-3-Clause"]
    assert {row.license for row in read(code, license="X")[0]} == {"X"}


def test_the_licence_above_counts_inside_a_repository_only(code):
    (code / "LICENSE").write_text(MIT)
    assert folder_license(code / "b") == "unknown"
    (code / ".git").mkdir()
    assert folder_license(code / "b") == "MIT"
    (code / "LICENSE").rename(code / "LICENSE-MIT")
    (code / "LICENSE-APACHE").write_text("Apache License\n Version 2.0")
    assert folder_license(code) == "Apache-2.0 OR MIT"


def test_the_licence_of_this_project_is_recognised():
    assert license_of((Path(__file__).parents[2] / "LICENSE").read_text()) == "Apache-2.0"
    assert license_of("All rights reserved") == "unknown"


def test_a_folder_that_is_not_there_or_a_file_is_refused(code):
    (code / "sourcse").mkdir()
    with pytest.raises(DataError, match=r"steps\.raw\.path: there is no folder.*\n.*'sourcse'"):
        read(code / "sources")
    with pytest.raises(DataError, match=r"is a file\n.*sources\.jsonl"):
        read(code / "c/one.py")


def test_a_circle_of_links_ends(code):
    (code / "b/loop").symlink_to(code, target_is_directory=True)
    assert len(read(code)[0]) == 3


def test_the_standard_library_gives_real_functions_that_parse():
    kept, _ = apart(Folder(sample=200).source(context("raw", seed=42)))
    assert len(kept) == 200
    assert {(row.source, row.language) for row in kept} == {("stdlib", "python")}
    assert {row.license for row in kept} <= {"PSF-2.0", "MIT", "PSF-2.0 AND (MIT OR Apache-2.0)"}
    for row in kept:
        (function,) = ast.parse(row.code).body
        assert function.name == row.meta["name"]
        assert textwrap.dedent(row.code) == row.code
