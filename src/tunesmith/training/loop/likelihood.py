"""The objective of supervised fine-tuning: weighted negative log-likelihood of the answers' tokens.

A step's loss is the sum over its supervised tokens of (row weight x negative log-likelihood), divided by
the sum of those weights over the *whole step*. So a weight of w is the same as w copies of the row, and
splitting a step into passes changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch.nn.functional import cross_entropy

from ...llm.local.threads import quiet
from ...sample import Sample
from .._settings import TrainingSettings
from .collate import Micro, check_isolation, micro_batches
from .encode import Encoded, encode
from .forward import predict
from .objective import Base


class Likelihood:
    """Rows whose answers are learnt, as an ``Objective``.

    slots: most tokens of a pass.  packed_length: width to pack rows into, or None to pad them.
    """

    def __init__(
        self,
        rows: Encoded,
        base: Base,
        *,
        slots: int,
        packed_length: int | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.rows, self._base = rows, base
        self._slots, self._packed_length, self._smoothing = slots, packed_length, label_smoothing
        self.lengths, self.digest = rows.lengths, rows.digest

    @classmethod
    def of(
        cls,
        rows: Iterable[Sample],
        base: Base,
        settings: TrainingSettings,
        *,
        packing: bool,
        label_smoothing: float,
    ) -> Likelihood:
        """``rows`` encoded for ``base``. Raises what ``encode`` and ``check_isolation`` raise."""
        if packing:
            check_isolation(base.model, base.where)
        with quiet():
            encoded = encode(
                rows, base.tokenizer, base.template, max_length=base.max_length, overlong=settings.overlong,
                where=base.where,
            )  # fmt: skip
        return cls(
            encoded, base, slots=settings.micro_batch_tokens, label_smoothing=label_smoothing,
            packed_length=settings.max_length if packing else None,
        )  # fmt: skip

    def passes(self, items: np.ndarray) -> list[Micro]:
        """The rows ``items``, padded or packed."""
        return micro_batches(
            self.rows, items, slots=self._slots, pad=self._base.pad, packed_length=self._packed_length
        )

    def loss(self, model: Any, one: Micro) -> Any:
        """Weighted negative log-likelihood, summed over the supervised tokens."""
        made = predict(model, one)
        losses = cross_entropy(made.logits, made.targets, reduction="none", label_smoothing=self._smoothing)
        return (losses * made.weights).sum()

    def facts(self, steps: Sequence[np.ndarray]) -> dict[str, Any]:
        """Rows, tokens, and the first row as the model sees it."""
        rows, supervised = self.rows, self.rows.supervised()
        first, prompt = rows.row(0), rows.prompts[0]
        decode = self._base.tokenizer.decode
        return {
            "rows": len(rows) + sum(rows.left_out.values()),
            "rows_trained": len(rows),
            "rows_left_out": dict(rows.left_out.most_common()),
            "answers_cut": rows.cut,
            "supervised_tokens": int(sum(supervised[items].sum() for items in steps)),
            "example": {"prompt": decode(first[:prompt]), "supervised": decode(first[prompt:])},
        }
