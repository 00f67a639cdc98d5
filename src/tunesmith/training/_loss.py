"""The recipe keys of a loss that expects wrong labels: ``loss: {kind: ..., ...}`` on ``training.sft``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..replies.verdict import LABELS

Share = Annotated[float, Field(ge=0, le=1)]


class Loss(BaseModel):
    """What is minimised for each supervised token."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["nll", "forward", "gce", "weighted"] = "nll"
    """nll: negative log-likelihood. forward: the same after the model's opinion on a label has passed through
    `noise`, so that the model learns the true labels from wrong ones (Patrini et al. 2017, arXiv 1609.03872,
    section 4). gce: generalised cross-entropy (Zhang and Sabuncu 2018, arXiv 1805.07836, equation 6).
    weighted: nll, each row counted by how sure the verdict `by` is of its label."""
    labels: tuple[str, str] = (LABELS[True], LABELS[False])
    """With forward: how the answers that are labels begin. Other answers are learnt by nll."""
    noise: tuple[tuple[Share, Share], tuple[Share, Share]] | None = None
    """With forward: `[[0.8, 0.2], [0.1, 0.9]]` means that of truly passed answers 0.2 are labelled as failed,
    and of truly failed ones 0.1 as passed. Each row adds up to 1. `evaluation.agreement` measures it."""
    q: float = Field(default=0.7, gt=0, le=1)
    """With gce: 1 is the mean absolute error, which bears the most noise; towards 0 it becomes nll."""
    by: str = ""
    """With weighted: the step whose verdict counts; empty takes each row's last one that has a score."""

    @model_validator(mode="after")
    def _matrix(self) -> Self:
        if (self.kind == "forward") != (self.noise is not None):
            raise ValueError("`noise` goes with kind: forward, which needs it")
        if self.noise and any(abs(sum(row) - 1) > 1e-6 for row in self.noise):
            raise ValueError("each row of `noise` must add up to 1")
        if self.noise and abs(self.noise[0][0] - self.noise[1][0]) < 1e-6:
            raise ValueError("the rows of `noise` are equal: such labels say nothing of the true ones")
        return self
