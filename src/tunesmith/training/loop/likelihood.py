"""The objective of supervised fine-tuning: weighted negative log-likelihood of the answers' tokens, or
another of ``token_losses``.

A step's loss is the sum over its supervised tokens of (row weight x loss), divided by the sum of those
weights over the *whole step*. So a weight of w is the same as w copies of the row, and splitting a step
into passes changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import DataError, UserError
from ...llm.local.threads import quiet
from ...sample import Sample
from .._loss import Loss
from .._settings import TrainingSettings
from .collate import Micro, check_isolation, micro_batches
from .encode import Encoded, encode
from .forward import predict
from .objective import Base
from .token_losses import forward_corrected, generalised, likelihood


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
        loss: Loss | None = None,
    ) -> None:
        self._how = loss or Loss()
        self._labels = _first_tokens(self._how.labels, base) if self._how.kind == "forward" else []
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
        loss: Loss,
    ) -> Likelihood:
        """``rows`` encoded for ``base``. Raises what ``encode`` and ``check_isolation`` raise."""
        if packing:
            check_isolation(base.model, base.where)
        if loss.kind == "weighted":
            rows = (row.weighed(row.weight * confidence(row, loss.by)) for row in rows)
        with quiet():
            encoded = encode(
                rows, base.tokenizer, base.template, max_length=base.max_length, overlong=settings.overlong,
                where=base.where,
            )  # fmt: skip
        return cls(
            encoded, base, slots=settings.micro_batch_tokens, label_smoothing=label_smoothing,
            packed_length=settings.max_length if packing else None, loss=loss,
        )  # fmt: skip

    def passes(self, items: np.ndarray) -> list[Micro]:
        """The rows ``items``, padded or packed."""
        return micro_batches(
            self.rows, items, slots=self._slots, pad=self._base.pad, packed_length=self._packed_length
        )

    def loss(self, model: Any, one: Micro) -> Any:
        """Weighted loss, summed over the supervised tokens."""
        made, how = predict(model, one), self._how
        if how.kind == "gce":
            losses = generalised(made.logits, made.targets, how.q)
        elif how.noise is not None:
            losses = forward_corrected(made.logits, made.targets, made.starts, self._labels, how.noise)
        else:
            losses = likelihood(made.logits, made.targets, self._smoothing)
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


def confidence(row: Sample, by: str) -> float:
    """How probable the row's last verdict (of the step ``by``) is by its own score; 1 where none has one."""
    scored = [v for v in row.verdicts if v.score is not None and v.passed is not None and by in ("", v.by)]
    if not scored:
        return 1.0
    score = float(scored[-1].score or 0.0)
    if not 0 <= score <= 1:
        problem = f"row {row.id}: the score {score:g} of {scored[-1].by} is not a probability"
        raise DataError("loss.by", problem, "name a step whose scores are, as verification.pass_probability")
    return score if scored[-1].passed else 1 - score


def _first_tokens(labels: Sequence[str], base: Base) -> list[int]:
    """The token that begins each label, as an answer."""
    taught = base.template.taught([("", "hello", label) for label in labels], base.tokenizer)
    first = [one.answer[0] for one in taught]
    if len(set(first)) < len(first):
        problem = f"the labels {labels} begin with the same token under this tokenizer"
        raise UserError(
            f"{base.where}.loss.labels", problem, "choose labels that differ in their first letter"
        )
    return first
