"""What a model is, before anything is sent: a declaration in a recipe.

``models: teacher: {use: openai, model: gpt-4o-mini}`` is an instance of the one ``Model`` subclass
in ``tunesmith/models/openai.py``; its fields are the keys, unknown keys are refused. ``connect`` gives
the live ``Backend``. Models whose weights we hold (``hf``, ``scratch``) also have ``load``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from ..requests import Completion, Request, Sampling
from .prices import FREE, Price
from .rate_limit import Flow
from .template import Template


class Backend(Protocol):
    """A live connection to a model. Used as ``async with``."""

    async def __aenter__(self) -> Backend: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def complete(self, request: Request) -> Completion:
        """One answer. Raises a ``llm.faults`` error, which says whether to try again."""
        ...


@runtime_checkable
class DrawsTogether(Protocol):
    """What a backend also has that can answer several draws of one prompt at once."""

    def expect(self, request: Request) -> None:
        """``request`` will be asked soon."""
        ...

    def forget(self, request: Request) -> None:
        """``request`` was answered or given up."""
        ...


class Model(BaseModel, ABC):
    """A model as a recipe declares it, with the decoding it uses unless a step says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions and what each is called now."""
    reads_facts: ClassVar[bool] = False
    """Whether the reply depends on a request's intent and facts (rule-based teachers)."""

    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=2048, gt=0)
    """Longest reply, in tokens."""
    in_flight: int = Field(default=64, gt=0)
    """Most requests under way at once."""

    _home: Path = PrivateAttr(default_factory=Path)

    def at(self, home: Path) -> Self:
        """The same model; its relative paths and ``.env`` are those of ``home``, a recipe's folder."""
        placed = self.model_copy()
        placed._home = home
        return placed

    def path(self, given: str | Path) -> Path:
        """``given`` as the recipe means it: ``~`` expanded, relative to the recipe's folder."""
        return self._home / Path(given).expanduser()

    @abstractmethod
    def identity(self) -> str:
        """Who answers, for the answer store: never the address, never a key."""

    @abstractmethod
    def connect(self) -> Backend:
        """A live backend; opens nothing until it is entered."""

    def token_price(self) -> Price | None:
        """What its tokens cost; None where that is not known. Models on this machine cost nothing."""
        return FREE

    def flow(self) -> Flow:
        """How hard to try and how fast to go."""
        return Flow()

    def resolve(self, request: Request) -> Request:
        """The request with every decoding setting filled in from this model."""
        asked = request.sampling
        if None not in (asked.temperature, asked.top_p, asked.max_tokens):
            return request
        return replace(
            request,
            sampling=Sampling(
                temperature=self.temperature if asked.temperature is None else asked.temperature,
                top_p=self.top_p if asked.top_p is None else asked.top_p,
                max_tokens=self.max_tokens if asked.max_tokens is None else asked.max_tokens,
                stop=asked.stop,
            ),
        )


@runtime_checkable
class Trainable(Protocol):
    """A model whose weights we hold: training and local generation start from it."""

    def load(self) -> tuple[Any, Any]:
        """(transformers model on the right device, tokenizer)."""
        ...

    def identity(self) -> str: ...

    def prompting(self, tokenizer: Any) -> Template:
        """The template it is asked with and, unless a training step says otherwise, trained under."""
        ...
