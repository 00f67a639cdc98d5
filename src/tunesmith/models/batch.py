"""``use: batch``: the OpenAI Batch API. Half the price, answers within a day, the same rows.

Requests that arrive together become a file; the file is uploaded, a batch is created from it and polled until
it is over. What is submitted is written to a journal before it costs anything, so a later process that asks
the same finds its batch again and pays nothing twice: stop with Ctrl-C, run the same command the next day.
The identity is that of ``use: openai``, so both share stored answers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from ..files import cache_folder
from ..llm.api.batch_jobs import Jobs, Journal
from ..llm.api.chat import body_of, completions_of, error_text
from ..llm.api.http import Http
from ..llm.api.wire import to_json
from ..llm.model import Model
from ..llm.prices import Price
from ..llm.rate_limit import Flow
from ..llm.request_errors import Permanent, of_status
from ..llm.secrets import scrubbed
from ..requests import Completion, Request
from ..sample import Json
from .openai import OpenAI, with_fix

BATCH_PRICE = 0.5
"""What the Batch API costs, as a share of the list price."""


class Batch(Model):
    """A model behind the Batch API of OpenAI, or of a server that has the same."""

    model: str = Field(min_length=1)
    """The name that the provider knows it by."""
    base_url: str = ""
    """Where the API is, usually ending in /v1. Default: OPENAI_BASE_URL, or OpenAI."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable, or line of .env, that holds the key; a recipe never holds a key."""
    in_flight: int = Field(default=2000, gt=0, le=50_000)
    """Most requests in one batch."""
    poll: float = Field(default=30.0, gt=0)
    """Seconds between two polls of a batch."""
    gather: float = Field(default=2.0, gt=0)
    """Seconds without a new request after which the requests so far are submitted."""
    tries: int = Field(default=4, gt=0)
    """Batches that one request may be part of before its row is given up."""
    journal: Path | None = None
    """The file that lists submitted batches, from the recipe's folder on. Default: in the cache folder."""
    seed: int | None = None
    """As for ``use: openai``."""
    extra_body: Mapping[str, Json] = Field(default_factory=dict)
    """As for ``use: openai``."""
    token_limit_field: str | None = Field(default=None, pattern=r"^\w+$")
    """As for ``use: openai``, without the second try."""
    price: Price | None = None
    """US dollars per million tokens in a batch, instead of half of what the packaged table says."""

    def as_openai(self) -> OpenAI:
        """The same model asked directly."""
        shared = ("model", "api_key_env", "seed", "extra_body", "token_limit_field")
        fields = {name: getattr(self, name) for name in shared}
        return OpenAI(**fields, base_url=(self.base_url,) if self.base_url else ()).at(self.path(""))

    def identity(self) -> str:
        """That of the model asked directly, as its answers are the same."""
        return self.as_openai().identity()

    def token_price(self) -> Price | None:
        """``price``, or half the table's."""
        listed = self.as_openai().token_price()
        return self.price or (listed.times(BATCH_PRICE) if listed else None)

    def flow(self) -> Flow:
        """The tries stated here."""
        return Flow(tries=self.tries, longest=self.poll)

    def connect(self) -> BatchBackend:
        """A backend that submits nothing before it is asked."""
        return BatchBackend(self)


class BatchBackend:
    """The live side of ``Batch``: writes requests, passes them to ``Jobs``, reads the results."""

    def __init__(self, model: Batch) -> None:
        self._model, self._openai = model, model.as_openai()
        at_openai = self._openai.at_openai()
        self._http = Http(model.api_key_env, key_needed=at_openai, home=model.path(""))
        self._jobs: Jobs | None = None

    async def __aenter__(self) -> BatchBackend:
        (base_url,) = self._openai.urls()
        model = self._model
        path = model.path(model.journal) if model.journal else cache_folder() / "batches.jsonl"
        journal = await asyncio.to_thread(Journal, path, base_url)
        self._jobs = Jobs(self._http, base_url, journal, model.in_flight, model.gather, model.poll)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._jobs is not None:
            await self._jobs.close()
        await self._http.close()

    async def complete(self, request: Request) -> Completion:
        """The answer, once the batch that holds the request is over."""
        assert self._jobs is not None, "a backend is used inside `async with`"
        more = self._openai.seeded(request) | dict(self._model.extra_body)
        body = body_of(request, self._model.model, "chat", self._openai.limit_field(), more)
        name = hashlib.blake2b(to_json(body), digest_size=16).hexdigest()
        status, reply = await self._jobs.answer(f"{name}-{request.draw}", body)
        if status == 200:
            return completions_of(reply, request)[0]
        refused = of_status(status, scrubbed(error_text(reply)))
        raise with_fix(refused) if isinstance(refused, Permanent) else refused
