"""The starter teacher: rules that answer as a language model would, so that every recipe runs without a key.

**This is not a language model.** It knows the starter world (``tunesmith.starter.world``) by its grammar,
and real Python code only as far as static analysis can tell. Every completion says so in its ``model``, and
what no rule covers is refused in plain words. It does not read the prompt: it reads the request's ``intent``
and ``facts``. The answers are in ``tunesmith.starter.teacher``, one module per mechanism, found by the
intent's name; a step outside tunesmith brings its own in ``Request.offline_answer``. ``error_rate`` is the
share of requests that get a careless teacher's wrong answer instead, where there is a rule for one.
"""

from __future__ import annotations

from pydantic import Field

from ..llm.model import Backend, Model
from ..requests import Completion, Request, Usage
from ..starter import teacher, world
from ..starter.teacher.rng import rng

VERSION = "5"
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
        """The reply of the mechanism's rule; tokens are counted as words."""
        wrong = rng(request, "slip").random() < self._error_rate
        text = (wrong and teacher.mistake(request)) or teacher.reply(request) or REFUSAL
        read = sum(len(message.content.split()) for message in request.messages)
        usage = Usage(input=read, output=len(text.split()))
        return Completion(text, usage, model=f"starter rules v{VERSION} (not a language model)")
