"""A second training step, as someone else would write one: an objective of its own drives the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tunesmith.results import Checkpoint
from tunesmith.rows import Table
from tunesmith.step import Context, Need, Step
from tunesmith.training._settings import TrainingSettings


@dataclass(frozen=True)
class Texts:
    """One pass over ``ids``, each of shape (1, tokens)."""

    ids: list[np.ndarray]

    @property
    def slots(self) -> int:
        return sum(one.size for one in self.ids)

    @property
    def weight(self) -> float:
        return float(len(self.ids))


class Likely:
    """Makes every text of the rows, prompt and all, as likely as the next: the mean loss per text."""

    def __init__(self, texts: Sequence[str], tokenizer: Any) -> None:
        self.ids = [np.array([tokenizer(text)["input_ids"]]) for text in texts]
        self.lengths = np.array([one.size for one in self.ids])
        self.digest = "\n".join(texts)

    def passes(self, items: np.ndarray) -> list[Texts]:
        return [Texts([self.ids[item] for item in items])]

    def loss(self, model: Any, one: Texts) -> Any:
        import torch

        each = (torch.from_numpy(ids) for ids in one.ids)
        return sum(model(ids, labels=ids).loss for ids in each)

    def facts(self, steps: Sequence[np.ndarray]) -> dict[str, Any]:
        return {"texts": len(self.ids), "rows_trained": len(self.ids)}


class Language(TrainingSettings, Step):
    """Train on whole texts."""

    needs_model: ClassVar[Need] = "required"

    upper: bool = False
    """A key of its own."""

    def train(self, rows: Table, ctx: Context) -> Checkpoint:
        from tunesmith.training.loop.training_run import run

        texts = [f"{row.instruction}\n{row.answer}" for row in rows]
        return run(self, ctx, lambda base: Likely(texts, base.tokenizer))
