"""Rows as token ids, each with its supervised part and its weight.

Only the answer and its end are supervised. A row that cannot teach anything (no answer, no weight) or does
not fit is left out and counted by its reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ...errors import DataError
from ...llm.template import Taught, Template
from ...sample import Sample
from .._settings import Overlong

_CHUNK = 1000


@dataclass(frozen=True)
class Encoded:
    """All rows, flat. Row ``i`` is ``ids[starts[i]:starts[i + 1]]``, of which the first ``prompts[i]``
    tokens are the prompt.

    ids: int32, shape (tokens,).  starts: int64, shape (rows + 1,).  prompts: int32, shape (rows,).
    weights: float64, shape (rows,).  left_out: reason -> rows.  cut: rows whose answer was shortened.
    digest: of everything above and of the template; equal digests train alike.
    """

    ids: np.ndarray
    starts: np.ndarray
    prompts: np.ndarray
    weights: np.ndarray
    left_out: Counter[str]
    cut: int
    digest: str

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per row, int64 of shape (rows,)."""
        return np.diff(self.starts)

    def row(self, index: int) -> np.ndarray:
        """The token ids of one row, int32 of shape (length,)."""
        return self.ids[self.starts[index] : self.starts[index + 1]]

    def supervised(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Supervised tokens per row, int64: the answer and its end token."""
        chosen = slice(None) if indices is None else indices
        # nothing precedes the first token of a row without a prompt, so nothing predicts it
        counts: np.ndarray = self.lengths[chosen] - np.maximum(self.prompts[chosen], 1)
        return counts


def encode(
    rows: Iterable[Sample],
    tokenizer: Any,
    template: Template,
    *,
    max_length: int,
    overlong: Overlong = "skip",
    where: str = "training",
) -> Encoded:
    """Tokenise ``rows`` under ``template``.

    max_length: most tokens of a row.  overlong: leave longer rows out, or cut the answer but keep its end.

    Raises:
        DataError: there are no rows, or none is left to train on (says why), or a weight is negative.
    """
    kept: list[np.ndarray] = []
    prompts: list[int] = []
    weights: list[float] = []
    left_out: Counter[str] = Counter()
    cut = seen = 0
    for sample, (prompt, answer, end) in _taught(rows, tokenizer, template):
        seen += 1
        if sample.weight < 0:
            problem = f"row {sample.id} has the weight {sample.weight:g}"
            raise DataError(where, problem, "weights are 0 (left out) or more")
        space = max_length - len(prompt) - len(end)
        reason = unfit(sample, answer, space, overlong)
        if reason:
            left_out[reason] += 1
            continue
        cut += len(answer) > space
        kept.append(np.array([*prompt, *answer[:space], *end], np.int32))
        prompts.append(len(prompt))
        weights.append(sample.weight)
    if not kept:
        raise _nothing(where, seen, left_out)
    return _flat(kept, prompts, weights, left_out, cut, template)


def _taught(rows: Iterable[Sample], tokenizer: Any, template: Template) -> Iterator[tuple[Sample, Taught]]:
    stream = iter(rows)
    while chunk := list(islice(stream, _CHUNK)):
        texts = [(sample.system, sample.instruction, sample.answer) for sample in chunk]
        yield from zip(chunk, template.taught(texts, tokenizer), strict=True)


def unfit(sample: Sample, answer: Sequence[int], space: int, overlong: Overlong) -> str:
    """Why a row cannot be trained on, or "". space: tokens left for its answer."""
    if not sample.answer.strip() or not answer:
        return "no answer"
    if sample.weight == 0:
        return "weight 0"
    if space < 1:
        return "prompt longer than max_length"
    if overlong == "skip" and len(answer) > space:
        return "longer than max_length"
    return ""


def _nothing(where: str, seen: int, left_out: Counter[str]) -> DataError:
    if not seen:
        return DataError(where, "there are no rows to train on", "look at the steps before: tunesmith show")
    why = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
    fix = "give rows with answers, raise max_length, or set overlong: cut"
    return DataError(where, f"none of the {seen} rows can be trained on: {why}", fix)


def _flat(
    kept: list[np.ndarray], prompts: list[int], weights: list[float],
    left_out: Counter[str], cut: int, template: Template,
) -> Encoded:  # fmt: skip
    ids = np.concatenate(kept)
    starts = np.concatenate([[0], np.cumsum([len(row) for row in kept])])
    arrays = (ids, starts.astype(np.int64), np.array(prompts, np.int32), np.array(weights, np.float64))
    digest = hashlib.blake2b(template.model_dump_json().encode(), digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return Encoded(*arrays, left_out, cut, digest.hexdigest())
