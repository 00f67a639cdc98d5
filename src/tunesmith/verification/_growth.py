"""Growth of work and memory with the size of the input: the program that measures it, and what follows.

The measuring program runs in the sandbox around untrusted code. Work is counted, not timed: lines
executed, items taken from the input, and comparisons and hashes of its items, so that ``sorted`` and
``in`` count for what they do. Memory is the peak that ``tracemalloc`` saw beyond the input.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CLASSES = ("1", "log n", "n", "n log n", "n^2", "n^3", "2^n")
"""Classes of growth, in order."""
LADDERS = ((32, 64, 128, 256, 512), (4, 8, 12, 16, 20))
"""Sizes of inputs; the second where the first are too much work."""

_WORDS = {
    "constant": "1", "logarithmic": "log n", "linear": "n", "linearithmic": "n log n", "quadratic": "n^2",
    "cubic": "n^3", "exponential": "2^n",
}  # fmt: skip
_BIG_O = re.compile(r"\bO\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_RESOURCE = re.compile(r"\b(time|space|memory)\b", re.IGNORECASE)
_OF_WHAT = re.compile(r"(?:(?!\band\b|[,;.]).)*?\b(time|space|memory)\b", re.IGNORECASE)
_NAMED = re.compile(
    rf"\b({'|'.join(_WORDS)})(?:[- ]?\w+)?[- ](time|running time|memory|space)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text promises: ``what`` is ``time`` or ``space``, ``growth`` a key of ``CLASSES``."""

    what: str
    growth: str


def claims_of(text: str) -> list[Claim]:
    """The bounds that a text states, each kind once; time where it does not say of what."""
    found: dict[str, str] = {}
    for bound in _BIG_O.finditer(text):
        growth = _normal(bound[1])
        if growth is not None:
            after = _OF_WHAT.match(text[bound.end() : bound.end() + 40])
            before = _RESOURCE.findall(text[max(0, bound.start() - 40) : bound.start()])
            said_of = after[1] if after else before[-1] if before else "time"
            found.setdefault("time" if said_of.lower() == "time" else "space", growth)
    for said in _NAMED.finditer(text):
        what = "space" if said[2].lower() in ("memory", "space") else "time"
        found.setdefault(what, _WORDS[said[1].lower()])
    return [Claim(what, growth) for what, growth in sorted(found.items())]


def _normal(bound: str) -> str | None:
    """``n*log(n)`` as ``n log n``; None for what is not one of ``CLASSES`` in one variable."""
    text = (
        bound.lower()
        .replace("**", "^")
        .replace("²", "^2")
        .replace("³", "^3")
        .replace("*", " ")
        .replace("·", " ")
    )
    text = re.sub(r"log\s*\(?\s*([a-z])\s*\)?", r"log \1", text)
    text = re.sub(r"\b[a-z]\b", "n", " ".join(text.split()))
    text = {"n n": "n^2", "log n n": "n log n"}.get(text, text)
    return text if text in CLASSES else None


MEASURE = """
def _tunesmith_measure(function, nonce, ladders, budget):
    import json, random, sys, tracemalloc

    class TooMuch(BaseException):
        pass

    count = [0]

    def tick(amount=1):
        count[0] += amount
        if count[0] > budget:
            raise TooMuch

    class Item(int):
        __slots__ = ()

    ours = {tick.__code__}

    def counted(name):
        plain = getattr(int, name)

        def method(self, *others):
            tick()
            return plain(self, *others)

        ours.add(method.__code__)
        setattr(Item, name, method)

    for name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__", "__hash__"):
        counted(name)

    class Items(list):
        def __iter__(self):
            for item in super().__iter__():
                tick()
                yield item

        def __getitem__(self, key):
            found = super().__getitem__(key)
            tick(len(found) if isinstance(key, slice) else 1)
            return found

        def copy(self):
            tick(len(self))
            return list(super().__iter__())

    ours |= {Items.__iter__.__code__, Items.__getitem__.__code__, Items.copy.__code__}

    def trace(frame, event, argument):
        if frame.f_code in ours:
            return None
        if event == "line":
            tick()
        return trace

    def made(kind, size, seed):
        chance = random.Random(seed)
        if kind == "number":
            return size
        items = [Item(chance.randrange(4 * size)) for _ in range(size)]
        return Items(sorted(items, key=int) if kind == "sorted" else items)

    def work(kind, size, seed):
        given = made(kind, size, seed)
        count[0] = 0
        sys.settrace(trace)
        try:
            result = function(given)
            if hasattr(result, "__next__"):
                for _ in result:
                    tick()
        finally:
            sys.settrace(None)
        return count[0]

    def memory(kind, size, seed):
        given = made(kind, size, seed)
        given = given if kind == "number" else [int(item) for item in given]
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            function(given)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    def series(kind, sizes):
        times, spaces = [], []
        try:
            for size in sizes:
                times.append([work(kind, size, seed) for seed in range(3)])
                spaces.append([memory(kind, size, seed) for seed in range(2)])
        except TooMuch:
            times = times[: len(spaces)]
        return {"sizes": list(sizes[: len(spaces)]), "time": times, "space": spaces}

    found = {}
    for kind in ("items", "sorted", "number"):
        for sizes in ladders:
            try:
                told = series(kind, sizes)
            except Exception:
                break
            if len(told["sizes"]) >= 3:
                found[kind] = told
                break
    print()
    print(nonce + json.dumps(found))
"""


def measuring(code: str, function: str, nonce: str, budget: int = 1_000_000) -> str:
    """A program that runs ``function`` of ``code`` on growing inputs and prints counts after ``nonce``."""
    call = f"_tunesmith_measure({function}, {nonce!r}, {LADDERS!r}, {budget})"
    return f"{code}\n{MEASURE}\nimport sys\nsys.setrecursionlimit(20000)\n{call}\n"


def counts_in(stdout: str, nonce: str) -> dict[str, dict[str, Any]]:
    """By kind of input: ``sizes``, and counts under ``time`` and ``space``; empty where there are none.

    The program is untrusted and may print anything: what has not exactly this form is left out.
    """
    line = next((line for line in reversed(stdout.splitlines()) if line.startswith(nonce)), "")
    try:
        found = json.loads(line.removeprefix(nonce)) if line else {}
    except (ValueError, RecursionError):
        return {}
    kinds = found.items() if isinstance(found, dict) else ()
    return {name: told for name, told in kinds if _is_whole(told)}


def _is_whole(told: Any) -> bool:
    """Whether these are counts at sizes that we asked for: a list of whole numbers for each size."""
    sizes = told.get("sizes") if isinstance(told, dict) else None
    if not isinstance(sizes, list) or not any(sizes == list(ladder[: len(sizes)]) for ladder in LADDERS):
        return False
    return all(
        isinstance(series := told.get(what), list)
        and len(series) == len(sizes)
        and all(
            isinstance(counts, list) and counts and all(type(n) is int and 0 <= n < 2**53 for n in counts)
            for counts in series
        )
        for what in ("time", "space")
    )


def holds(claim: Claim, sizes: Sequence[int], counts: Sequence[Sequence[int]]) -> tuple[bool | None, float]:
    """Whether counts grow no faster than claimed from the smallest size to the largest, and how sure that is.

    counts: one list a size, one count a seed.  A seed speaks for the claim if its growth is within the
    slack of what the claim allows (overhead makes growth smaller, never larger), against it well beyond
    that; sure is the share of seeds that say so. No majority of 70% either way: None.
    """
    if len(sizes) < 3 or not counts or not all(counts):
        return None, 0.0
    floor, slack = (512, 0.5) if claim.what == "space" else (0, 0.25)
    allowed = _growth(claim.growth, sizes[0], sizes[-1])
    ratios = [
        (last + floor) / max(first + floor, 1) / allowed
        for first, last in zip(counts[0], counts[-1], strict=False)
    ]
    well = sum(ratio <= 1 + slack for ratio in ratios) / len(ratios)
    badly = sum(ratio >= 1 + 1.6 * slack for ratio in ratios) / len(ratios)
    if well >= _SURE:
        return True, well
    return (False, badly) if badly >= _SURE else (None, max(well, badly))


_SURE = 0.7


def _growth(growth: str, first: int, last: int) -> float:
    """f(last) / f(first) for a class of growth."""
    ratio, logs = last / first, math.log(last) / math.log(first)
    linear = {"1": 1.0, "log n": logs, "n": ratio, "n log n": ratio * logs}
    return (linear | {"n^2": ratio**2, "n^3": ratio**3}).get(growth, math.inf)


def measured(what: str, sizes: Sequence[int], counts: Sequence[Sequence[int]]) -> str | None:
    """The slowest class of growth that holds for the counts; None where none is clear."""
    return next((g for g in CLASSES if holds(Claim(what, g), sizes, counts)[0] is True), None)
