"""``use: openai``: any server that speaks the OpenAI protocol, over aiohttp.

vLLM, SGLang, Ollama, llama.cpp, ``transformers serve``, gateways and api.openai.com itself. Nothing is opened
or looked up before the first request, so a run whose answers are all stored needs neither key nor network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, field_validator

from ..chance import number
from ..llm.api.chat import PATHS, Api, body_of, completions_of
from ..llm.api.endpoints import Endpoints
from ..llm.api.http import Http
from ..llm.api.multi_draw import MultiDraw
from ..llm.api.wire import to_json
from ..llm.model import Backend, Model
from ..llm.prices import Price, listed
from ..llm.rate_limit import Flow
from ..llm.request_errors import Permanent, RateLimited, Transient
from ..llm.secrets import setting
from ..requests import Completion, Request
from ..sample import Json

OPENAI = "https://api.openai.com/v1"
_SLOWEST_TOKEN = 0.05
_LATENCY = 60.0
_NO_SCHEMA = re.compile(r"response_format|json_schema|guided|structured", re.IGNORECASE)
_LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
_UNKNOWN_FIELD = re.compile(
    r"unsupported|not supported|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed"
    r"|extra (?:field|input)|instead|deprecated|invalid (?:param|arg|field|key)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"\b(temperature|top_p|logprobs|top_logprobs|seed|max_(?:completion_)?tokens)\b")


def _listed(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class OpenAI(Model):
    """A model behind an OpenAI-compatible server."""

    model_config = ConfigDict(hide_input_in_errors=True)

    model: str = Field(min_length=1)
    """The name that the server knows it by."""
    base_url: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Where it is served, usually ending in /v1; a list is balanced. Default: OPENAI_BASE_URL, or OpenAI."""
    api: Api = "chat"
    """chat, or completions for base models (the messages joined are the prompt)."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable, or line of .env, that holds the key; a recipe never holds a key."""
    rpm: float | None = Field(default=None, gt=0)
    """Requests per minute that the provider allows."""
    tpm: float | None = Field(default=None, gt=0)
    """Tokens per minute that the provider allows."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for one answer. Default: 60 plus 0.05 for each token of max_tokens."""
    tries: int = Field(default=6, gt=0)
    """Requests sent for one answer before its row is given up."""
    seed: int | None = None
    """Sent with each request, mixed with its draw, to servers that honour it."""
    n: int = Field(default=1, gt=0)
    """Draws of one prompt that may share a request (the wire's n), so that the prompt is paid once."""
    extra_body: Mapping[str, Json] = Field(default_factory=dict)
    """Further fields of the body, e.g. {top_k: 40}; null leaves one out, e.g. {temperature: null}."""
    token_limit_field: str | None = Field(default=None, pattern=r"^\w+$")
    """The server's name for the longest reply. Default: max_completion_tokens at OpenAI, else max_tokens; the
    other one where the server refuses it."""
    price: Price | None = None
    """US dollars per million tokens, {input:, output:, cached_input:}, instead of the packaged table."""

    @field_validator("base_url")
    @classmethod
    def _plain(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise ValueError("expected http://host:port/v1 or https://...")
            if parts.username or parts.password or parts.query:
                raise ValueError("keys do not belong in base_url; put them in the environment or .env")
        return urls

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            raise ValueError("expected the NAME of an environment variable, in capitals, not a key")
        return name

    def identity(self) -> str:
        """The model's name, with the API, seed and further body fields where they are not the usual."""
        more: dict[str, Any] = {} if self.api == "chat" else {"api": self.api}
        more |= {} if self.seed is None else {"seed": self.seed}
        more |= {"extra_body": dict(self.extra_body)} if self.extra_body else {}
        return f"{self.model} {to_json(more).decode()}" if more else self.model

    def token_price(self) -> Price | None:
        """``price``, or the table's for this host and model, or None."""
        hosts = {urlsplit(url).hostname or "" for url in self.urls()}
        return self.price or (listed(hosts.pop(), self.model) if len(hosts) == 1 else None)

    def flow(self) -> Flow:
        """The limits stated here."""
        return Flow(tries=self.tries, rpm=self.rpm, tpm=self.tpm)

    def urls(self) -> tuple[str, ...]:
        """Where to ask."""
        return self.base_url or (setting("OPENAI_BASE_URL", self.path("")) or OPENAI,)

    def at_openai(self) -> bool:
        """Whether api.openai.com is among those asked."""
        return any(urlsplit(url).hostname == urlsplit(OPENAI).hostname for url in self.urls())

    def seconds(self, request: Request) -> float:
        """How long to wait for an answer: the time of a slow server for the most tokens allowed."""
        return self.timeout or _LATENCY + _SLOWEST_TOKEN * (request.sampling.max_tokens or self.max_tokens)

    def limit_field(self) -> str:
        """The name that the longest reply is first sent under."""
        at_openai = self.at_openai() and self.api == "chat"
        return self.token_limit_field or _LIMIT_FIELDS[at_openai]

    def seeded(self, request: Request) -> dict[str, int]:
        """The ``seed`` field of the body, different for each draw; empty where no seed is set."""
        return {} if self.seed is None else {"seed": number(self.seed, request.draw) % 2**31}

    def connect(self) -> Backend:
        """A backend that opens its connections at the first request."""
        backend = OpenAIBackend(self)
        return MultiDraw(self.n, backend) if self.n > 1 and self.seed is None else backend


class OpenAIBackend:
    """The live side of ``OpenAI``: writes requests and spreads them over the endpoints."""

    def __init__(self, model: OpenAI) -> None:
        self.model = model
        self.endpoints = Endpoints(model.urls())
        self._http = Http(model.api_key_env, key_needed=model.at_openai(), home=model.path(""))
        self._schemas = True
        self._limit_field, self._limit_refused = model.limit_field(), False

    async def __aenter__(self) -> OpenAIBackend:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.close()

    async def complete(self, request: Request) -> Completion:
        """One answer."""
        return (await self.several(request, 1))[0]

    async def several(self, request: Request, count: int) -> list[Completion]:
        """``count`` answers, or fewer, from the least loaded endpoint."""
        endpoint = self.endpoints.choose()
        schema_sent, limit_field = self._schemas and request.schema is not None, self._limit_field
        body = self._body(request, count)
        endpoint.under_way += 1
        endpoint.asked += 1
        try:
            path, seconds = PATHS[self.model.api], self.model.seconds(request)
            raw = await self._http.send("POST", endpoint.base_url, path, body, seconds=seconds)
            completions = completions_of(raw, request)
        except RateLimited as fault:
            if len(self.endpoints.all) > 1 and self.endpoints.busy(endpoint, fault.retry_after):
                raise RateLimited(fault.kind, fault.message, fault.retry_after, elsewhere=True) from fault
            raise
        except Transient as fault:
            self.endpoints.ill(endpoint, gone=fault.kind == "no connection")
            raise
        except Permanent as fault:
            if schema_sent and _NO_SCHEMA.search(fault.message):
                self._schemas = False  # steps read replies tolerantly where the server has no JSON Schema
            elif (other := self._other_limit_field(limit_field, fault.message)) is not None:
                self._limit_field = other
            else:
                raise with_fix(fault) from fault
            completions = []
        finally:
            endpoint.under_way -= 1
        self.endpoints.well(endpoint)
        return completions or await self.several(request, count)

    def _body(self, request: Request, count: int) -> bytes:
        model = self.model
        # Some gateways stream unless they are told not to, so `stream` is always sent.
        more: dict[str, Any] = {"stream": False} | ({"n": count} if count > 1 else {})
        more |= {} if self._schemas else {"response_format": None}
        more |= model.seeded(request) | dict(model.extra_body)
        return to_json(body_of(request, model.model, model.api, self._limit_field, more))

    def _other_limit_field(self, sent: str, refusal: str) -> str | None:
        """The other name for the longest reply, where the server refuses to know the one that was sent."""
        if self.model.token_limit_field or sent not in refusal or not _UNKNOWN_FIELD.search(refusal):
            return None
        if self._limit_field != sent:
            return self._limit_field  # a request sent at the same time has found this out already
        if self._limit_refused:
            return None  # the server refuses both names
        self._limit_refused = True
        return _LIMIT_FIELDS[sent == _LIMIT_FIELDS[0]]


def with_fix(fault: Permanent) -> Permanent:
    """``fault`` with the key that helps, where a server refuses a field of the body."""
    field = _FIELD.search(fault.message)
    if fault.kind not in ("refused 400", "refused 422") or field is None:
        return fault
    name = field[1]
    fix = f"set `extra_body: {{{name}: null}}` to leave {name} out"
    if name in _LIMIT_FIELDS:
        fix = "lower max_tokens, or set `token_limit_field` to the name that the server knows"
    return Permanent(fault.kind, f"{fault.message}. If the server refuses {name}: {fix}")
