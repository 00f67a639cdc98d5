"""The import contracts of pyproject.toml refuse a planted import of each forbidden kind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tunesmith"
DOWN, BOX, LIGHT, CYCLE = "down only", "box imports nothing", "grammar is light", "No cycle"
PLANTED = {
    "one room of steps imports another": ("selection/dedup.py", "from ..synthesis import answer", DOWN),
    "one instrument imports another": ("sandbox/pool.py", "from ..llm import client", DOWN),
    "the grammar imports an instrument": ("sample.py", "from .llm import client", DOWN),
    "an instrument imports a step": ("llm/client.py", "from ..synthesis import answer", DOWN),
    "a step imports the run": ("synthesis/answer.py", "from ..runs import run", DOWN),
    "a run imports the command line": ("runs/run.py", "from ..cli import app", DOWN),
    "an import for annotations only": (
        "sample.py",
        "import typing\nif typing.TYPE_CHECKING:\n    from .step import Step",
        DOWN,
    ),
    "an import inside a function": ("sample.py", "def f():\n    from .step import Step", DOWN),
    "the box imports tunesmith": (
        "sandbox/box/__init__.py",
        "from tunesmith.errors import UserError",
        BOX,
    ),
    "the box imports its own pool": ("sandbox/box/__init__.py", "from .. import levels", BOX),
    "the grammar imports torch": ("sample.py", "import torch", LIGHT),
    "the grammar imports transformers": ("step.py", "from transformers import Trainer", LIGHT),
    "the grammar imports ray": ("rows.py", "def f():\n    import ray", LIGHT),
    "a cycle inside a package": ("llm/costs.py", "from . import client", CYCLE),
    "a cycle of annotations": (
        "llm/costs.py",
        "import typing\nif typing.TYPE_CHECKING:\n    from .client import Client",
        CYCLE,
    ),
    "a cycle between a package and its inner package": (
        "llm/request_errors.py",
        "from .local import batching",
        CYCLE,
    ),
}  # fmt: skip
"""Where, what, and the contract that it breaks."""


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    kept: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return kept


def checked(folder: Path) -> str:
    """What import-linter prints of the copy of the package in ``folder``."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout


def judged(folder: Path) -> dict[str, bool]:
    """Each contract, and whether the copy of the package in ``folder`` keeps it."""
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", checked(folder), re.MULTILINE))
    assert set(found) == {contract["name"] for contract in contracts()}
    return {name: word == "KEPT" for name, word in found.items()}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        PACKAGE, folder / "tunesmith", ignore=shutil.ignore_patterns("__pycache__", "node_modules")
    )
    return folder


def test_the_tree_as_it_is_keeps_every_contract(copied: Path) -> None:
    assert all(judged(copied).values())


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_import_is_refused(copied: Path, kind: str) -> None:
    where, line, contract = PLANTED[kind]
    path = copied / "tunesmith" / where
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{text}\n{line}\n", encoding="utf-8")
        broken = [name for name, kept in judged(copied).items() if not kept]
    finally:
        path.write_text(text, encoding="utf-8")
    assert any(str(contract) in name for name in broken), broken


def test_a_new_package_must_be_named_in_the_contract(copied: Path) -> None:
    path = copied / "tunesmith" / "attic"
    path.mkdir()
    try:
        (path / "__init__.py").write_text("")
        printed = checked(copied)
    finally:
        shutil.rmtree(path)
    assert "attic" in printed and not re.search(r"^Contracts: .* 0 broken", printed, re.MULTILINE)


def test_the_box_is_kept_from_every_module_outside_it() -> None:
    (contract,) = [c for c in contracts() if c.get("source_modules") == ["tunesmith.sandbox.box"]]
    outside = {f"tunesmith.{path.stem}" for path in PACKAGE.iterdir() if is_module(path)} - {
        "tunesmith.sandbox"
    }
    inside = {f"tunesmith.sandbox.{path.stem}" for path in (PACKAGE / "sandbox").iterdir() if is_module(path)}
    assert set(contract["forbidden_modules"]) == (outside | inside) - {"tunesmith.sandbox.box"}


def test_the_grammar_of_the_contracts_is_the_grammar_of_the_layers() -> None:
    (contract,) = [c for c in contracts() if "torch" in c.get("forbidden_modules", ())]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"# grammar\n(.*?)\]", text, re.DOTALL)
    assert {f"tunesmith.{name}" for name in re.findall(r"[a-z]+", block)} == set(contract["source_modules"])


def is_module(path: Path) -> bool:
    return (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem != "__init__")
