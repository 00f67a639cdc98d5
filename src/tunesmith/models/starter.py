"""The starter teacher: rules that answer like a model would, so that everything runs with no key.

**This is not a language model.** It knows the starter world (``tunesmith.starter``) by its grammar,
and real Python code only as far as static analysis and execution can honestly tell. Every completion
says so in its ``model``. What it cannot do it refuses in plain words. It reads a request's
``intent`` and ``facts``, not its prompt:

| intent                  | facts                            | reply                            |
|-------------------------|----------------------------------|----------------------------------|
| ``answer``              | instruction, persona?, head?     | fenced Python, in one of 3 styles|
|                         | reasoning?                       | ... below the steps to it        |
| ``evolve.<heuristic>``  | instruction, answer?             | a harder instruction             |
| ``write_tests``         | instruction                      | fenced asserts                   |
| ``self_instruct``       | tasks, count                     | JSON: further tasks of the world |
| ``four_tasks.<task>``   | code, language, docstring?, ...  | see ``starter_code``             |
| others, about real code |                                  | see ``starter_code``             |

The heuristics are ``constraints``, ``replace``, ``reason``, ``misdirect`` and ``complexity``.
A handler is a function of the request that gives the reply, or None for "I cannot". Handlers of the
starter world are tried first, then those for real code. ``MISTAKES`` hold the wrong replies that a
careless teacher would give; ``error_rate`` says how often they are given instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import Field

from ..llm.model import Backend, Model
from ..requests import Completion, Request, Usage
from ..starter import world
from ..starter.teacher import code_tasks, world_tasks
from ..starter.teacher.rng import rng

Handler = Callable[[Request], str | None]
VERSION = "4"
REFUSAL = "Sorry, I cannot do this: I am a set of rules, not a language model, and no rule of mine applies."


class StarterTeacher(Model):
    """A teacher made of rules, for the starter world and simple Python; deterministic, free, offline.

    Decoding settings have no effect; ask for another ``draw`` to get another answer.
    """

    reads_facts = True

    error_rate: float = Field(default=0.05, ge=0, le=1)
    """Share of requests answered wrongly on purpose (a near miss), so that verification has work."""

    def identity(self) -> str:
        return f"starter rules v{VERSION}, world {world.version()}, error_rate={self.error_rate:g}"

    def connect(self) -> Backend:
        return RuleBackend(self.error_rate)


class RuleBackend:
    """The live side of ``StarterTeacher``: no connection, no state."""

    def __init__(self, error_rate: float) -> None:
        self._error_rate = error_rate

    async def __aenter__(self) -> RuleBackend:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def complete(self, request: Request) -> Completion:
        """The reply of the first rule that has one; tokens are counted as words."""
        text = self._slip(request) or _first(_RIGHT, request) or REFUSAL
        heard = sum(len(message.content.split()) for message in request.messages)
        usage = Usage(input=heard, output=len(text.split()))
        return Completion(text, usage, model=f"starter rules v{VERSION} (not a language model)")

    def _slip(self, request: Request) -> str | None:
        slips = rng(request, "slip").random() < self._error_rate
        return _first(_WRONG, request) if slips else None


_RIGHT: tuple[Mapping[str, Handler], ...] = (world_tasks.HANDLERS, code_tasks.HANDLERS)
_WRONG: tuple[Mapping[str, Handler], ...] = (world_tasks.MISTAKES, code_tasks.MISTAKES)


def _first(tables: tuple[Mapping[str, Handler], ...], request: Request) -> str | None:
    for table in tables:
        handler = table.get(request.intent)
        try:
            reply = handler(request) if handler else None
        except RecursionError:  # code nested more deeply than Python can walk: beyond these rules
            reply = None
        if reply is not None:
            return reply
    return None
