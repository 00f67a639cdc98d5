"""The OpenAI wire format, without IO: a request to a body, a body to completions or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, Literal

from ...requests import Completion, Request, Usage
from ...sample import Json
from ..request_errors import AccessRefused, RequestError, Transient, of_status
from ..secrets import scrubbed
from ..tokens import request_tokens, tokens_of
from .wire import from_json, to_json

Api = Literal["chat", "completions"]
PATHS: Mapping[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}
"""Where each API lives below a base_url."""
_MOST_TOKENS = 2**53
_STREAM_STARTS = (b"data:", b"event:", b": ", b"id:", b"retry:")
_THOUGHT_PARTS = ("thinking", "thought", "reasoning")


def body_of(
    request: Request,
    model: str,
    api: Api = "chat",
    limit_field: str = "max_tokens",
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a resolved request.

    limit_field: the server's name for the longest reply.  more: further fields; null leaves one out.
    """
    how = request.sampling
    body: dict[str, Any] = {"model": model, "temperature": how.temperature, limit_field: how.max_tokens}
    if how.top_p is not None and how.top_p < 1:
        body["top_p"] = how.top_p
    if how.stop:
        body["stop"] = list(how.stop)
    if api == "completions":
        body["prompt"] = "\n\n".join(turn.content for turn in request.messages)
        body |= {"logprobs": request.logprobs} if request.logprobs else {}
    else:
        body["messages"] = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        body |= {"logprobs": True, "top_logprobs": request.logprobs} if request.logprobs else {}
    if request.schema is not None and api == "chat":
        schema = {"name": "reply", "strict": _closed(request.schema), "schema": dict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {name: value for name, value in (body | dict(more or {})).items() if value is not None}


def _closed(schema: Json) -> bool:
    """Whether a schema may be sent as strict: every object names all its fields and allows no other."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, Mapping):
        return True
    known = schema.get("properties", {})
    whole = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(known)
    return (schema.get("type") != "object" or whole) and all(map(_closed, schema.values()))


def completions_of(body: bytes | Mapping[str, Any], request: Request) -> list[Completion]:
    """The choices of a 200 reply (its bytes, or its JSON), in order; the usage is shared out over them.

    Raises the error that the server reports inside the body, AccessRefused where the body is a stream, and
    Transient ``malformed`` where it is anything else.
    """
    try:
        return _completions(from_json(body) if isinstance(body, bytes) else body, request)
    except RequestError:
        raise
    except Exception as error:
        # A boundary: a body may raise anything (deep nesting RecursionError, huge numbers OverflowError,
        # size MemoryError), and whatever it is, one reply costs one row.
        raise _unreadable(body, error) from error


def _completions(reply: Any, request: Request) -> list[Completion]:
    if reply.get("error"):
        raise _reported(reply["error"])
    model = reply.get("model")
    name = model[:200] if isinstance(model, str) else ""
    completions = [_choice(choice, name) for choice in reply["choices"]]
    if not completions:
        raise Transient("malformed", "a chat completion without choices")
    usages = _usages(reply.get("usage"), request, completions)
    return [replace(one, usage=usage) for one, usage in zip(completions, usages, strict=True)]


def _unreadable(body: bytes | Mapping[str, Any], error: Exception) -> RequestError:
    if not isinstance(body, bytes):
        return Transient("malformed", f"not a chat completion ({type(error).__name__})")
    if body.lstrip().startswith(_STREAM_STARTS):
        said = "the server streams its replies although the request says `stream: false`"
        return AccessRefused("streamed reply", f"{said}. Switch streaming off in the server or gateway")
    start = scrubbed(body[:4000].decode("utf-8", "replace"), longest=120)
    return Transient("malformed", f"not a chat completion ({type(error).__name__}): {start!r}")


def error_text(body: bytes | Any) -> str:
    """What a server says in an error body (its bytes, or its JSON), not yet scrubbed."""
    try:
        reply = from_json(body) if isinstance(body, bytes) else body
        error = reply.get("error", reply) if isinstance(reply, dict) else reply
        if not isinstance(error, dict):
            return str(error)
        code, said = error.get("code"), str(error.get("message") or error.get("detail") or error)
        return f"{said} ({code})" if isinstance(code, str) and code else said
    except Exception:  # as above: the body may raise anything
        return body[:4000].decode("utf-8", "replace") if isinstance(body, bytes) else "an unreadable error"


def _choice(choice: Mapping[str, Any], model: str) -> Completion:
    finish = str(choice.get("finish_reason") or "stop")[:40]
    if finish == "error":
        raise Transient("server error", "the server ended its reply with an error")
    message = choice.get("message")
    if message is None:
        text, reasoning = _text(choice["text"]), ""
    else:
        text, reasoning = _parts(message.get("content"))
        apart = (message.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
        reasoning = "\n\n".join(filter(None, (reasoning, next((x for x in apart if isinstance(x, str)), ""))))
        calls = message.get("tool_calls") or message.get("function_call")
        if not text and message.get("refusal"):
            finish = "refusal"
        elif not text and calls:
            finish, reasoning = "tool_calls", f"{reasoning}\n\n{to_json(calls).decode()}".strip()
    return Completion(text, Usage(), finish, model, False, _first_logprobs(choice), reasoning)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("the content is not text")
    return value


def _parts(content: Any) -> tuple[str, str]:
    """Text and thoughts of a message's content: text, or a list of parts."""
    if not isinstance(content, list):
        return _text(content), ""
    said: dict[bool, list[str]] = {False: [], True: []}
    for part in content:
        kind = "text" if isinstance(part, str) else part.get("type", "text")
        value = part if isinstance(part, str) else part.get(kind) or part.get("text")
        # Mistral nests the parts of a thought once more.
        said[kind in _THOUGHT_PARTS].append(_parts(value)[0] if isinstance(value, list) else _text(value))
    return "".join(said[False]), "".join(said[True])


def _first_logprobs(choice: Mapping[str, Any]) -> dict[str, float]:
    """Log-probabilities at the first reply position; empty where there are none, or none that can be read."""
    try:
        logprobs = choice["logprobs"]
        if "message" in choice:
            top = {one["token"]: float(one["logprob"]) for one in logprobs["content"][0]["top_logprobs"]}
        else:
            top = {token: float(value) for token, value in logprobs["top_logprobs"][0].items()}
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError):
        return {}
    return {token: value for token, value in top.items() if isinstance(token, str) and isfinite(value)}


def _usages(usage: Any, request: Request, completions: list[Completion]) -> list[Usage]:
    """Usage per choice: the prompt is billed once, the replies by their share. Estimated where not stated.

    A bill is money: a count that is not a whole number from 0 to 2**53 counts as not stated.
    """
    stated = usage if isinstance(usage, dict) else {}
    details = stated.get("prompt_tokens_details")
    sent = _count(stated.get("prompt_tokens"))
    sent = request_tokens(request) if sent is None else sent
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    received = _count(stated.get("completion_tokens"))
    written = [tokens_of(one.text) + tokens_of(one.reasoning) for one in completions]
    if received is not None:
        whole = sum(written) or 1
        shares = [received * tokens // whole for tokens in written[1:]]
        written = [received - sum(shares), *shares]
    first = Usage(sent, written[0], min(cached or 0, sent))
    return [first, *(Usage(0, tokens) for tokens in written[1:])]


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def _reported(error: Any) -> RequestError:
    """The error inside a 200 reply, as gateways send it."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdecimal() and len(code) == 3:
        code = int(code)
    status = _count(code) or 500
    return of_status(status if 300 <= status < 600 else 500, scrubbed(error_text({"error": error})))
