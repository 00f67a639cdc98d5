"""What a step gave to the steps after it.

Rows depend on the recipe (their key) and on which requests failed for good, here and above (what is
``lost``): the same recipe gives others once those are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..llm.model import Model
from ..recipe.recipe import Node, Ref
from .fingerprint import hashed


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Rows and bin on disk, a trained model, scores; ``key`` names it for what comes after.

    lost: names the rows that failed requests cost here and above; empty where none did.
    """

    key: str
    rows: tuple[Path, ...] = ()
    drops: tuple[Path, ...] = ()
    model: Model | None = None
    scores: tuple[Mapping[str, Any], ...] = ()
    lost: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not any(pq.read_metadata(path).num_rows for path in self.rows)

    def joined(self, others: Sequence[StepOutput]) -> StepOutput:
        """These rows and those of ``others``, in order."""
        everything = (self, *others)
        return StepOutput(
            hashed({"joined": [given.key for given in everything]}),
            tuple(path for given in everything for path in given.rows),
            tuple(path for given in everything for path in given.drops),
            lost=merge_losses(given.lost for given in everything),
        )


Names = dict[str, StepOutput]
"""What the names in ``from:`` and ``with:`` stand for at a place in the recipe."""


def inputs_of(refs: Sequence[Ref], names: Mapping[str, StepOutput]) -> StepOutput:
    """The rows that ``from:`` names, in its order; the bin of ``X`` for ``X.dropped``."""
    paths: list[Path] = []
    for ref in refs:
        paths += names[ref.name].drops if ref.dropped else names[ref.name].rows
    key = hashed({"inputs": [[str(ref), names[ref.name].key] for ref in refs]})
    return StepOutput(key, tuple(paths), lost=merge_losses(names[ref.name].lost for ref in refs))


def merge_losses(losses: Iterable[str]) -> str:
    """Several losses as one; empty where nobody lost anything."""
    found = sorted({loss for loss in losses if loss})
    return hashed({"lost": found}) if found else ""


def lost_above(nodes: Iterable[Node], names: Mapping[str, StepOutput]) -> str:
    """What failed requests cost the rows and models that ``nodes`` take from ``names``."""
    used = {name for node in nodes for name in (*(ref.name for ref in node.inputs), node.model or "")}
    return merge_losses(names[name].lost for name in used if name in names)


def keys_of(names: Mapping[str, StepOutput]) -> dict[str, str]:
    """Name -> key, for the rows and for the bin of each."""
    plain = {name: given.key for name, given in names.items()}
    return plain | {f"{name}.dropped": key for name, key in plain.items()}
