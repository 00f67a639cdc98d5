"""What is sent to a language model and what comes back. No IO.

A step builds ``Request``s and reads ``Completion``s. Where a request failed for good its row is dropped with
the ``Failure``'s kind as the reason, so a step never sees a ``Failure``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .sample import Json


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to decode. None leaves the choice to the model's own settings in the recipe.

    temperature: 0 is greedy.  top_p: nucleus mass in (0, 1].  max_tokens: longest reply, tokens.
    stop: strings that end the reply.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    intent: the mechanism's name, e.g. ``evolve.constraints``; facts: the values its prompt was
    filled with. A language model sees only ``messages``; the rule-based teacher also sees these.
    draw: which of several answers to the same words is wanted; draws are stored apart.
    schema: JSON Schema that the reply must follow, where the mechanism wants JSON.
    logprobs: ask for this many top log-probabilities of the first reply token (0: none).
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    intent: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    draw: int = 0
    schema: Mapping[str, Json] | None = None
    logprobs: int = 0

    @classmethod
    def of(
        cls,
        prompt: str,
        *,
        system: str = "",
        intent: str = "",
        facts: Mapping[str, Json] | None = None,
        sampling: Sampling | None = None,
        draw: int = 0,
        schema: Mapping[str, Json] | None = None,
    ) -> Request:
        """A single-turn request: an optional system message, then ``prompt`` from the user."""
        turns = [Message("system", system)] if system else []
        turns.append(Message("user", prompt))
        return cls(tuple(turns), sampling or Sampling(), intent, facts or {}, draw, schema)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens billed. ``cached_input`` is the part of ``input`` that the provider had cached."""

    input: int = 0
    output: int = 0
    cached_input: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply.

    finish_reason: ``stop``, ``length`` or what the provider says.  model: who answered.
    cached: it came from the answer store and cost nothing now.
    first_logprobs: token -> natural-log probability at the first reply position, if asked for.
    """

    text: str
    usage: Usage = Usage()
    finish_reason: str = "stop"
    model: str = ""
    cached: bool = False
    first_logprobs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed for good. kind is countable: ``timeout``, ``malformed``, ``refused 400``.

    key: of the request in the answer store; empty where asking again would give the same.
    """

    kind: str
    message: str
    attempts: int
    key: str = ""
