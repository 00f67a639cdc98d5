"""One entry of the answer store: the key it is found by, request and answer as JSON, a line of an export."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..requests import Completion, Request, Usage
from .api.wire import from_json, to_json
from .model import Model
from .store_file import FORMAT


def request_key(model: Model, request: Request) -> str:
    """32 hex digits over what decides the answer: who answers, the words, decoding, draw, schema, logprobs.

    Not the address, the row, the step or the recipe; intent and facts only for rule-based teachers.
    """
    return _key(model, model.identity(), model.resolve(request))


def key_maker(model: Model) -> Callable[[Request], str]:
    """``request_key`` for many requests that ``model`` has resolved."""
    identity = model.identity()
    return lambda request: _key(model, identity, request)


def _key(model: Model, identity: str, request: Request) -> str:
    words = request_words(request)
    if model.reads_facts:
        words |= {"intent": request.intent, "facts": dict(request.facts)}
        if request.offline_answer is not None:
            words["rule"] = _source(request.offline_answer)
    return hashlib.blake2b(to_json([FORMAT, identity, words]), digest_size=16).hexdigest()


@cache
def _source(rule: Callable[..., object]) -> str:
    """The file that defines ``rule``, as text: after an edit its old replies must not come from the store."""
    path = inspect.getsourcefile(rule)
    return Path(path).read_text() if path else f"{rule.__module__}.{rule.__qualname__}"


def request_words(request: Request) -> dict[str, Any]:
    """What of a resolved request decides the answer, as JSON."""
    how = request.sampling
    return {
        "messages": [[turn.role, turn.content] for turn in request.messages],
        "temperature": None if how.temperature is None else float(how.temperature),
        "top_p": None if how.top_p is None else float(how.top_p),
        "max_tokens": how.max_tokens,
        "stop": how.stop,
        "draw": request.draw,
        "schema": request.schema and dict(request.schema),
        "logprobs": request.logprobs,
    }


def answer_json(completion: Completion) -> dict[str, Any]:
    """A completion as JSON, empty parts left out."""
    used = completion.usage
    facts = {
        "text": completion.text,
        "usage": [used.input, used.output, used.cached_input],
        "finish_reason": completion.finish_reason,
        "model": completion.model,
    }
    more = {"first_logprobs": dict(completion.first_logprobs), "reasoning": completion.reasoning}
    return facts | {name: value for name, value in more.items() if value}


def answer_of(facts: dict[str, Any]) -> Completion:
    """The completion that ``answer_json`` wrote, marked as coming from the store."""
    return Completion(
        facts["text"], Usage(*facts["usage"]), facts["finish_reason"], facts["model"], True,
        facts.get("first_logprobs", {}), facts.get("reasoning", ""),
    )  # fmt: skip


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a file that ``export_jsonl`` wrote. Raises DataError with the line's number."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _entry(line, f"{path}:{number}")
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror or error}") from error


def _entry(line: bytes, where: str) -> dict[str, Any]:
    try:
        entry = from_json(line)
        answer_of(entry["answer"])
        return {
            "key": str(entry["key"]), "model": str(entry["model"]), "request": entry["request"],
            "answer": entry["answer"], "at": float(entry["at"]),
        }  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is no stored answer: {type(error).__name__} {error}"
        raise DataError(where, problem, "expected a line written by an export of an answer store") from error
