"""The shape of the source tree: what the documents say of it, and the bounds it stays in."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from itertools import chain
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tunesmith"
LAYERS = ("entry points", "runs", "steps", "instruments", "grammar")
NO_CODE = {"recipes", "recipes/functions"}
"""Folders of data, which no import contract knows."""
CLASSES = {
    "RoundTrip": "synthesis.round_trip asks, verification.round_trip runs: two halves of one method",
}
"""Classes that share a name, and why they may."""
MODULES = {
    "api": "api.py is tunesmith from Python, llm/api the protocol of a server: both are an API",
    "local": "on this machine: the engine, and generation",
    "native": "languages that compile to machine code: outside the box and inside it",
    "recipe": "the package and its main module",
    "round_trip": CLASSES["RoundTrip"],
    "sample": "the row; and selection.sample, an address: to draw a sample",
    "starter": "the starter world as a package, a model, a source and a benchmark",
    "training": "the steps; and the report's section on them",
    **dict.fromkeys(
        ("cpp", "go", "java", "javascript", "rust", "typescript"),
        "one language: its toolchain outside the box, and how it is judged inside",
    ),
}  # fmt: skip
"""Modules that share a name, and why they may."""


def packages() -> set[str]:
    """Every folder of code or recipes, relative to the package, such as ``llm/api``."""
    code = {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}
    return {path.relative_to(PACKAGE).as_posix() for path in code} | {"recipes"}


def root_modules() -> set[str]:
    return {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}


def contract_layers() -> list[tuple[str, list[list[str]]]]:
    """The layers that the contract's comments name, each with its lines from top to bottom."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^layers = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    layers: list[tuple[str, list[list[str]]]] = []
    for line in block.splitlines():
        if "#" in line:
            layers.append((line.strip("# "), []))
        else:
            layers[-1][1].append(re.findall(r"\w+", line))
    return layers


def map_of_contributing() -> dict[str, set[str]]:
    """Layer -> paths that CONTRIBUTING's map names in it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| layer \| what \| where \|\n\|[-|]+\n((?:\|.*\n)+)", text)
    layers: dict[str, set[str]] = {}
    layer = ""
    for row in table.splitlines():
        name, _, where = (cell.strip() for cell in row.strip("|").split("|"))
        layer = name or layer
        layers.setdefault(layer, set()).update(path.rstrip("/") for path in re.findall(r"`([^`]+)`", where))
    return layers


def test_the_map_names_every_package_and_root_module_and_nothing_else() -> None:
    named = set().union(*map_of_contributing().values())
    assert named == (packages() - {"recipes/functions"}) | root_modules()


def test_the_map_has_the_layers_of_the_import_contract() -> None:
    layers = contract_layers()
    assert tuple(name for name, _ in layers) == LAYERS == tuple(map_of_contributing())
    for name, lines in layers:
        top = {path.split("/")[0].removesuffix(".py") for path in map_of_contributing()[name]}
        assert top - NO_CODE == set(chain.from_iterable(lines)), name


def test_the_drawing_of_the_packages_is_the_import_contract() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (drawing,) = re.findall(r"^## The packages$.*?^```\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    drawn: list[tuple[str, list[list[str]]]] = []
    for line in re.sub(r"\(.*?\)", "", drawing).splitlines():
        if layer := line[:16].strip():
            drawn.append((layer, []))
        drawn[-1][1].append(line[16:].split())
    assert drawn == contract_layers()


@pytest.mark.parametrize("heading", ["The flow", "The life of a row", "Where do I put ...?"])
def test_every_path_of_the_architecture_page_exists(heading: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?|\w+\.py)`", section)
    drawn = re.findall(r"(?<![\w/])([a-z]+/)(?=[\s│)])", section)
    assert len({*paths, *drawn}) > 8
    for path in (*paths, *drawn):
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path


def test_the_root_has_at_most_twelve_modules() -> None:
    assert len(root_modules()) <= 12


def test_no_folder_holds_more_than_25_files() -> None:
    counts = {name: len(list((PACKAGE / name).glob("*.py"))) for name in packages()}
    assert max(counts.values()) <= 25, counts


LONGEST_CHAIN = 15


def longest_chain() -> list[str]:
    graph = grimp.build_graph("tunesmith", exclude_type_checking_imports=True, cache_dir=None)

    @cache
    def below(module: str) -> tuple[str, ...]:
        chains = (below(imported) for imported in graph.find_modules_directly_imported_by(module))
        return (module, *max(chains, key=lambda chain: (len(chain), chain), default=()))

    return list(max(map(below, graph.modules), key=len))


def test_the_longest_chain_of_imports_is_bounded() -> None:
    """Imports inside functions count; imports for annotations do not."""
    chain_found = longest_chain()
    assert len(chain_found) <= LONGEST_CHAIN, "\n".join(chain_found)


def class_names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path.relative_to(PACKAGE).as_posix())
    return found


def module_names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        named = path.parent if path.stem == "__init__" else path
        if named.parent != PACKAGE / "starter" / "teacher":  # named after the mechanism that it answers
            found[named.stem].append(path.relative_to(PACKAGE).as_posix())
    return found


@pytest.mark.parametrize(
    ("names", "allowed"), [(class_names(), CLASSES), (module_names(), MODULES)], ids=["class", "module"]
)
def test_no_name_means_two_things(names: dict[str, list[str]], allowed: dict[str, str]) -> None:
    shared = {name: paths for name, paths in names.items() if len(paths) > 1 and name not in allowed}
    assert not shared


def test_no_file_is_named_for_nothing() -> None:
    assert not {"utils", "helpers", "misc", "common", "manager", "util", "helper"} & set(module_names())


def test_every_file_of_data_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["tunesmith"]
    packed = {path for pattern in patterns for path in PACKAGE.glob(pattern) if path.is_file()}
    data = {
        p
        for p in PACKAGE.rglob("*")
        if p.is_file() and p.suffix not in {".py", ".pyc"} and "node_modules" not in p.parts
    }
    assert data <= packed, sorted(data - packed)


def test_every_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages == set(
        re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    )
