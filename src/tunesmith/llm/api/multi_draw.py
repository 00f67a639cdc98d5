"""Several draws of one prompt in one request (``n`` of the wire), so that the prompt is paid once.

The client announces each request before it waits for its place. The first of a prompt's draws to reach
the server takes along those that were announced; their answers lie ready when they get there themselves.
A server that gives fewer than it was asked for is asked again for the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

from ...requests import Completion, Request
from ..model import Backend
from .wire import to_json


class DrawSource(Backend, Protocol):
    """A backend that can be asked for so many answers to one request."""

    async def several(self, request: Request, count: int) -> list[Completion]: ...


@dataclass(slots=True)
class _Prompt:
    """One prompt's draws: announced, under way (with the request that carries them), answered."""

    announced: dict[int, None] = field(default_factory=dict)
    carried: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    ready: dict[int, Completion] = field(default_factory=dict)


class MultiDraw:
    """A ``Backend`` that asks ``source`` for up to ``most`` draws of a prompt at a time."""

    def __init__(self, most: int, source: DrawSource) -> None:
        self._most, self._source = most, source
        self._prompts: dict[Hashable, _Prompt] = {}

    async def __aenter__(self) -> MultiDraw:
        await self._source.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._source.__aexit__(*exc)

    def expect(self, request: Request) -> None:
        """``request`` will be asked soon: an earlier draw of its prompt may take it along."""
        self._prompts.setdefault(_words(request), _Prompt()).announced[request.draw] = None

    def forget(self, request: Request) -> None:
        """``request`` was answered or given up."""
        words = _words(request)
        prompt = self._prompts.get(words)
        if prompt is not None:
            prompt.announced.pop(request.draw, None)
            prompt.ready.pop(request.draw, None)
            if not (prompt.announced or prompt.carried or prompt.ready):
                del self._prompts[words]

    async def complete(self, request: Request) -> Completion:
        """The answer to ``request``: its own, or one that another draw brought along."""
        prompt = self._prompts.setdefault(_words(request), _Prompt())
        while (carrier := prompt.carried.get(request.draw)) is not None:
            await asyncio.wait((carrier,))
        if request.draw in prompt.ready:
            return prompt.ready.pop(request.draw)
        return await self._carry(prompt, request)

    async def _carry(self, prompt: _Prompt, request: Request) -> Completion:
        others = (draw for draw in prompt.announced if draw != request.draw and draw not in prompt.carried)
        draws = [request.draw, *(draw for draw, _ in zip(others, range(self._most - 1), strict=False))]
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        prompt.carried |= dict.fromkeys(draws, landed)
        try:
            answers = await self._source.several(request, len(draws))
            prompt.ready |= dict(zip(draws[1:], answers[1:], strict=False))
            for draw, _ in zip(draws, answers, strict=False):
                prompt.announced.pop(draw, None)  # not to be taken along again
            return answers[0]
        finally:
            for draw in draws:
                prompt.carried.pop(draw, None)
            landed.set_result(None)


def _words(request: Request) -> Hashable:
    """What the draws of one prompt have in common."""
    schema = to_json(dict(request.schema)) if request.schema else b""
    return request.messages, request.sampling, schema, request.logprobs
