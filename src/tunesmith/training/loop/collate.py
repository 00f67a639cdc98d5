"""The rows of a step as tensors that fit the memory: padded, or packed with isolated attention.

A step is cut into micro-batches whose gradients add up, so neither packing nor the memory budget
changes what is learnt (but for rounding): the loss is normalised over the whole step.

Packing puts several rows end to end into one sequence. Their ``position_ids`` restart at 0, from which
transformers masks every row from its neighbours (Krell et al. 2021, arXiv 2107.02027). It does so only if
no attention mask is passed, and not in every model; ``leak`` measures it. Padding is on the right, where
causal attention cannot see it, so it needs no mask either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import SetupError
from .encode import Encoded

IGNORED = -100
_SHORT_FLOAT_LEAK, _FLOAT32_LEAK = 0.5, 1e-3
"""Of a logit: above rounding, below what a row that sees its neighbour shows."""


@dataclass(frozen=True)
class Micro:
    """One forward pass; all arrays of shape (sequences, width).

    ids, positions: int64.  targets: int64, the token to predict at each slot, or ``IGNORED``.
    weights: float32, the weight of the row that a slot belongs to.
    """

    ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @property
    def slots(self) -> int:
        """Tokens computed, padding included."""
        return int(self.ids.size)

    @property
    def weight(self) -> float:
        """Weights of the supervised tokens, summed."""
        return float((self.weights * (self.targets >= 0)).sum(dtype=np.float64))


def micro_batches(
    encoded: Encoded, rows: np.ndarray, *, slots: int, pad: int, packed_length: int | None = None
) -> list[Micro]:
    """The rows of one step in forward passes of at most ``slots`` tokens (a longer row goes alone).

    packed_length: width to pack rows into, or None to pad them.
    """
    lengths = encoded.lengths
    if packed_length is None:
        bins = [[int(row)] for row in rows]
    else:
        bins = pack(lengths[rows], packed_length)
        bins = [[int(rows[index]) for index in indices] for indices in bins]
    widths = [int(sum(lengths[row] for row in one)) for one in bins]
    order = sorted(range(len(bins)), key=lambda index: (-widths[index], index))
    micros: list[Micro] = []
    group: list[list[int]] = []
    width = 0
    for index in order:  # longest first: the first of a group sets its width
        if group and (len(group) + 1) * width > slots:
            micros.append(_micro(encoded, group, width, pad))
            group = []
        if not group:
            width = widths[index]
        group.append(bins[index])
    micros.append(_micro(encoded, group, width, pad))
    return micros


def pack(lengths: Sequence[int] | np.ndarray, capacity: int) -> list[list[int]]:
    """Bins of indices into ``lengths``, none fuller than ``capacity`` tokens: best fit, longest first.

    A row longer than ``capacity`` gets a bin of its own.
    """
    bins: list[list[int]] = []
    by_space: dict[int, list[int]] = {}  # tokens left -> bins that have so many left
    for index in sorted(range(len(lengths)), key=lambda index: (-int(lengths[index]), index)):
        length = int(lengths[index])
        space = min((left for left, having in by_space.items() if left >= length and having), default=None)
        if space is None:
            bins.append([index])
            chosen, space = len(bins) - 1, max(capacity, length)
        else:
            chosen = by_space[space].pop()
            bins[chosen].append(index)
        by_space.setdefault(space - length, []).append(chosen)
    return bins


def _micro(encoded: Encoded, bins: list[list[int]], width: int, pad: int) -> Micro:
    shape = (len(bins), width)
    ids = np.full(shape, pad, np.int64)
    positions = np.zeros(shape, np.int64)
    targets = np.full(shape, IGNORED, np.int64)
    weights = np.zeros(shape, np.float32)
    for line, rows in enumerate(bins):
        at = 0
        for row in rows:
            tokens = encoded.row(row)
            prompt, end = int(encoded.prompts[row]), at + len(tokens)
            first = max(prompt, 1)
            ids[line, at:end] = tokens
            positions[line, at:end] = np.arange(len(tokens))
            targets[line, at + first - 1 : end - 1] = tokens[first:]
            weights[line, at:end] = encoded.weights[row]
            at = end
        if at < width and len(rows) == 1:
            positions[line, at:] = np.arange(at, width)  # plain padding: no second row, so no mask is built
        elif at < width:
            positions[line, at:] = np.arange(width - at)
    return Micro(ids, positions, targets, weights)


def leak(model: Any, tokens: Sequence[Sequence[int]]) -> float:
    """The largest difference of a logit between ``tokens`` packed into one sequence and each row alone."""
    import torch

    was_training = model.training
    model.eval()
    with torch.inference_mode():
        joined = torch.tensor([[token for row in tokens for token in row]], device=model.device)
        positions = torch.cat([torch.arange(len(row)) for row in tokens])[None].to(model.device)
        packed = model(input_ids=joined, position_ids=positions, use_cache=False).logits[0]
        alone = [
            model(input_ids=torch.tensor([list(row)], device=model.device), use_cache=False).logits[0]
            for row in tokens
        ]
    model.train(was_training)
    return float((packed - torch.cat(alone)).abs().max())


def check_isolation(model: Any, where: str) -> None:
    """Raise ``SetupError`` if rows packed for ``model`` see each other; ``where``: ``steps.NAME``."""
    size = model.config.get_text_config().vocab_size
    moved = leak(model, [[(7 * index + row) % size for index in range(5 + row)] for row in range(3)])
    if moved > (_FLOAT32_LEAK if model.dtype.itemsize == 4 else _SHORT_FLOAT_LEAK):
        problem = f"{type(model).__name__} lets packed rows see each other (a logit moves by {moved:.2g})"
        raise SetupError(
            f"{where}.packing", problem, "leave packing out; rows of like length are padded little"
        )
