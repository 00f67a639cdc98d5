"""A model that answers at once, or late, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tunesmith.llm.model import Backend, Model
from tunesmith.requests import Completion, Request, Usage


class Echo(Model):
    """Repeats the last word of the prompt; ``no`` for words ending in 3."""

    shuffle: int = 0
    """Seed of the order in which answers arrive; 0: in order."""
    log: str = ""
    """A file that gets one line per question really asked."""

    def identity(self) -> str:
        return "acme/echo"

    def connect(self) -> Backend:
        return _Echo(self)


class _Echo:
    def __init__(self, model: Echo) -> None:
        self.model, self.late = model, random.Random(model.shuffle)

    async def __aenter__(self) -> Backend:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def complete(self, request: Request) -> Completion:
        word = request.messages[-1].content.split()[-1]
        if self.model.log:
            with Path(self.model.log).open("a") as log:
                log.write(f"{word} {request.draw}\n")
        if self.model.shuffle:
            for _ in range(self.late.randrange(20)):
                await asyncio.sleep(0)
        text = "no" if word.endswith("3") else f"{word}.{request.draw}"
        return Completion(text, Usage(3, 1), model="acme/echo")
