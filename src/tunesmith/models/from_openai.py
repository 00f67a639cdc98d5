"""An ``openai.AsyncOpenAI`` client as a model: for Azure, Bedrock and other sign-ins that the SDK knows.

    from openai import AsyncAzureOpenAI
    teacher = from_openai(lambda: AsyncAzureOpenAI(...), "my-deployment", in_flight=32)

A client belongs to the event loop that first uses it, and each step of a run has its own loop: so pass a
function that makes a client. A client itself serves a single step.

Rate limits, retries, store and costs stay ours; the SDK signs in and sends, at several times the CPU per
request of ``use: openai``. Needs ``pip install 'tunesmith[openai]'``. Not for recipe files.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from ..llm.api.chat import body_of, completions_of
from ..llm.api.wire import to_json
from ..llm.model import Backend, Model
from ..llm.prices import Price
from ..llm.rate_limit import Flow
from ..llm.request_errors import Transient, of_status, retry_after
from ..llm.secrets import scrubbed
from ..requests import Completion, Request
from ..sample import Json


def from_openai(client: Any, model: str, **fields: Any) -> Model:
    """A model that is asked through ``client``: an ``AsyncOpenAI`` (or a subclass), or a function making one.

    fields: those of every model (temperature, max_tokens, in_flight, ...), and ``tries``, ``price``,
    ``extra_body``, ``token_limit_field`` (``max_completion_tokens`` for newer deployments).
    """
    return _Sdk(client=client, model=model, **fields)


class _Sdk(Model):
    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    client: Any = Field(repr=False, exclude=True)
    model: str = Field(min_length=1)
    tries: int = Field(default=6, gt=0)
    price: Price | None = None
    extra_body: Mapping[str, Json] = Field(default_factory=dict)
    token_limit_field: str = "max_tokens"

    def identity(self) -> str:
        return f"{self.model} {to_json(dict(self.extra_body)).decode()}" if self.extra_body else self.model

    def token_price(self) -> Price | None:
        return self.price

    def flow(self) -> Flow:
        return Flow(tries=self.tries)

    def connect(self) -> Backend:
        return _Adapter(self)


class _Adapter:
    """The live side. It closes a client that it made, not one that was passed in."""

    def __init__(self, model: _Sdk) -> None:
        self._model = model
        self._own = not hasattr(model.client, "chat")

    async def __aenter__(self) -> _Adapter:
        self._client = self._model.client() if self._own else self._model.client
        self._create = self._client.with_options(max_retries=0).chat.completions.create
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._own:
            await self._client.close()

    async def complete(self, request: Request) -> Completion:
        """One answer; the SDK's errors become faults."""
        import openai

        model = self._model
        body = body_of(request, model.model, "chat", model.token_limit_field, model.extra_body)
        own = {name: body.pop(name) for name in ("model", "messages")}
        try:
            reply = await self._create(**own, extra_body=body)
        except openai.APIStatusError as error:
            wait = retry_after(error.response.headers.items(), time.time())
            raise of_status(error.status_code, scrubbed(str(error.message)), wait) from error
        except openai.APITimeoutError as error:
            raise Transient("timeout", scrubbed(str(error))) from error
        except openai.APIConnectionError as error:
            raise Transient("dropped connection", scrubbed(f"{error} {error.__cause__}")) from error
        except (openai.APIError, ValueError, TypeError, RecursionError) as error:
            raise Transient("malformed", scrubbed(str(error))) from error
        return completions_of(reply.model_dump(), request)[0]
