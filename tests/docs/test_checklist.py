"""What docs/checklist.md says is there, is there: every file and every test that it names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "checklist.md"
ROWS = 127
"""Rows of the list that the page goes through."""
STATES = ("done", "partly", "open")


class Row(NamedTuple):
    number: str
    state: str
    files: list[str]
    proof: str


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0][:1].isdigit():
            number, _, state, files, proof = cells
            found.append(Row(number, state, quoted(files), proof))
    return found


def proofs(row: Row) -> list[str]:
    return [name for name in quoted(row.proof) if "test_" in name]


@cache
def defined(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_of_the_list_stands_on_the_page_once() -> None:
    assert [row.number for row in rows()] == [str(number) for number in range(1, ROWS + 1)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_a_row_is_proven_or_says_why_not(row: Row) -> None:
    assert row.state in STATES
    for name in row.files:
        assert any((ROOT / place / name).exists() for place in ("src/tunesmith", "")), name
    for name in proofs(row):
        file, _, test = name.partition("::")
        assert test, f"{name}: name the test"
        assert test in defined(ROOT / "tests" / file), name
    if row.state == "open":
        assert row.proof and not row.files, "an open row says why, and claims no file"
    else:
        assert row.files and proofs(row), f"{row.state} rows name the file and the test that proves it"
    if row.state == "partly":
        assert re.sub(r"`[^`]+`|[,;\s]", "", row.proof), "a half-done row says what lacks"
