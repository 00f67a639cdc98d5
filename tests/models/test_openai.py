"""``use: openai`` on a real local server: what is sent, what is understood, what is never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_world import answered, ask_all, failed, served
from pydantic import SecretStr, ValidationError

from mock_server import Asked, Mock, Reply, completion, failure
from tunesmith.errors import ProviderRefused, SetupError
from tunesmith.llm.api.chat import body_of, completions_of
from tunesmith.llm.api.endpoints import Endpoints
from tunesmith.llm.costs import Costs
from tunesmith.llm.request_errors import (
    AccessRefused,
    Permanent,
    RateLimited,
    Transient,
    of_status,
    retry_after,
)
from tunesmith.llm.secrets import scrubbed, setting
from tunesmith.models.openai import OpenAI
from tunesmith.requests import Completion, Message, Request, Sampling, Usage

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c"


def sent(request: Request | str, **fields: Any) -> Asked:
    """What reached the server for one request."""
    with Mock() as server:
        ask_all(served(server.url, **fields), [request])
        return server.asked[0]


def got(body: bytes, request: Request | None = None, **fields: Any) -> Completion:
    with Mock(lambda _: Reply(body=body)) as server:
        return answered(ask_all(served(server.url, **fields), [request or Request.of("x")]))[0]


def test_a_chat_request_is_worded_as_openai_words_it() -> None:
    request = Request(
        (Message("system", "s"), Message("user", "ü")), Sampling(0.7, 0.9, 50, ("END",)), logprobs=3,
        schema={"type": "object"},
    )  # fmt: skip
    asked = sent(request, seed=3, extra_body={"top_k": 40}, model="m")
    body = asked.json
    assert asked.path == "/v1/chat/completions"
    assert isinstance(body.pop("seed"), int)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "ü"}],
        "temperature": 0.7, "top_p": 0.9, "max_tokens": 50, "stop": ["END"], "top_k": 40, "stream": False,
        "logprobs": True, "top_logprobs": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "strict": False,
                            "schema": {"type": "object"}}},
    }  # fmt: skip


def test_a_base_model_is_asked_to_go_on() -> None:
    asked = sent(Request.of("def f(", sampling=Sampling(0.0, None, 9)), api="completions", model="m")
    assert asked.path == "/v1/completions"
    body = {"model": "m", "prompt": "def f(", "temperature": 0.0, "max_tokens": 9, "stream": False}
    assert asked.json == body
    reply = json.dumps({"choices": [{"text": "x):", "logprobs": {"top_logprobs": [{"x": -0.5}]}}]}).encode()
    answer = got(reply, api="completions")
    assert (answer.text, answer.first_logprobs) == ("x):", {"x": -0.5})


def test_a_schema_is_asked_for_strictly_where_it_allows_that() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    closed = one | {"additionalProperties": False}
    nested = {"type": "object", "properties": {"b": one}, "required": ["b"], "additionalProperties": False}
    strict = [
        body_of(Request.of("x", schema=schema), "m")["response_format"]["json_schema"]["strict"]
        for schema in (one, closed, nested)
    ]
    assert strict == [False, True, False]


def several(asked: Asked) -> Reply:
    """As many choices as were asked for, but never more than three."""
    count = min(asked.json.get("n", 1), 3)
    choices = [{"message": {"content": f"{asked.prompt} {asked.number}.{place}"}} for place in range(count)]
    usage = {"prompt_tokens": 100, "completion_tokens": 10 * count}
    return Reply(body=json.dumps({"choices": choices, "usage": usage}).encode(), delay=0.01)


@pytest.mark.parametrize(("n", "in_flight", "requests"), [(1, 64, 40), (2, 64, 24), (3, 4, 16), (8, 64, 16)])
def test_draws_of_one_prompt_share_a_request_and_pay_the_prompt_once(
    tmp_path: Path, n: int, in_flight: int, requests: int
) -> None:
    asked = [Request.of(f"prompt {number}", draw=draw) for number in range(8) for draw in range(5)]
    bill = Costs()
    with Mock(several) as server:
        model = served(server.url, n=n, in_flight=in_flight)
        answers = answered(ask_all(model, asked, store=tmp_path / "a.sqlite", bill=bill))
        assert len(server.asked) == requests
        assert answered(ask_all(model, asked, store=tmp_path / "a.sqlite"))[7].text == answers[7].text
    assert len({answer.text for answer in answers}) == 40
    assert all(a.text.startswith(r.messages[0].content + " ") for a, r in zip(answers, asked, strict=True))
    assert (bill.total().input, bill.total().output) == (100 * requests, 10 * 40)


def test_a_fault_of_a_shared_request_costs_each_draw_a_try_and_loses_none() -> None:
    asked = [Request.of(f"prompt {number}", draw=draw) for number in range(20) for draw in range(4)]
    with Mock(lambda a: failure(500, "oops") if a.number % 3 == 0 else several(a)) as server:
        answers = answered(ask_all(served(server.url, n=4, in_flight=8), asked))
        assert len({answer.text for answer in answers}) == 80


def test_draws_of_one_prompt_carry_seeds_of_their_own() -> None:
    with Mock() as server:
        model = served(server.url, seed=1, in_flight=1)
        ask_all(model, [Request.of("x", draw=draw) for draw in (0, 1, 0)])
        first, second, again = (asked.json["seed"] for asked in server.asked)
        assert first == again != second


def test_text_usage_reason_and_logprobs_are_read() -> None:
    top = [{"token": "yes", "logprob": -0.25}, {"token": "no", "logprob": -1.5}]
    body = {
        "model": "mock-2",
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}},
        "choices": [{"message": {"content": "yes"}, "finish_reason": "length",
                     "logprobs": {"content": [{"token": "yes", "logprob": -0.25, "top_logprobs": top}]}}],
    }  # fmt: skip
    logprobs = {"yes": -0.25, "no": -1.5}
    assert got(json.dumps(body).encode()) == Completion(
        "yes", Usage(9, 4, 8), "length", "mock-2", False, logprobs
    )


def test_half_an_emoji_in_a_reply_does_not_spoil_it() -> None:
    body = completion("PLACE").replace(b"PLACE", b"fine \\ud83d")
    assert got(body).text == "fine \ufffd"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"42", b'"text"', b"{}", b'{"choices": []}', b'{"choices": [{}]}',
     b'{"choices": null}', b"<html>502</html>", b'{"choices": [{"message": {"content": 3}}]}', b"\xff\xfe",
     b'{"choices": [{"message": null}]}', b"[" * 200_000, b"9" * 10_000,
     b'{"choices": [{"message": {"content": "x"}}], "more": '
     + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"],
)  # fmt: skip
def test_a_body_that_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(Transient) as caught:
        completions_of(body, Request.of("x"))
    assert caught.value.kind == "malformed"


@given(st.binary() | st.text().map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["choices", "message", "content", "usage", "error", "logprobs", "code"]), inner)
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_body_at_all_can_break_the_reader(body: bytes) -> None:
    try:
        completions_of(body, Request.of("x"))
    except (Transient, Permanent, AccessRefused) as fault:
        assert fault.kind and fault.message


def test_an_error_inside_a_200_reply_is_an_error() -> None:
    def raised(code: object) -> Exception:
        with pytest.raises((Transient, Permanent, AccessRefused)) as caught:
            completions_of(json.dumps({"error": {"message": "no", "code": code}}).encode(), Request.of("x"))
        return caught.value

    assert isinstance(raised(429), RateLimited)
    assert isinstance(raised("400"), Permanent)
    assert isinstance(raised("odd"), Transient)


STATUS = [
    (400, Permanent, "refused 400"), (413, Permanent, "refused 413"), (422, Permanent, "refused 422"),
    (401, AccessRefused, "refused 401"), (403, AccessRefused, "refused 403"),
    (404, AccessRefused, "refused 404"),
    (302, AccessRefused, "refused 302"), (408, Transient, "timeout"), (409, Transient, "server error"),
    (429, RateLimited, "rate limit"), (500, Transient, "server error"), (503, RateLimited, "overloaded"),
    (504, Transient, "timeout"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "name"), STATUS)
def test_every_status_has_its_class(status: int, kind: type, name: str) -> None:
    fault = of_status(status, "said")
    assert type(fault) is kind and fault.kind == name and f"HTTP {status}: said" in fault.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "2"}, 2.0), ({"retry-after": "0.5"}, 0.5),
     ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
     ({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, 70.0),
     ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
     ({"Retry-After": "soon"}, None), ({"Retry-After": "-3"}, None), ({}, None)],
)  # fmt: skip
def test_the_wait_that_a_server_asks_for_is_understood(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers.items(), now=30.0) == seconds


def test_a_quota_that_lasts_for_hours_stops_the_run() -> None:
    assert isinstance(of_status(429, "daily limit", 3600.0), AccessRefused)


def test_a_server_without_json_schema_is_asked_without(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Reply:
        return (
            failure(400, "response_format is not supported") if "response_format" in asked.json else Reply()
        )

    with Mock(behave) as server:
        requests = [Request.of(f"p{n}", schema={"type": "object"}) for n in range(20)]
        assert len(answered(ask_all(served(server.url, in_flight=4, tries=1), requests))) == 20
        assert len(server.asked) <= 24


def test_a_key_is_read_from_the_environment_or_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "from-environment")
    (tmp_path / ".env").write_text(
        "# keys\nexport MY_KEY='from file'\nOTHER_KEY = \"o\" \nTHIRD=t # note\nbroken line\n"
    )
    assert [setting(name) for name in ("MY_KEY", "OTHER_KEY", "THIRD", "NONE")] == [
        "from-environment",
        "o",
        "t",
        "",
    ]
    monkeypatch.delenv("MY_KEY")
    assert sent("x", api_key_env="MY_KEY").headers["authorization"] == "Bearer from file"
    assert "authorization" not in sent("x", api_key_env="NO_KEY").headers


def test_openai_itself_is_not_asked_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(SetupError, match="OPENAI_API_KEY is not set"):
        ask_all(OpenAI(model="gpt-4o-mini"), ["x"])


def test_the_usual_variable_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with Mock() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert len(answered(ask_all(OpenAI(model="m"), ["x"]))) == 1


def test_a_key_never_reaches_a_store_an_error_or_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def behave(asked: Asked) -> Reply:
        said = f"header was {asked.headers['authorization']} and key {KEY}"
        return {"a": failure(400, said), "b": failure(500, said)}.get(asked.prompt, Reply())

    with Mock(behave) as server:
        answers = ask_all(served(server.url), ["a", "b", "c"], store=tmp_path / "a.sqlite")
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert {failure.kind for failure in failed(answers)} == {"refused 400", "server error"}
        server.behaviour = lambda _: failure(401, f"Incorrect API key provided: {KEY}")
        with pytest.raises(ProviderRefused) as caught:
            ask_all(served(server.url), ["d"])
    left = [
        repr(answers),
        str(caught.value),
        repr(caught.value.__cause__),
        repr(served(server.url).connect().__dict__),
    ]
    left += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in left if KEY[8:] in text]


def test_what_looks_like_a_key_is_hidden_even_if_it_is_not_ours() -> None:
    assert scrubbed("bad key sk-abc123456789xyz, Bearer eyJhbGciOi.x") == "bad key ***, Bearer ***"
    assert scrubbed("mine is hunter2", SecretStr("hunter2")) == "mine is ***"
    assert scrubbed("a task-based risk-free sentence stays") == "a task-based risk-free sentence stays"


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"base_url": "http://me:secret@host/v1"}, "keys do not belong in base_url"),
     ({"base_url": "localhost:8000"}, "expected http://"),
     ({"api_key_env": KEY}, "expected the NAME of an environment variable"),
     ({"api_key": KEY}, "Extra inputs"), ({"in_flight": 0}, "greater than 0"), ({"model": ""}, "at least 1")],
)  # fmt: skip
def test_a_wrong_field_is_refused_without_showing_what_it_held(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        OpenAI(**({"model": "m"} | fields))
    assert "secret" not in str(caught.value) and KEY not in str(caught.value)


def test_a_redirect_is_explained_and_not_followed() -> None:
    moved = Reply(307, body=b"", headers={"Location": "http://127.0.0.1:1/v2"})
    with Mock(lambda _: moved) as server, pytest.raises(ProviderRefused, match=r"redirects to .*:1/v2; use"):
        ask_all(served(server.url), ["x"])


def test_longer_replies_are_given_more_time() -> None:
    short, long = (Request.of("x", sampling=Sampling(max_tokens=n)) for n in (10, 4000))
    model = served("http://127.0.0.1:1/v1")
    assert model.seconds(short) == 60.5 and model.seconds(long) == 260.0
    assert served("http://127.0.0.1:1/v1", timeout=7).seconds(long) == 7


def test_endpoints_share_the_work_and_the_sick_rest() -> None:
    now = 0.0
    ends = Endpoints(["http://a/v1", "http://b/v1/"], clock=lambda: now)
    first, second = ends.choose(), None
    first.under_way += 1
    second = ends.choose()
    assert {first.base_url, second.base_url} == {"http://a/v1", "http://b/v1"}
    ends.ill(second, gone=True)
    assert ends.choose() is first
    now = 1.0
    second.under_way = 1
    assert ends.choose() is first  # one request tries the sick one; the rest wait for its answer
    second.under_way = 0
    assert ends.choose() is second
    ends.well(second)
    assert ends.busy(first, 5.0) and ends.choose() is second
    assert not ends.busy(second, 2.0) and ends.choose() is second


def test_nothing_is_opened_or_imported_before_the_first_request() -> None:
    """Neither declaring nor connecting loads aiohttp, resolves a name or needs a key."""
    code = """
import socket, sys, asyncio
def refuse(*_): raise AssertionError("network")
socket.getaddrinfo = socket.socket.connect = refuse
from tunesmith.models.openai import OpenAI
from tunesmith.llm.client import Client, Costs
async def main():
    model = OpenAI(model="gpt-4o-mini", base_url="https://host.invalid/v1")
    async with Client(model, None, Costs(), "s"): pass
asyncio.run(main())
print([name for name in ("aiohttp", "openai", "torch", "transformers", "tiktoken") if name in sys.modules])
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert ran.stdout.strip() == "[]"
