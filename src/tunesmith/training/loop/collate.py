"""The rows of a step as tensors that fit the memory: padded, or packed with isolated attention.

A step is cut into micro-batches whose gradients add up, so neither packing nor the memory budget
changes what is learnt (but for rounding): the loss is normalised over the whole step.

Packing puts several rows end to end into one sequence. Their ``position_ids`` restart at 0, from which
transformers masks every row from its neighbours (Krell et al. 2021, arXiv 2107.02027); this is exact for
every attention implementation, provided that no attention mask is passed. ``leak`` measures it.
Padding stands on the right, where causal attention cannot see it, so it needs no mask either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .encode import Encoded

IGNORED = -100


@dataclass(frozen=True)
class Micro:
    """One forward pass; all arrays of shape (sequences, width).

    ids, positions: int64.  targets: int64, the token to predict at each place, or ``IGNORED``.
    weights: float32, the weight of the row that a place belongs to.
    """

    ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @property
    def slots(self) -> int:
        """Places computed, padding included."""
        return int(self.ids.size)


def micro_batches(
    encoded: Encoded, rows: np.ndarray, *, slots: int, pad: int, packed_length: int | None = None
) -> list[Micro]:
    """The rows of one step in forward passes of at most ``slots`` places (a longer row goes alone).

    packed_length: width to pack rows into, or None to pad them.
    """
    lengths = encoded.lengths
    if packed_length is None:
        bins = [[int(row)] for row in rows]
    else:
        bins = pack(lengths[rows], packed_length)
        bins = [[int(rows[place]) for place in places] for places in bins]
    widths = [int(sum(lengths[row] for row in one)) for one in bins]
    order = sorted(range(len(bins)), key=lambda place: (-widths[place], place))
    found: list[Micro] = []
    group: list[list[int]] = []
    width = 0
    for place in order:  # longest first: the first of a group sets its width
        if group and (len(group) + 1) * width > slots:
            found.append(_micro(encoded, group, width, pad))
            group = []
        if not group:
            width = widths[place]
        group.append(bins[place])
    found.append(_micro(encoded, group, width, pad))
    return found


def pack(lengths: Sequence[int] | np.ndarray, capacity: int) -> list[list[int]]:
    """Bins of places in ``lengths``, none fuller than ``capacity`` tokens: best fit, longest first.

    A row longer than ``capacity`` gets a bin of its own.
    """
    bins: list[list[int]] = []
    by_room: dict[int, list[int]] = {}
    for place in sorted(range(len(lengths)), key=lambda place: (-int(lengths[place]), place)):
        length = int(lengths[place])
        room = min(
            (room for room, open_bins in by_room.items() if room >= length and open_bins), default=None
        )
        if room is None:
            bins.append([place])
            chosen, room = len(bins) - 1, max(capacity, length)
        else:
            chosen = by_room[room].pop()
            bins[chosen].append(place)
        by_room.setdefault(room - length, []).append(chosen)
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
        places = torch.cat([torch.arange(len(row)) for row in tokens])[None].to(model.device)
        packed = model(input_ids=joined, position_ids=places, use_cache=False).logits[0]
        alone = [
            model(input_ids=torch.tensor([list(row)], device=model.device), use_cache=False).logits[0]
            for row in tokens
        ]
    model.train(was_training)
    return float((packed - torch.cat(alone)).abs().max())
