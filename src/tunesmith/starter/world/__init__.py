"""The starter world: small tested Python tasks that a model of a million parameters can learn.

A task is a composition of parts (``parts``, ``families``); what it does decides what it is (``task``),
and some combinations are held out (``split``). It has many wordings (``wording``), right answers in
three styles (``solutions``), tests that catch near misses (``checks``) and harder neighbours
(``evolution``). Everything follows from tables in this package: no chance, no network, no files.
"""

from __future__ import annotations

from .checks import near_misses, tests
from .corpus import corpus
from .evolution import harder
from .solutions import STYLES, solution
from .split import Split, split_of, tasks, version
from .task import Task
from .wording import Reading, demand_one_pass, instruction, instructions, mislead, read, recognise

__all__ = [
    "STYLES",
    "Reading",
    "Split",
    "Task",
    "corpus",
    "demand_one_pass",
    "harder",
    "instruction",
    "instructions",
    "mislead",
    "near_misses",
    "read",
    "recognise",
    "solution",
    "split_of",
    "tasks",
    "tests",
    "version",
]
