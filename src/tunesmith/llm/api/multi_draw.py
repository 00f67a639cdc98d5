"""Several draws of one prompt in one request (``n`` of the wire), so that the prompt is paid once.

The client announces each request before it waits for a free slot. The first draw of a prompt that gets a slot
fetches all announced draws of that prompt; the others then read their answers from memory. Where a server
returns fewer answers than asked for, the remaining draws ask again for themselves.
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
    """A backend that can return several answers to one request."""

    async def several(self, request: Request, count: int) -> list[Completion]: ...


@dataclass(slots=True)
class _Prompt:
    """The draws of one prompt: announced, carried by a request in flight, answered and not yet read."""

    announced: dict[int, None] = field(default_factory=dict)
    carried: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    ready: dict[int, Completion] = field(default_factory=dict)


class MultiDraw:
    """A ``Backend`` that fetches up to ``most`` draws of a prompt from ``source`` in one request."""

    def __init__(self, most: int, source: DrawSource) -> None:
        self._most, self._source = most, source
        self._prompts: dict[Hashable, _Prompt] = {}

    async def __aenter__(self) -> MultiDraw:
        await self._source.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._source.__aexit__(*exc)

    def expect(self, request: Request) -> None:
        """``request`` will be asked soon: another draw of its prompt may fetch its answer too."""
        self._prompts.setdefault(_words(request), _Prompt()).announced[request.draw] = None

    def forget(self, request: Request) -> None:
        """``request`` has ended, with or without an answer."""
        words = _words(request)
        prompt = self._prompts.get(words)
        if prompt is not None:
            prompt.announced.pop(request.draw, None)
            prompt.ready.pop(request.draw, None)
            if not (prompt.announced or prompt.carried or prompt.ready):
                del self._prompts[words]

    async def complete(self, request: Request) -> Completion:
        """The answer to ``request``: fetched now, or already by another draw."""
        prompt = self._prompts.setdefault(_words(request), _Prompt())
        while (carrier := prompt.carried.get(request.draw)) is not None:
            await asyncio.wait(
                (carrier,)
            )  # waits without raising: a failed carrier leaves each draw its own try
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
                prompt.announced.pop(draw, None)  # answered: no other draw may fetch it again
            return answers[0]
        finally:
            for draw in draws:
                prompt.carried.pop(draw, None)
            landed.set_result(None)


def _words(request: Request) -> Hashable:
    """What is equal in all draws of one prompt."""
    schema = to_json(dict(request.schema)) if request.schema else b""
    return request.messages, request.sampling, schema, request.logprobs
