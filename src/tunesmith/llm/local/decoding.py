"""Decoding, token by token, for a batch of requests that each have their own settings.

Each token is chosen here: greedily, or as the inverse of the row's own cumulative distribution at a random
number from a stream that belongs to the request. So a sampled reply depends on model, request and draw, not
on what else was in the batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from ...requests import Request, Sampling
from ..store_entry import request_words

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=512)

First = list[tuple[int, float]]
"""The most likely first tokens of a reply with their natural-log probabilities."""


@dataclass(frozen=True)
class Ask:
    """A request made ready. index: in its list.  limit: most new tokens.  seed: of its random stream."""

    index: int
    ids: list[int]
    limit: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]
    logprobs: int
    seed: int


def ready(request: Request, ids: list[int], context: int | None, index: int) -> Ask:
    """``request`` with its prompt's token ``ids``; context: the longest sequence the model takes, tokens."""
    how = request.sampling
    limit = GREEDY.max_tokens if how.max_tokens is None else how.max_tokens
    assert limit is not None
    left = limit if context is None else min(limit, context - len(ids))
    words = {key: value for key, value in request_words(request).items() if key != "logprobs"}
    digest = hashlib.blake2b(orjson.dumps(words, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()
    return Ask(
        index, ids, left, how.temperature or 0.0, how.top_p or 1.0, how.stop, request.logprobs,
        int.from_bytes(digest, "big"),
    )  # fmt: skip


@dataclass
class Chooser:
    """A logits processor that decides each row's token and leaves only that one possible.

    Called once per step with logits of shape (rows, vocabulary).
    """

    asks: Sequence[Ask]
    step: int = 0
    first: list[First] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rows = [row for row, ask in enumerate(self.asks) if ask.temperature > 0]
        self._streams = [np.random.Generator(np.random.Philox(self.asks[row].seed)) for row in self._rows]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self.step == 0:
            self._note_first(scores)
        self.step += 1
        if not self._rows:
            return scores
        chosen = self._sampled(scores[self._rows].float())
        scores = scores.clone()
        scores[self._rows] = float("-inf")
        scores[self._rows, chosen] = 0.0
        return scores

    def _sampled(self, scores: Any) -> Any:
        """Token ids of shape (rows,): nucleus sampling (Holtzman et al. 2020) by inverse distribution."""
        import torch

        asks = [self.asks[row] for row in self._rows]
        heat = torch.tensor([ask.temperature for ask in asks], device=scores.device)
        mass = torch.tensor([ask.top_p for ask in asks], device=scores.device)
        probable = torch.softmax(scores / heat[:, None], -1).double()
        if bool((mass < 1).any()):
            ranked, order = probable.sort(dim=-1, descending=True, stable=True)
            outside = ranked.cumsum(-1) - ranked >= mass[:, None]
            probable = probable.masked_fill(outside.scatter(-1, order, outside), 0.0)
        # in the order of the vocabulary, not of probability: a near tie must not swap two tokens
        reach = probable.cumsum(-1)
        drawn = torch.tensor([stream.random() for stream in self._streams], device=scores.device)
        token = torch.searchsorted(reach, drawn.double()[:, None] * reach[:, -1:], right=True)[:, 0]
        return token.clamp(max=scores.shape[-1] - 1)

    def _note_first(self, scores: Any) -> None:
        import torch

        self.first = [[] for _ in self.asks]
        wanted = [row for row, ask in enumerate(self.asks) if ask.logprobs]
        if wanted:
            logs = torch.log_softmax(scores[wanted].float(), -1)
            for row, line in zip(wanted, logs, strict=True):
                top = line.topk(min(self.asks[row].logprobs, line.shape[0]))
                self.first[row] = list(zip(top.indices.tolist(), top.values.tolist(), strict=True))


class Stops:
    """A stopping criterion: a row is done at its own limit, or when it holds one of its stop strings."""

    def __init__(self, asks: Sequence[Ask], tokenizer: Any, start: int) -> None:
        self.asks, self.tokenizer, self.start = asks, tokenizer, start
        self._stopping = [row for row, ask in enumerate(asks) if ask.stop]
        # a token has at least one byte, so so many tokens hold any stop string
        self._tail = 1 + max((len(stop.encode()) for ask in asks for stop in ask.stop), default=0)
        self._done: set[int] = set()

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        new = input_ids.shape[1] - self.start
        done = [new >= ask.limit for ask in self.asks]
        for row in self._stopping:
            if row not in self._done:
                tail = input_ids[row, max(self.start, input_ids.shape[1] - self._tail) :].tolist()
                text = self.tokenizer.decode(tail, skip_special_tokens=True)
                if any(stop in text for stop in self.asks[row].stop):
                    self._done.add(row)
            done[row] = done[row] or row in self._done
        return torch.tensor(done, device=input_ids.device)
