"""The OpenAI wire format, without IO: a request to a body, a body to a completion or a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ...requests import Completion, Request, Usage
from ...sample import Json
from ..request_errors import RequestError, Transient, of_status
from ..tokens import request_tokens, tokens_of
from .wire import from_json

Api = Literal["chat", "completions"]
PATHS: Mapping[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}
"""Where each API lives below a base_url."""


def body_of(
    request: Request, model: str, api: Api = "chat", limit_name: str = "max_tokens"
) -> dict[str, Any]:
    """The body of a resolved request. ``limit_name``: what the server calls the longest reply."""
    how = request.sampling
    body: dict[str, Any] = {"model": model, "temperature": how.temperature, limit_name: how.max_tokens}
    if how.top_p is not None and how.top_p < 1:
        body["top_p"] = how.top_p
    if how.stop:
        body["stop"] = list(how.stop)
    if api == "completions":
        body["prompt"] = "\n\n".join(turn.content for turn in request.messages)
        return body | ({"logprobs": request.logprobs} if request.logprobs else {})
    body["messages"] = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    if request.schema is not None:
        schema = {"name": "reply", "strict": _closed(request.schema), "schema": dict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _closed(schema: Json) -> bool:
    """Whether a schema may be asked for strictly: every object names all its fields and allows no other."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, Mapping):
        return True
    known = schema.get("properties", {})
    whole = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(known)
    return (schema.get("type") != "object" or whole) and all(map(_closed, schema.values()))


def completions_of(body: bytes, request: Request) -> list[Completion]:
    """The choices of a 200 reply, in order; the usage is shared out over them.

    Raises a Transient ``malformed`` fault where the body is no such reply, or the fault of an error
    that the server reports inside it.
    """
    try:
        reply = from_json(body)
        if isinstance(reply, dict) and reply.get("error"):
            raise _reported(reply["error"])
        choices = reply["choices"]
        read = [_choice(choice) for choice in choices]
        used = _usage(reply.get("usage"), request, [text for text, _, _ in read])
        model = str(reply.get("model") or "")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        start = body[:120].decode("utf-8", "replace")
        raise Transient("malformed", f"not a chat completion ({type(error).__name__}): {start!r}") from error
    if not read:
        raise Transient("malformed", "a chat completion without choices")
    return [
        Completion(text, use, finish, model, False, logprobs)
        for (text, finish, logprobs), use in zip(read, used, strict=True)
    ]


def error_text(body: bytes) -> str:
    """What a server says in an error body, in one line (not yet scrubbed)."""
    try:
        reply = from_json(body)
    except ValueError:
        return body[:400].decode("utf-8", "replace")
    found = reply.get("error", reply) if isinstance(reply, dict) else reply
    if isinstance(found, dict):
        said = found.get("message") or found.get("detail") or found
        code = found.get("code")
        return f"{said} ({code})" if isinstance(code, str) and code else str(said)
    return str(found)


def _choice(choice: Mapping[str, Any]) -> tuple[str, str, dict[str, float]]:
    finish = str(choice.get("finish_reason") or "stop")
    if "message" not in choice:
        return str(choice["text"]), finish, _first_of_completions(choice.get("logprobs"))
    message = choice["message"]
    text = message.get("content")
    if isinstance(text, list):  # content parts
        text = "".join(part.get("text", "") for part in text)
    if not text and message.get("refusal"):
        finish = "refusal"
    if text is not None and not isinstance(text, str):
        raise TypeError("content is no text")
    return text or "", finish, _first_of_chat(choice.get("logprobs"))


def _first_of_chat(logprobs: Any) -> dict[str, float]:
    content = (logprobs or {}).get("content") or []
    return (
        {top["token"]: float(top["logprob"]) for top in content[0].get("top_logprobs", [])} if content else {}
    )


def _first_of_completions(logprobs: Any) -> dict[str, float]:
    tops = (logprobs or {}).get("top_logprobs") or []
    return {token: float(value) for token, value in (tops[0] or {}).items()} if tops else {}


def _usage(usage: Any, request: Request, texts: list[str]) -> list[Usage]:
    """Usage per choice: the prompt is billed once, the replies by their share. Estimated where not given."""
    if not isinstance(usage, dict):
        return [_estimated(request, text, place) for place, text in enumerate(texts)]
    details = usage.get("prompt_tokens_details") or {}
    sent, cached = int(usage.get("prompt_tokens") or 0), int(details.get("cached_tokens") or 0)
    received = int(usage.get("completion_tokens") or 0)
    first = Usage(sent, received, min(cached, sent))
    if len(texts) == 1:
        return [first]
    lengths = [len(text) for text in texts]
    whole = sum(lengths) or 1
    more = [Usage(0, received * length // whole) for length in lengths[1:]]
    return [replace(first, output=received - sum(usage.output for usage in more)), *more]


def _estimated(request: Request, text: str, place: int) -> Usage:
    return Usage(0 if place else request_tokens(request), tokens_of(text))


def _reported(error: Any) -> RequestError:
    """The fault of an error that came inside a 200 reply, as gateways send it."""
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error.get("message", error) if isinstance(error, dict) else error)
    status = int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdigit()) else 500
    return of_status(status if 300 <= status < 600 else 500, said)
