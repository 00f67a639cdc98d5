"""Work that several runs share: a step that one run has done is copied into another instead of done again.

Two steps with the same key give the same rows (``runs.fingerprint``): the key covers the step's parameters,
its seed and everything above it. So an arm takes over every step that an earlier arm of the same seed has
done, and begins where it differs. Files are hard links where the file system allows it; neither run ever
writes into a finished shard.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..recipe.recipe import Node, Recipe, Rounds
from ..runs.fingerprint import Fingerprints, hashed
from ..runs.record import Place
from ..runs.run_folder import RunFolder


def adopt(recipe: Recipe, out: Path, others: Iterable[Path]) -> list[str]:
    """Copy into the run folder ``out`` the steps of ``recipe`` that a run in ``others`` has done.

    Returns the names of the steps copied. A step that lies in ``out`` already, done or half done, stays.
    """
    done = _done_steps(others)
    folder, taken = RunFolder(out), []
    for number, (node, key) in enumerate(_keys(recipe), start=1):
        target = folder.at(Place(number, node.name))
        source = done.get((node.name, key))
        if source is None or target.path.exists():
            continue
        run, path = source
        for name in _trained(node):
            _copy(run / "models" / name, out / "models" / name)
        _copy(path, target.path)  # last: a step folder without its model would look done
        taken.append(node.name)
    return taken


def _keys(recipe: Recipe) -> Iterable[tuple[Node | Rounds, str]]:
    """Every step and block of the recipe with the key under which its rows are known."""
    fingerprints = Fingerprints(recipe)
    keys: dict[str, str] = {}
    for node in recipe.nodes:
        if isinstance(node, Rounds):
            key = hashed(fingerprints.of_block(node, keys))
        else:
            key = hashed(fingerprints.of_step(node, node.name, keys))
        keys |= {node.name: key, f"{node.name}.dropped": key}
        yield node, key


def _done_steps(runs: Iterable[Path]) -> dict[tuple[str, str], tuple[Path, Path]]:
    """(name, key) of every finished step -> its run and its folder."""
    found = {}
    for run in runs:
        for folder, record in RunFolder(run).records():
            found[record.name, record.key] = run, folder.path
    return found


def _trained(node: Node | Rounds) -> list[str]:
    """The folders under ``models/`` that belong to a step; a block's steps name theirs by round."""
    if isinstance(node, Node):
        return [node.name] if node.step.kind == "train" else []
    trained = [inner.name for inner in (*node.each, *node.probe) if inner.step.kind == "train"]
    return [f"{node.name}-{number}-{name}" for number in range(1, node.repeat + 1) for name in trained]


def _copy(source: Path, target: Path) -> None:
    """Copy a folder so that ``target`` appears whole; nothing where there is no ``source``."""
    if not source.is_dir() or target.exists():
        return
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, draft, copy_function=_link)
    draft.rename(target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
