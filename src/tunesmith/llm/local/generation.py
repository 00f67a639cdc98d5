"""Batched generation with a model whose weights we hold; what ``hf``, ``scratch`` and evaluation use.

Requests are sorted by length and generated a batch at a time by transformers' ``generate`` (left
padding, KV cache), which asks ``decoding`` for every token. A reply does not depend on who else was in the
batch (up to rounding: another batch shape may add floats in another order, which can tip a near tie).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...requests import Completion, Request, Sampling, Usage
from ..template import Template
from .decoding import GREEDY, Ask, Chooser, First, Stops, ready
from .threads import cpu_threads, quiet, threads_for

_TAIL = 4


@dataclass(frozen=True)
class Local:
    """A loaded model with all that is needed to ask it.

    model, tokenizer: of transformers.  name: written into every completion.  batch_size: most rows at once.
    threads: of the CPU, for one operation; 0 chooses (see ``threads_for``).
    """

    model: Any
    tokenizer: Any
    template: Template
    name: str
    batch_size: int = 64
    threads: int = 0

    def prompt(self, request: Request) -> str:
        """The text that the model reads for ``request``."""
        return self.template.prompt(request.messages, self.tokenizer)

    def context(self) -> int | None:
        """The longest sequence the model takes, in tokens, or None where its configuration does not say."""
        return getattr(self.model.config, "max_position_embeddings", None)

    def answer(self, requests: Sequence[Request], batch_size: int | None = None) -> list[Completion | None]:
        """One completion per request, in their order; None where the prompt fills the model's context.

        What a request's sampling leaves open is ``GREEDY``.
        """
        ids = self.template.prompt_ids([self.prompt(request) for request in requests], self.tokenizer)
        pairs = enumerate(zip(requests, ids, strict=True))
        asks = [ready(request, known, self.context(), index) for index, (request, known) in pairs]
        completions: list[Completion | None] = [None] * len(requests)
        with cpu_threads(self.threads or threads_for(self.model)):
            for batch in _batches([ask for ask in asks if ask.limit > 0], batch_size or self.batch_size):
                for ask, completion in zip(batch, self._generate(batch), strict=True):
                    completions[ask.index] = completion
        return completions

    def _generate(self, asks: Sequence[Ask]) -> list[Completion]:
        import torch
        from transformers import GenerationConfig

        stop_ids = sorted({*self.template.stop_ids(self.tokenizer), *_own_ends(self.model)})
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else stop_ids[0]
        ids, mask = _left_padded([ask.ids for ask in asks], pad)
        chooser = Chooser(asks)
        config = GenerationConfig(
            max_new_tokens=max(ask.limit for ask in asks), do_sample=False, eos_token_id=stop_ids,
            pad_token_id=pad, bos_token_id=self.tokenizer.bos_token_id, use_cache=True,
            repetition_penalty=1.0,  # of the checkpoint's own settings, none is part of the protocol
        )  # fmt: skip
        stops = Stops(asks, self.tokenizer, ids.shape[1])
        device = self.model.device
        was_training = self.model.training
        self.model.eval()
        with torch.inference_mode(), quiet():
            out = self.model.generate(
                inputs=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device),
                generation_config=config, logits_processor=[chooser], stopping_criteria=[stops],
            )  # fmt: skip
        self.model.train(was_training)
        new = out[:, ids.shape[1] :].tolist()
        ends = {*stop_ids, pad}
        return [self._completion(*row, ends) for row in zip(asks, new, chooser.first, strict=True)]

    def _completion(self, ask: Ask, new: list[int], first: First, ends: set[int]) -> Completion:
        written = new[: ask.limit]
        end = next((index for index, token in enumerate(written) if token in ends), None)
        text = self._text(ask.ids[-_TAIL:], written[:end])
        cut = min((at for stop in ask.stop if (at := text.find(stop)) >= 0), default=None)
        count = len(written) if end is None else end + 1
        logprobs = {self.tokenizer.decode([token]): value for token, value in reversed(first)}
        return Completion(
            text=text[:cut],
            usage=Usage(input=len(ask.ids), output=count),
            finish_reason="length" if end is None and cut is None else "stop",
            model=self.name,
            first_logprobs=logprobs,
        )

    def _text(self, before: list[int], new: list[int]) -> str:
        """``new`` decoded after ``before``: decoded alone, some tokenizers drop its first blank."""
        known = self.tokenizer.decode(before, skip_special_tokens=True)
        return str(self.tokenizer.decode([*before, *new], skip_special_tokens=True))[len(known) :]


def generate(
    local: Local,
    instructions: Sequence[str],
    *,
    system: str = "",
    sampling: Sampling = GREEDY,
    draws: int = 1,
    batch_size: int | None = None,
) -> list[list[Completion | None]]:
    """``draws`` completions of every instruction, all batched together.

    Returns a list per instruction, in their order; see ``Local.answer``.
    """
    requests = [
        Request.of(text, system=system, sampling=sampling, draw=draw)
        for text in instructions
        for draw in range(draws)
    ]
    flat = local.answer(requests, batch_size)
    return [flat[start : start + draws] for start in range(0, len(flat), draws)]


def _own_ends(model: Any) -> list[int]:
    """The tokens that end a reply by the model's own settings; chat models have several."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def _batches(asks: Sequence[Ask], size: int) -> Iterator[list[Ask]]:
    """Rows of like length and limit together, longest first; the order does not depend on arrival."""
    ordered = sorted(asks, key=lambda ask: (-ask.limit, -len(ask.ids), ask.ids, ask.seed))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and attention mask, both int64 of shape (rows, longest row)."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad, np.int64)
    mask = np.zeros_like(ids)
    for line, row in enumerate(rows):
        ids[line, width - len(row) :] = row
        mask[line, width - len(row) :] = 1
    return ids, mask
