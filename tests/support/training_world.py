"""A student of a few thousand parameters and a handful of rows, for what must hold of any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tunesmith.models.scratch import Scratch
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Sample
from tunesmith.step import Context
from tunesmith.training.sft import Sft

torch.set_num_threads(1)  # two threads on two busy cores take ten times as long for so small a model
TINY = Scratch(hidden_size=32, layers=2, heads=2, feed_forward=48, vocab_size=300, max_length=128)


def rows(count: int = 12) -> list[Sample]:
    """Rows of different lengths."""
    return [
        Sample.born(
            "seeds", instruction=f"Add {n} to x.", answer="def f(x):\n" + f"    x += {n}\n" * (1 + n % 3)
        )
        for n in range(count)
    ]


def table(folder: Path, samples: Sequence[Sample]) -> Table:
    """``samples`` at rest."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows-0.parquet", samples, {})
    return Table([folder / "rows-0.parquet"])


def context(folder: Path, model: Any = TINY, seed: int = 7) -> Context:
    """What the house lends a training step."""
    return Context("student", seed=seed, folder=folder / "model", model=model)


def quick(**changes: Any) -> Sft:
    """A training of a few small steps on one thread."""
    settings: dict[str, Any] = {"lr": 1e-2, "batch_size": 4, "epochs": 1, "threads": 1, "save_minutes": 0}
    return Sft(**settings | changes)


def weights(checkpoint: Path) -> bytes:
    """The trained weights, as stored."""
    return (checkpoint / "model.safetensors").read_bytes()
