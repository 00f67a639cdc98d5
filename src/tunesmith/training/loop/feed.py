"""Which items (rows, pairs) each optimisation step trains on: a pure function of (seed, step).

Items form an endless stream, epoch after epoch, each epoch shuffled anew. A step takes the next of them: a
fixed number, or as many as fit a token budget. A resumed training starts at step 10,000 without walking
through the steps before it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import count

import numpy as np

from ...chance import number


class Feed:
    """The items of every step.

    lengths: tokens per item, shape (items,).  batch: items per step, or else batch_tokens: most tokens per
    step (a longer single item is a step of its own).  epochs: passes over the items, may be a fraction;
    max_steps, if given, ends training after so many steps instead.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        seed: int,
        *,
        batch: int | None = None,
        batch_tokens: int | None = None,
        epochs: float = 1.0,
        max_steps: int | None = None,
    ) -> None:
        self._lengths, self._seed = lengths, seed
        self._order = lru_cache(maxsize=2)(self._shuffled)
        last = math.ceil(epochs * len(lengths) - 1e-9)  # 0.1 epochs of 30 is 3 items, not 4 by rounding
        if batch_tokens is None:
            size = batch or 1
            steps = max_steps or math.ceil(last / size)
            ends = np.arange(1, steps + 1) * size
            self._ends = ends if max_steps else np.minimum(ends, last)
        else:
            self._ends = self._by_tokens(batch_tokens, last, max_steps)

    def __len__(self) -> int:
        """Steps in all."""
        return len(self._ends)

    def items(self, step: int) -> np.ndarray:
        """Indices of the items of ``step`` (0 is the first), int64."""
        start = int(self._ends[step - 1]) if step else 0
        return self._stream(start, int(self._ends[step]))

    @property
    def epochs(self) -> float:
        """Passes over the items that all steps together make."""
        return float(self._ends[-1] / len(self._lengths))

    def _stream(self, start: int, end: int) -> np.ndarray:
        parts = []
        while start < end:
            epoch, first = divmod(start, len(self._lengths))
            taken = min(end - start, len(self._lengths) - first)
            parts.append(self._order(epoch)[first : first + taken])
            start += taken
        return np.concatenate(parts)

    def _shuffled(self, epoch: int) -> np.ndarray:
        stream = np.random.Philox(key=number(self._seed, "epoch", epoch))
        return np.random.Generator(stream).permutation(len(self._lengths))

    def _by_tokens(self, budget: int, last: int, max_steps: int | None) -> np.ndarray:
        """Where each step ends in the stream, for steps of at most ``budget`` tokens."""
        ends: list[int] = []
        start = filled = 0
        lengths = (int(self._lengths[item]) for epoch in count() for item in self._order(epoch))
        for position, length in enumerate(lengths):
            full = position > start and filled + length > budget
            finished = max_steps is None and position == last
            if full or finished:
                ends.append(position)
                start, filled = position, 0
            if finished or len(ends) == max_steps:
                break
            filled += length
        return np.array(ends, np.int64)
