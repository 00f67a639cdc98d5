"""``evaluation.style_conflict``: how differently the sources of a mix are written, pair by pair.

AlchemistCoder (arXiv 2405.19265) mixes sources and blames conflicts of style between them for what the
mix loses; this is the measure (checklist 57). Per answer: language of the code, whether it stands in a
fence, share of prose, length, share of snake_case among names of several words. A pair's distance is
the mean over these five, each in 0..1: total variation for the language, Cliff's delta (how surely one
can tell which of two answers is from which source) for the rest.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import orjson
from pydantic import Field

from .. import replies
from ..chance import number
from ..code.markdown import blocks, parse
from ..rows import Table
from ..sample import Json, Sample
from ..step import Context, Step, Yield

_WORD = re.compile(r"[A-Za-z0-9_]+")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:(?:_[a-z0-9]+)+|(?:[A-Z][a-z0-9]*)+)")
_TRAITS = ("language", "fence", "prose", "words", "snake_case")


@dataclass(frozen=True, slots=True)
class Style:
    """One answer. fence: 0 or 1.  prose: share of characters outside code.  words: of the whole answer.

    snake_case: share among names of several words; NaN without any.
    """

    language: str
    fence: float
    prose: float
    words: float
    snake_case: float


class StyleConflict(Step):
    """Passes all rows on and writes ``style.json`` beside them: styles per source, distances per pair."""

    per_source: int = Field(default=1000, ge=10)
    """Most answers of one source that are looked at, chosen by chance."""
    resamples: int = Field(default=200, ge=20)
    """Bootstrap resamples behind each 95% interval."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        report = self.report(rows, ctx)
        ctx.folder.mkdir(parents=True, exist_ok=True)
        (ctx.folder / "style.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
        yield from rows

    def report(self, rows: Table | Sequence[Sample], ctx: Context) -> dict[str, Json]:
        """Under ``sources`` the mean style of each, under ``pairs`` the distance of every two.

        low, high: 95% bootstrap interval of the distance.  by_chance: the distance that 95% of random
        splits of the two sources' answers stay under; a distance below it shows no conflict.
        """
        chosen: dict[str, list[tuple[int, str, Style]]] = defaultdict(list)
        for row in rows:
            if row.answer.strip():
                heap = chosen[row.source or "unknown"]
                entry = (number(ctx.seed, ctx.step, row.id), row.id, style_of(row))
                push = heapq.heappush if len(heap) < self.per_source else heapq.heappushpop
                push(heap, entry)
        styles = {source: [style for _, _, style in sorted(heap)] for source, heap in sorted(chosen.items())}
        pairs = itertools.combinations(styles, 2)
        found = [self._pair(one, other, styles, ctx) for one, other in pairs]
        return {"sources": {source: _means(group) for source, group in styles.items()}, "pairs": found}

    def _pair(self, one: str, other: str, styles: dict[str, list[Style]], ctx: Context) -> dict[str, Json]:
        left, right = styles[one], styles[other]
        traits = distances(left, right)
        chance = np.random.default_rng(number(ctx.seed, ctx.step, one, other))
        drawn, split = [], []
        both = [*left, *right]
        for _ in range(self.resamples):
            again = [
                [group[i] for i in chance.integers(0, len(group), len(group))] for group in (left, right)
            ]
            drawn.append(_mean(distances(*again)))
            mixed = [both[i] for i in chance.permutation(len(both))]
            split.append(_mean(distances(mixed[: len(left)], mixed[len(left) :])))
        low, high = np.quantile(drawn, [0.025, 0.975])
        return {
            "sources": [one, other], "distance": _mean(traits), "low": float(low), "high": float(high),
            "by_chance": float(np.quantile(split, 0.95)), "traits": traits,
        }  # fmt: skip


def style_of(sample: Sample) -> Style:
    """The style of a row's answer."""
    found = blocks(sample.answer)
    outside = replies.prose(sample.answer) if found else sample.answer
    if not found and parse(sample.answer) is not None:
        outside = ""  # bare code
    code = "\n".join(block.code for block in found) if found else sample.answer
    names = [name for word in _WORD.findall(code) if _NAME.fullmatch(name := word.strip("_"))]
    tagged = next((block.language for block in found if block.language), "")
    return Style(
        language=tagged or sample.language or "unknown",
        fence=float(bool(found)),
        prose=len("".join(outside.split())) / max(1, len("".join(sample.answer.split()))),
        words=float(len(replies.words(sample.answer))),
        snake_case=sum("_" in name for name in names) / len(names) if names else float("nan"),
    )


def distances(left: Sequence[Style], right: Sequence[Style]) -> dict[str, float]:
    """The distance of two sources, 0..1, by trait; a trait that one of them does not show is left out."""
    first, second = (list(zip(*map(astuple, group), strict=True)) for group in (left, right))
    shares = [Counter(languages) for languages in (first[0], second[0])]
    names = shares[0].keys() | shares[1].keys()
    apart = sum(abs(shares[0][name] / len(left) - shares[1][name] / len(right)) for name in names) / 2
    found = {"language": apart}
    for trait, ours, theirs in zip(_TRAITS[1:], first[1:], second[1:], strict=True):
        delta = _cliff(np.asarray(ours, float), np.asarray(theirs, float))
        if delta is not None:
            found[trait] = delta
    return found


def _cliff(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """|P(X > Y) - P(X < Y)| of two samples, NaN left out."""
    ours, theirs = ours[~np.isnan(ours)], np.sort(theirs[~np.isnan(theirs)])
    if not len(ours) or not len(theirs):
        return None
    below, up_to = np.searchsorted(theirs, ours, "left"), np.searchsorted(theirs, ours, "right")
    return float(abs((below - (len(theirs) - up_to)).mean()) / len(theirs))


def _mean(traits: dict[str, float]) -> float:
    return sum(traits.values()) / len(traits)


def _means(group: Sequence[Style]) -> dict[str, Json]:
    named = [style.snake_case for style in group if style.snake_case == style.snake_case]
    languages = Counter(style.language for style in group)
    return {
        "answers": len(group),
        "languages": {name: count / len(group) for name, count in languages.most_common()},
        "fence": sum(style.fence for style in group) / len(group),
        "prose": sum(style.prose for style in group) / len(group),
        "words": float(np.median([style.words for style in group])),
        "snake_case": sum(named) / len(named) if named else None,
    }
