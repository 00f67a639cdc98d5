"""What a step gave to the steps after it.

Two names say what rows are: ``key`` follows from the recipe alone and is known before anything runs;
``digest`` follows from the rows themselves. They differ where the recipe is the same and the rows are not:
after failed requests were answered later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..llm.model import Model
from ..recipe.recipe import Node, Ref
from ..rows import shard_rows
from .fingerprint import hashed
from .record import ScoreRecord


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Shards of rows and of dropped rows, a trained model, scores."""

    key: str
    digest: str
    rows: tuple[Path, ...] = ()
    drops: tuple[Path, ...] = ()
    model: Model | None = None
    scores: tuple[ScoreRecord, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not any(map(shard_rows, self.rows))

    def joined(self, others: Sequence[StepOutput]) -> StepOutput:
        """These rows and those of ``others``, in order."""
        outputs = (self, *others)
        return StepOutput(
            hashed({"joined": [output.key for output in outputs]}),
            hashed({"joined": [output.digest for output in outputs]}),
            tuple(path for output in outputs for path in output.rows),
            tuple(path for output in outputs for path in output.drops),
        )


Names = dict[str, StepOutput]
"""What the names in ``from:`` and ``with:`` mean at a place in the recipe."""


def inputs_of(refs: Sequence[Ref], names: Mapping[str, StepOutput]) -> StepOutput:
    """The rows that ``from:`` names, in its order; the dropped rows of ``X`` for ``X.dropped``."""
    paths: list[Path] = []
    for ref in refs:
        paths += names[ref.name].drops if ref.dropped else names[ref.name].rows
    key = hashed({"inputs": [[str(ref), names[ref.name].key] for ref in refs]})
    digest = hashed({"inputs": [[str(ref), names[ref.name].digest] for ref in refs]})
    return StepOutput(key, digest, tuple(paths))


def inputs_digest(nodes: Iterable[Node], names: Mapping[str, StepOutput]) -> str:
    """Names the rows and trained models that ``nodes`` take from ``names``."""
    taken = {name for node in nodes for name in (*(ref.name for ref in node.inputs), node.model or "")}
    return hashed({name: names[name].digest for name in taken if name in names})


def keys_of(names: Mapping[str, StepOutput]) -> dict[str, str]:
    """Name -> key, for the rows and for the dropped rows of each."""
    plain = {name: output.key for name, output in names.items()}
    return plain | {f"{name}.dropped": key for name, key in plain.items()}
