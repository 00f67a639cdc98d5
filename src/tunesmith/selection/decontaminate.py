"""``selection.decontaminate``: drop rows that repeat a benchmark's problems word for word.

This is the simple half of what the papers do (StarCoder 2305.06161, Section 3: whole texts; GPT-3 2005.14165,
Appendix C: n-grams). It hardly finds a problem that was reworded or translated. WizardCoder and WaveCoder
therefore compare embeddings (``selection.near_benchmark``); DolphCoder compares function names and core
words, which ``names`` and ``core_words`` do. The published 40% of core words is too much: against
HumanEval and MBPP it drops one in four of Code Alpaca's instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from pydantic import Field

from ..benchmarks import load
from ..sample import Drop, Sample, TextField
from ..step import Context, Step, Yield
from ._benchmarks import data_place, versions
from ._core_words import CoreWords
from ._overlap import SHORTEST, Hit, Names, Overlap


class Decontaminate(Step):
    """Drops rows that contain a run of words of a benchmark problem; drops name the problem and the words."""

    version: ClassVar[str] = "3"

    against: tuple[str, ...] = Field(min_length=1)
    """Benchmarks whose problems must not be in the rows, e.g. `[humaneval, mbpp]`."""
    data: str | None = None
    """A folder or file that holds the benchmarks' data; by default they are downloaded once and kept."""
    fields: tuple[TextField, ...] = Field(default=("instruction", "answer", "code"), min_length=1)
    """The texts that are searched."""
    ngram: int | None = Field(default=10, ge=SHORTEST)
    """Words in a row that count as a repeat; `null`: only whole descriptions, long sentences and whole
    solutions, as a benchmark made of a few phrases needs it."""

    names: bool = False
    """Whether a problem's function name in a row is a repeat too; only names of several words count."""
    core_words: float | None = Field(default=None, gt=0, lt=1)
    """Share of a problem's core words, in any order, above which a row is a repeat too; published: 0.4."""

    def outside(self, ctx: Context) -> str:
        return versions(self.against, self.data, ctx)

    def row(self, sample: Sample, ctx: Context) -> Yield:
        for how, search in _searches(self, data_place(self.data, ctx)):
            for field in self.fields:
                hit = search(getattr(sample, field))
                if hit:
                    leak = {"problem": hit.task_id, "words": hit.words, "field": field}
                    yield Drop(sample.noted(leak=leak), f"{how} {hit.benchmark}")
                    return
        yield sample


@lru_cache(maxsize=4)
def _searches(step: Decontaminate, data: str | None) -> list[tuple[str, Callable[[str], Hit | None]]]:
    """The searches of a row, in this order, each with the reason for a drop."""
    benchmarks = [load(name, data) for name in step.against]
    found: list[tuple[str, Callable[[str], Hit | None]]] = [("repeats", Overlap(benchmarks, step.ngram).find)]
    if step.names:
        found.append(("names a function of", Names(benchmarks).find))
    if step.core_words is not None:
        found.append(("shares core words with", CoreWords(benchmarks, step.core_words).find))
    return found
