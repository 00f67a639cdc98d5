"""The files that describe a run, as types; they are written and read only here.

    run.json                    RunState: the recipe's head, versions, how the run ended
    NN-STEP/begun.json          Begun: under which key a half-done step was begun
    NN-STEP/step.json           StepRecord: a done step; written last, so its existence means "done"
    NN-BLOCK/round-RR/NN-STEP/  the same two files, for a step inside a repeated block (see ``Place``)

Each file is one JSON object whose keys are the fields of its type, plus ``format``. Unknown keys are ignored,
so a new optional field does not need a new format. ``FORMAT`` is raised when an older reader would
misunderstand a file; folders of another format are refused with the command that makes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from ..errors import FolderError
from ..files import read_json, write_json
from ..llm.costs import CostLine
from ..results import Score

FORMAT = 2
"""2: input and output digests instead of lists of lost rows, failures in the answer store."""

_ROUND = re.compile(r"round-(\d+)")
_NUMBERED = re.compile(r"(\d{2,})-([^/\x00-\x1f\x7f]+)")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a step stands in a run: at the top level, or in one round of a repeated block.

    number: position of the step or block in the recipe, from 1.  round: from 1; 0 at the top level.
    inner_number, inner: position and name of the step inside the block.
    Places sort in reading order, a block before its rounds.
    """

    number: int
    step: str
    round: int = 0
    inner_number: int = 0
    inner: str = ""

    @classmethod
    def of_folder(cls, relative: PurePath) -> Place | None:
        """The place that a folder inside the run folder belongs to; None where it belongs to none."""
        top, *rest = relative.parts or ("",)
        outer = _NUMBERED.fullmatch(top)
        if outer is None or len(rest) not in (0, 2):
            return None
        if not rest:
            return cls(int(outer[1]), outer[2])
        turn, inner = _ROUND.fullmatch(rest[0]), _NUMBERED.fullmatch(rest[1])
        if turn is None or inner is None:
            return None
        return cls(int(outer[1]), outer[2], int(turn[1]), int(inner[1]), inner[2])

    @property
    def folder(self) -> PurePath:
        """``03-evolution/round-02/01-evolved``: its folder inside the run folder."""
        outer = PurePath(f"{self.number:02d}-{self.step}")
        return (
            outer / f"round-{self.round:02d}" / f"{self.inner_number:02d}-{self.inner}"
            if self.round
            else outer
        )

    @property
    def path(self) -> str:
        """``evolution/round-02/evolved``: how the commands call it."""
        return f"{self.step}/round-{self.round:02d}/{self.inner}" if self.round else self.step

    @property
    def name(self) -> str:
        """``evolution.2.evolved``: how rows, charges and the log call it."""
        return f"{self.step}.{self.round}.{self.inner}" if self.round else self.step

    def is_called(self, text: str) -> bool:
        """Whether ``text`` is one of its spellings (also ``evolution/round-2/evolved``)."""
        return text in (self.path, self.name, self.path.replace("/round-0", "/round-"))

    @property
    def block(self) -> Place | None:
        """The repeated block it belongs to."""
        return Place(self.number, self.step) if self.round else None


def round_of(folder: PurePath) -> int:
    """The number in the name of a round's folder; 0 where it is none."""
    matched = _ROUND.fullmatch(folder.name)
    return int(matched[1]) if matched else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """``run.json``. id: names the run in the answer store.  home: the recipe's folder, relative to this.

    status: ``running`` (or killed), ``stopped``, ``done``.  error: why it stopped.  at: time of writing.
    """

    id: str = ""
    name: str = ""
    paper: str = ""
    about: str = ""
    tiny: bool = False
    home: str = ""
    seed: int = 0
    status: str = ""
    error: str = ""
    steps: tuple[str, ...] = ()
    tunesmith: str = ""
    python: str = ""
    machine: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a step's rows are made of. key: from its recipe.  inputs: digest of the rows and models it takes.

    Both must match for what is on disk to be used. ``inputs`` differs under one key when failed requests of a
    step above were answered later.
    """

    key: str
    inputs: str


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """A ``results.Score`` without its attempts. step: who measured it.  passed, tried: attempts."""

    step: str
    benchmark: str
    protocol: Mapping[str, Any]
    n: int
    k: int
    value: float
    low: float
    high: float
    passed: int
    tried: int

    @classmethod
    def of(cls, score: Score, step: str) -> ScoreRecord:
        passed = sum(attempt.passed for attempt in score.attempts)
        return cls(
            step, score.benchmark, score.protocol, score.n, score.k, score.value, score.low, score.high,
            passed, len(score.attempts),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A ``results.Checkpoint``. path: relative to the run folder.  losses: None where not finite."""

    path: str
    losses: tuple[tuple[int, float | None], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """How a repeated block went. kept: rounds whose rows it gave.  probe: the score after each round."""

    rounds: int
    kept: int
    ended: str
    probe: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """``step.json``: a done step.

    name: ``Place.name``.  do: address.  kind: of ``step.Kind``, or ``rounds`` for a repeated block.
    key, inputs: see ``Begun``.  facts: what the key was made from.  digest: of the ids of its rows and drops.
    shards: files of rows.  reasons: drop reason -> rows.  failures: kind of failed request -> rows it cost.
    spent: over all requests, ``intents`` for each intent.  Training steps have a checkpoint, score steps
    scores, blocks a course.
    """

    name: str
    do: str
    kind: str
    key: str
    inputs: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    rows_in: int = 0
    rows_out: int | None = None
    shards: int = 0
    dropped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    spent: CostLine = field(default_factory=CostLine)
    intents: Mapping[str, CostLine] = field(default_factory=dict)
    checkpoint: CheckpointRecord | None = None
    scores: tuple[ScoreRecord, ...] = ()
    course: Course | None = None

    @property
    def made_of(self) -> Begun:
        return Begun(self.key, self.inputs)

    @property
    def params(self) -> Mapping[str, Any]:
        """The step's recipe keys with their values."""
        params: Mapping[str, Any] = self.facts.get("params") or {}
        return params


def write(path: Path, record: RunState | Begun | StepRecord) -> None:
    """Write one of the files; it appears whole or not at all."""
    write_json(path, {"format": FORMAT, **asdict(record)})


def read(path: Path, kind: type[T], fix: str) -> T | None:
    """The record of type ``kind`` at ``path``; None where there is no such file.

    fix: what the user can do about a damaged file.

    Raises:
        FolderError: the file cannot be read, is damaged, or has another format.
    """
    try:
        data = read_json(path)
    except FolderError as error:
        raise FolderError(error.where, error.problem, fix) from error
    if data is None:
        return None
    if data.get("format") != FORMAT:
        given = data.get("format", "none, as in an earlier version or a damaged file")
        problem = f"has another format ({given}); this version of tunesmith reads format {FORMAT}"
        again = (
            "run its recipe into this folder with --fresh (paid answers are reused), or choose another --out"
        )
        raise FolderError(str(path), problem, again)
    try:
        # JSON again, because only from JSON does pydantic take a list for a tuple without taking "1" for 1.
        return TypeAdapter(kind).validate_json(orjson.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise FolderError(str(path), f"is damaged: {where}: {first['msg'].lower()}", fix) from error
