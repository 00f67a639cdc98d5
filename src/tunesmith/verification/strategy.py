"""``verification.strategy``: notes by which way a program solves its task, whatever its wording.

DolphCoder (arXiv 2402.09136) wants different answers to one instruction; answers of one model are near
copies more often than not (InverseCoder, 2407.05700, App. C.6: Jaccard 0.31 under system prompts against
0.12). Two answers count as different strategies here if their traits (recursion, sorting, hashing, ...),
loop depth or imports differ; renamed variables, comments and layout make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ..code.facts import code_facts
from ..code.find_program import code_of
from ..sample import Json, Sample
from ..step import Context, Step, Yield


class Strategy(Step):
    """Notes each Python answer's strategy in ``meta.strategy``; passes every row on."""

    def row(self, sample: Sample, ctx: Context) -> Yield:
        strategy = strategy_of(sample)
        yield sample if strategy is None else sample.noted(strategy=strategy)


def strategy_of(sample: Sample) -> str | None:
    """The strategy of a row's answer; None where it is not Python that parses."""
    if not sample.answer.strip() or sample.language not in ("", "python"):
        return None
    facts = code_facts(code_of(sample.answer, "python"))
    return facts.strategy if facts else None


def diversity(rows: Iterable[Sample]) -> dict[str, Json]:
    """How many strategies the answers to one instruction have.

    instructions: with at least two answers that parse.  answers, strategies: means per instruction.
    repeated: share of answers whose strategy an earlier answer to the same instruction had.
    """
    return spread((row.instruction, strategy_of(row)) for row in rows)


def spread(strategies: Iterable[tuple[str, str | None]]) -> dict[str, Json]:
    """The figures of ``diversity`` from (instruction, strategy of an answer to it) pairs."""
    several = [found for found in by_instruction(strategies).values() if len(found) > 1]
    answers = sum(map(len, several))
    kinds = sum(len(set(found)) for found in several)
    return {
        "instructions": len(several),
        "answers": answers / len(several) if several else None,
        "strategies": kinds / len(several) if several else None,
        "repeated": (answers - kinds) / answers if several else None,
    }


def by_instruction(strategies: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    """The known strategies of the answers to each instruction."""
    seen: dict[str, list[str]] = defaultdict(list)
    for instruction, strategy in strategies:
        if strategy is not None:
            seen[instruction].append(strategy)
    return seen
