"""Requests to a language model, and the completions that come back. Data only, no IO.

A step builds ``Request``s and reads ``Completion``s. A request that fails for good never reaches the step:
the engine drops its row, with the ``Failure``'s kind as the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    A language model sees ``messages``. The next three serve the rule-based teacher (``use: starter``), which
    cannot read a prompt and answers where a recipe runs offline (``--tiny``).

    intent: the mechanism's name, e.g. ``evolve.constraints``. Costs are counted by it, and the teacher finds
    its rule by it: ``tunesmith/starter/teacher/evolve.py``.
    facts: the values that the prompt was filled with; a rule computes its answer from them.
    offline_answer: the rule itself, for a step outside tunesmith: a function at module level that takes this
    request and returns the reply, or None where it has none. Without one, such a step needs a real model.

    draw: which of several answers to the same messages is wanted; draws are stored apart.
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
    offline_answer: Callable[[Request], str | None] | None = None

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
        offline_answer: Callable[[Request], str | None] | None = None,
    ) -> Request:
        """A single-turn request: an optional system message, then ``prompt`` from the user."""
        turns = [Message("system", system)] if system else []
        turns.append(Message("user", prompt))
        return cls(
            tuple(turns), sampling or Sampling(), intent, facts or {}, draw, schema,
            offline_answer=offline_answer,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens billed. ``cached_input`` is the part of ``input`` that the provider read from its cache."""

    input: int = 0
    output: int = 0
    cached_input: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply.

    finish_reason: ``length`` (cut off), ``content_filter``, ``tool_calls``, else the provider's own word.
    model: which model answered.
    reasoning: what the reply held beside its answer: thoughts, or the tool calls it made.
    cached: whether it came from the answer store, at no cost.
    first_logprobs: token -> natural-log probability at the first reply position, if asked for.
    """

    text: str
    usage: Usage = Usage()
    finish_reason: str = "stop"
    model: str = ""
    cached: bool = False
    first_logprobs: Mapping[str, float] = field(default_factory=dict)
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed for good. kind is countable: ``timeout``, ``malformed``, ``refused 400``.

    key: of the request in the answer store; empty where asking again would give the same.
    """

    kind: str
    message: str
    attempts: int
    key: str = ""
