"""Putting a benchmark's problems to a model: its prompts, its sampling, its engine.

A model whose weights we hold is asked in batches here and now; any other through the client, many
requests in flight. Both read the same requests, so the words do not depend on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from ..benchmarks.problem import Problem
from ..errors import UserError
from ..llm.client import Client
from ..llm.costs import Costs
from ..llm.local.generation import Local
from ..llm.model import Model
from ..llm.template import Template
from ..machine import OwnLoop, gc_paused
from ..replies.standard import standard
from ..requests import Completion, Failure, Message, Request, Sampling
from ..sample import Json
from ..step import Context

RAW = Template(name="raw")
"""The template of base models: the prompt as it stands."""

_SLICE = 1024


@runtime_checkable
class LocalModel(Protocol):
    """A model whose weights we hold (``hf``, ``scratch``)."""

    def open(self) -> Local: ...

    def resolve(self, request: Request) -> Request: ...


@runtime_checkable
class Named(Protocol):
    """A model that says itself what a protocol calls it."""

    def engine(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, or why it said nothing.

    failure: its class; empty where the model answered.  reason: what was in the way, in words.
    """

    prompt: str
    text: str = ""
    finish_reason: str = "stop"
    failure: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prompting:
    """How problems are put: as an instruction, or as code to continue (``complete``).

    frame: text around each problem; ``{instruction}`` is the question, ``{prompt}`` the bare code.
    examples: solved problems that are shown first.
    """

    sampling: Sampling
    complete: bool = False
    frame: str = "{instruction}"
    system: str = ""
    examples: tuple[Problem, ...] = ()

    def request(self, problem: Problem, draw: int) -> Request:
        """What is asked for one sample: the examples as earlier turns (or code above), then the question."""
        if self.complete:
            above = "".join(f"{one.prompt}{one.canonical}\n\n" for one in self.examples)
            turns = [Message("user", above + problem.prompt)]
            return Request(tuple(turns), replace(self.sampling, stop=problem.stop), "evaluation", draw=draw)
        turns = [Message("system", self.system)] if self.system else []
        for one in self.examples:
            answer = f"```{one.language}\n{one.canonical.strip()}\n```"
            turns += [Message("user", self._framed(one)), Message("assistant", answer)]
        turns.append(Message("user", self._framed(problem)))
        return Request(tuple(turns), self.sampling, "evaluation", draw=draw)

    def _framed(self, problem: Problem) -> str:
        return self.frame.replace("{instruction}", problem.instruction).replace("{prompt}", problem.prompt)


Drawn = Sequence[tuple[Problem, int]]
"""Problems with the number of the draw."""


def ask(drawn: Drawn, words: Prompting, ctx: Context) -> tuple[list[Reply], dict[str, Json]]:
    """A reply per problem and draw, in their order, and what the protocol says of how they came.

    Problems that begin with a description (HumanEvalExplain) are put twice: the model describes the
    code, then it answers from its own words.
    """
    if words.complete and any(p.describe or p.buggy or not p.prompt for p, _ in drawn):
        problem = "prompting: complete, but this benchmark has no code to continue"
        raise UserError(f"steps.{ctx.step}.prompting", problem, "leave `prompting` at instruct")
    if any(problem.describe for problem, _ in drawn):
        questions = [(replace(problem, instruction=problem.describe), draw) for problem, draw in drawn]
        descriptions, _ = _answers(questions, words, ctx)
        described = [
            (_from_description(problem, reply.text), draw)
            for (problem, draw), reply in zip(drawn, descriptions, strict=True)
            if not reply.failure
        ]
        answers, how = _answers(described, words, ctx)
        following = iter(answers)
        return [reply if reply.failure else next(following) for reply in descriptions], how
    return _answers(drawn, words, ctx)


def _from_description(problem: Problem, description: str) -> Problem:
    said = description.strip()[: problem.describe_chars].strip()
    return replace(problem, instruction=problem.instruction.replace("{description}", said))


def _answers(drawn: Drawn, words: Prompting, ctx: Context) -> tuple[list[Reply], dict[str, Json]]:
    requests = [words.request(problem, draw) for problem, draw in drawn]
    if isinstance(ctx.model, LocalModel):
        return _here(requests, words, ctx.model, ctx)
    return _away(requests, ctx)


def _here(
    requests: list[Request], words: Prompting, model: LocalModel, ctx: Context
) -> tuple[list[Reply], dict[str, Json]]:
    local = model.open()
    if words.complete:
        local = replace(local, template=RAW)
    replies: list[Reply] = []
    for start in range(0, len(requests), _SLICE):
        some = [model.resolve(request) for request in requests[start : start + _SLICE]]
        for request, completion in zip(some, local.answer(some), strict=True):
            replies.append(_reply(local.prompt(request), completion))
        ctx.on_progress(len(replies), len(requests))
    return replies, {"template": local.template.name, "engine": _engine(local.model)}


def _engine(model: Any) -> str:
    import transformers

    dtype = str(getattr(model, "dtype", "")).removeprefix("torch.")
    device = str(getattr(model, "device", "")).partition(":")[0]
    return f"transformers {transformers.__version__} {dtype} {device}".strip()


def _reply(prompt: str, answer: Completion | Failure | None) -> Reply:
    if answer is None:
        return Reply(prompt, failure="no reply", reason="the prompt leaves no room for a reply")
    if isinstance(answer, Failure):
        return Reply(prompt, failure="no reply", reason=f"{answer.kind}: {answer.message}")
    answer = standard(answer)
    return Reply(prompt, answer.text, answer.finish_reason)


def _away(requests: list[Request], ctx: Context) -> tuple[list[Reply], dict[str, Json]]:
    model: Model = ctx.model
    client = ctx.client() if ctx.client else Client(model, None, Costs(), ctx.step)
    with gc_paused(), OwnLoop() as loop:
        answers = loop.run(_all(client, requests, 2 * model.in_flight, ctx))
    replies = [
        _reply(request.messages[-1].content, answer)
        for request, answer in zip(requests, answers, strict=True)
    ]
    engine = model.engine() if isinstance(model, Named) else type(model).__module__.rsplit(".", 1)[-1]
    return replies, {"template": "the server's own", "engine": engine}


async def _all(
    client: Client, requests: Sequence[Request], width: int, ctx: Context
) -> list[Completion | Failure]:
    """Every answer, at most ``width`` requests pending at once.

    Raises:
        ProviderRefused, BudgetReached, SetupError: as ``Client.answer`` does, and no group of them.
    """
    answers: list[Completion | Failure | None] = [None] * len(requests)
    waiting = iter(enumerate(requests))
    done = 0

    async def work() -> None:
        nonlocal done
        for place, request in waiting:
            answers[place] = await client.answer(request)
            done += 1
            ctx.on_progress(done, len(requests))

    try:
        async with client, asyncio.TaskGroup() as group:
            for _ in range(min(width, len(requests))):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from several.exceptions[0].__cause__
    return [answer for answer in answers if answer is not None]
