"""Evol Stop chooses the data by a score; what it is chosen by must not be reported as a test.

WizardCoder's first version (arXiv 2306.08568v1) chose its round on HumanEval and reported HumanEval. A dev
set that only shares problems with a reported benchmark is the same mistake, harder to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..benchmarks import GROUPS, overlap
from .recipe import Node, Rounds


class Leak(NamedTuple):
    """A block whose ``probe`` step chooses by ``dev``, which shares problems with ``test`` in ``scores``."""

    block: str
    probe: str
    dev: str
    scores: str
    test: str


def leaks(nodes: Sequence[Node | Rounds]) -> Iterator[Leak]:
    """Every benchmark that decides when a block stops and is, or overlaps with, a reported one."""
    reported = [(node.name, name) for node in nodes if isinstance(node, Node) for name in _benchmarks(node)]
    for block in nodes:
        if not isinstance(block, Rounds) or block.stop is None:
            continue
        for probe in block.probe:
            for dev in _benchmarks(probe):
                clash = next(((step, test) for step, test in reported if overlap(dev, test)), None)
                if clash:
                    yield Leak(block.name, probe.name, dev, *clash)


def _benchmarks(node: Node) -> list[str]:
    """What a score step scores on, groups spelt out."""
    given = getattr(node.step, "benchmarks", ()) if node.step.kind == "score" else ()
    return [name for group in given for name in GROUPS.get(group, (group,))]
