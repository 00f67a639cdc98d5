"""Losses of single tokens, plain and for wrong labels: shape (n,), from logits of shape (n, vocabulary)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy, log_softmax


def likelihood(logits: Any, targets: Any, smoothing: float = 0.0) -> Any:
    """Negative log-likelihood; smoothing: share of the target that is spread over the vocabulary."""
    return cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)


def generalised(logits: Any, targets: Any, q: float) -> Any:
    """(1 - p^q) / q: a token that the model finds unlikely pulls less than under the likelihood."""
    return (1 - (-q * likelihood(logits, targets)).exp()) / q


def forward_corrected(
    logits: Any, targets: Any, starts: Any, labels: Sequence[int], noise: Sequence[Sequence[float]]
) -> Any:
    """Likelihood of labels as they were written, if they are the model's opinion sent through ``noise``.

    starts: bool, shape (n,): first tokens of answers.  labels: the first token of each label.
    noise[i][j]: how often label j is written where i is true.  Tokens that are no label: plain likelihood.
    """
    plain = likelihood(logits, targets)
    ids = torch.tensor(labels, device=targets.device)
    is_label = starts[:, None] & (targets[:, None] == ids)
    rows, written = is_label.nonzero(as_tuple=True)
    if not len(rows):
        return plain
    opinion = log_softmax(logits[rows], -1)[:, ids]
    written_if_true = torch.tensor(noise, device=logits.device, dtype=opinion.dtype).log().T[written]
    corrected = -torch.logsumexp(opinion + written_if_true, -1)
    return plain.index_put((rows,), corrected)
