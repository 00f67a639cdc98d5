"""What the loop asks of a training step: the items it learns from, and the loss of some of them.

The loop (``training_run``, ``trainer``, ``feed``) decides which items a step sees and how weights change;
an objective decides what an item is (a row, a pair of rows) and what is minimised. A new training step is
one ``Objective`` and one ``TrainingSettings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...llm.template import Template


@dataclass(frozen=True)
class Base:
    """The model that training starts from.

    model, tokenizer: of transformers.  max_length: longest sequence, in tokens: of the step or, if that is
    less, of the model.  where: for errors, ``steps.NAME``.
    """

    model: Any
    tokenizer: Any
    template: Template
    max_length: int
    where: str

    @property
    def pad(self) -> int:
        """The token that fills sequences up."""
        own = self.tokenizer.pad_token_id
        return int(own if own is not None else self.tokenizer.eos_token_id)


class Pass(Protocol):
    """One forward and backward pass. A step is one or more, whose gradients add up."""

    @property
    def slots(self) -> int:
        """Tokens computed, padding included."""
        ...

    @property
    def weight(self) -> float:
        """Its share of the step: the step's loss is the sum of its passes' losses over that of weights."""
        ...


class Objective(Protocol):
    """Encoded items and their loss.

    lengths: tokens per item, int64 of shape (items,).  digest: of all that decides what is learnt.
    """

    lengths: np.ndarray
    digest: str

    def passes(self, items: np.ndarray) -> Sequence[Any]:
        """The ``Pass``es of one step over ``items`` (indices into ``lengths``)."""
        ...

    def loss(self, model: Any, one: Any) -> Any:
        """The loss of one of ``passes``, summed, not averaged: a scalar tensor with gradient."""
        ...

    def facts(self, steps: Sequence[np.ndarray]) -> dict[str, Any]:
        """What the report says of the data, given the items of every step."""
        ...
