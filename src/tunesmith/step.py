"""What a step is: a frozen pydantic model whose fields are its recipe keys, and one method.

| kind   | method                                   | what it gets                             |
|--------|------------------------------------------|------------------------------------------|
| source | ``source(ctx)``                          | nothing: rows begin here                 |
| row    | ``row(sample, ctx)``                     | one row at a time, in any process        |
| ask    | ``ask(sample, ctx)`` + ``read(...)``     | the answers to the requests it made      |
| batch  | ``batch(samples, ctx)``                  | a chunk of rows                          |
| table  | ``table(rows, ctx)``                     | all rows, as a table on disk             |
| train  | ``train(rows, ctx)``                     | all rows and the model to start from     |
| score  | ``score(ctx)``                           | the model to score                       |

A step does no IO of its own beyond what ``ctx`` gives it. source, row, ask, batch and table steps yield
``Sample`` or ``Drop``; every input row must come out again, as itself, as a parent, or as a ``Drop``.
Row, ask and batch steps give the same rows in any order and on any engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypedDict, cast, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from .chance import chance
from .errors import SetupError
from .requests import Completion, Request, Sampling
from .results import Checkpoint, Outcome, Program, Score
from .rows import Table
from .sample import Drop, Sample

Kind = Literal["source", "row", "ask", "batch", "table", "train", "score"]
Need = Literal["required", "optional", "none"]
_BUILTIN = "builtin:"
Yield = Iterator[Sample | Drop]


class Sandbox(Protocol):
    """Runs untrusted programs; outcomes come in the programs' order, or as they end, each with its index."""

    isolation: str

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]: ...

    def as_completed(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]: ...


class Embedder(Protocol):
    """Texts to unit vectors, float32 of shape (texts, dimensions)."""

    def embed(self, texts: Sequence[str]) -> np.ndarray: ...


class Resources(Protocol):
    """Opens the sandbox and embedders at first use."""

    def sandbox(self) -> Sandbox: ...

    def embedder(self, name: str) -> Embedder: ...


OnProgress = Callable[[int, int], None]
"""Called now and then with (done, total), by steps that take long inside one call."""


def no_progress(done: int, total: int) -> None:
    """The default: does nothing."""


@dataclass(frozen=True)
class Context:
    """What a step can use while it runs.

    step: the step's name in the recipe; children are born and verdicts signed under it.
    place: its name in the run, which tells the rounds of a block apart (``evolution.2.evolved``).
    seed: of the recipe.  home: folder of the recipe file; relative paths start there.
    folder: where this step may keep files (a checkpoint, a store); its own.
    model: the model that ``with:`` names, as declared (``tunesmith.llm.model.Model``), or None.
    resources: opens sandbox and embedder.
    client: makes the client that asks ``model`` (``tunesmith.llm.client.Client``), its answers kept and
    charged to this step. The engine uses it for ask steps; score steps ask for themselves.
    on_progress: to be called with how far a train or score step is.
    The last three are not carried between processes.
    """

    step: str
    seed: int = 0
    place: str = ""
    home: Path = Path()
    folder: Path = Path()
    model: Any = None
    resources: Resources | None = field(default=None, compare=False)
    client: Callable[[], Any] | None = field(default=None, compare=False)
    on_progress: OnProgress = field(default=no_progress, compare=False)

    def chance(self, row: Sample | str = "", draw: int = 0) -> random.Random:
        """Seeded randomness for one row (or, without one, for the step as a whole)."""
        return chance(self.seed, self.place or self.step, row if isinstance(row, str) else row.id, draw)

    def path(self, given: str | Path) -> Path:
        """``given`` as the recipe means it: ``~`` expanded, relative to the recipe's folder.

        ``builtin:NAME`` is a small data file that comes with the recipes.
        """
        if str(given).startswith(_BUILTIN):
            return Path(str(files("tunesmith") / "recipes")) / str(given).removeprefix(_BUILTIN)
        path = Path(given).expanduser()
        return path if path.is_absolute() else self.home / path

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox of this process."""
        return self._opener.sandbox()

    def embedder(self, name: str = "hashing") -> Embedder:
        """An embedder by its name: ``hashing`` (offline), or a sentence-transformers model."""
        return self._opener.embedder(name)

    @property
    def _opener(self) -> Resources:
        if self.resources is None:
            problem = "this context has neither sandbox nor embedder"
            raise SetupError(f"steps.{self.step}", problem, "give Context(resources=...)")
        return self.resources


class Step(BaseModel):
    """Base of every step. Subclasses declare fields (recipe keys) and exactly one kind's method.

    version: part of the step's fingerprint; raise it when the same input gives other rows.
    needs_model: ``required``, ``optional`` or ``none``: whether the recipe gives ``with:``. Where that
    depends on the fields it is ``optional`` here, and ``needs`` decides.
    filters: whether an ask step drops rows on purpose, so that losing nearly all of them is no mistake
    (``stop_if_dropped``); it then notes ``reply`` on a row whose reply it could not read.
    offline: None where the step runs without network and weights; else the reason it cannot.
    renamed: keys of earlier versions and what each is called now, for the message about an old recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[Kind]
    filters: ClassVar[bool] = False
    version: ClassVar[str] = "1"
    needs_model: ClassVar[Need] = "none"
    offline: ClassVar[str | None] = None
    renamed: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        kinds = [kind for kind in get_args(Kind) if callable(getattr(cls, kind, None))]
        if len(kinds) != 1:
            raise TypeError(f"{cls.__qualname__} must implement exactly one of {get_args(Kind)}, not {kinds}")
        cls.kind = cast(Kind, kinds[0])
        if cls.kind == "ask":
            if not callable(getattr(cls, "read", None)):
                raise TypeError(f"{cls.__qualname__} asks but does not read")
            if "needs_model" not in cls.__dict__:
                cls.needs_model = "required"

    def outside(self, ctx: Context) -> str:
        """A fingerprint of what the rows depend on besides recipe and input rows: files, data versions.

        Called before anything runs; raises a ``UserError`` where a file is missing.
        """
        return ""

    def needs(self) -> Need:
        """Whether the recipe gives ``with:``, given these fields. Without it an ask step asks nothing."""
        return self.needs_model

    def expects(self, rows: int) -> int:
        """About how many rows come out of ``rows`` (what ``tunesmith plan`` shows)."""
        return rows

    def warnings(self, rows: Iterable[Sample], ctx: Context) -> Sequence[str]:
        """What a person should know of the rows that came out, asked once all of them have."""
        return ()


@dataclass(frozen=True)
class _NameOfStep:
    """Marks ``StepName``, so that the checker of recipes can tell such a text from others."""


StepName = Annotated[str, _NameOfStep()]
"""The name of a step above; the checker refuses one that does not exist. Also inside tuples."""


def step_names(value: Any, kind: Any) -> list[str]:
    """The steps that ``value`` names, where ``kind`` is its annotation."""
    marks = kind.metadata if isinstance(kind, FieldInfo) else getattr(kind, "__metadata__", ())
    if any(isinstance(mark, _NameOfStep) for mark in marks):
        return [value] if isinstance(value, str) and value else []
    inside = get_args(kind.annotation if isinstance(kind, FieldInfo) else kind)
    values = value if isinstance(value, tuple | list) else (value,)
    return list(dict.fromkeys(name for one in inside for each in values for name in step_names(each, one)))


class Decoding(BaseModel):
    """Keys of every step that asks a model: how the reply is decoded."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    temperature: float | None = Field(default=None, ge=0)
    """Sampling temperature; the model's own if not given."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus mass; the model's own if not given."""
    max_tokens: int | None = Field(default=None, gt=0)
    """Longest reply, in tokens; the model's own if not given."""

    def sampling(self) -> Sampling:
        """These keys as part of a ``Request``."""
        return Sampling(self.temperature, self.top_p, self.max_tokens)


class ProgramLimits(TypedDict):
    """The limits of a ``Program``, by the names of its fields."""

    cpu_seconds: float
    memory_bytes: int


class Limits(BaseModel):
    """Keys of every step that runs programs: what one program may use."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cpu_seconds: float = Field(default=5.0, gt=0)
    """CPU time of one program, in seconds; a program that sleeps ends by a bound on wall time."""
    memory_mb: int = Field(default=1024, ge=64)
    """Memory of one program, in MiB."""

    def limits(self) -> ProgramLimits:
        """These keys as fields of a ``Program``."""
        return {"cpu_seconds": self.cpu_seconds, "memory_bytes": self.memory_mb << 20}


class SourceStep(Protocol):
    def source(self, ctx: Context) -> Yield: ...


class RowStep(Protocol):
    def row(self, sample: Sample, ctx: Context) -> Yield: ...


class AskStep(Protocol):
    def ask(self, sample: Sample, ctx: Context) -> Sequence[Request]: ...

    def read(self, sample: Sample, completions: Sequence[Completion], ctx: Context) -> Yield: ...


class BatchStep(Protocol):
    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield: ...


class TableStep(Protocol):
    def table(self, rows: Table, ctx: Context) -> Yield: ...


class TrainStep(Protocol):
    def train(self, rows: Table, ctx: Context) -> Checkpoint: ...


class ScoreStep(Protocol):
    def score(self, ctx: Context) -> list[Score]: ...
