"""Servers that reply in ways nobody asked for: one reply costs at most one row, and no reply shows a key."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from llm_world import answered, ask_all, failed, served

from mock_server import Asked, Mock, Reply, completion, failure
from tunesmith import replies
from tunesmith.errors import ProviderRefused, SetupError
from tunesmith.llm.api.chat import completions_of
from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.llm.rate_limit import Traffic
from tunesmith.llm.request_errors import Permanent, RequestError, Transient, of_status
from tunesmith.models.from_openai import from_openai
from tunesmith.requests import Completion, Failure, Request, Usage

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c"
ASKED = Request.of("Write a function that adds two numbers.")
MESSAGE = {"role": "assistant", "content": "x = 1"}


def reply(message: dict[str, Any] | None = None, finish: str = "stop", **more: Any) -> bytes:
    return json.dumps(
        {"choices": [{"message": message or MESSAGE, "finish_reason": finish}], **more}
    ).encode()


def read(body: bytes) -> Completion:
    (made,) = completions_of(body, ASKED)
    return made


ECHOES = {
    "a page": lambda key: Reply(body=f"<html>You sent Authorization: Bearer {key}</html>".encode()),
    "other JSON": lambda key: Reply(
        body=json.dumps({"headers": {"Authorization": f"Bearer {key}"}}).encode()
    ),
    "an error": lambda key: failure(400, f"cannot use {key}"),
    "a broken proxy": lambda key: Reply(502, body=b"x" * 110 + key.encode()),
    "the content": lambda key: Reply(text=f"Your key is {key}."),
    "the model": lambda key: Reply(body=completion("x", model=key)),
    "the thoughts": lambda key: Reply(body=reply({"content": "x", "reasoning_content": f"They sent {key}"})),
}


@pytest.mark.parametrize("case", ECHOES)
@pytest.mark.parametrize("key", [KEY, "0123456789abcdef-secret", "p%ss/word+with=signs1"])
def test_a_server_that_echoes_the_key_does_not_bring_it_into_rows_stores_or_errors(
    case: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with Mock(lambda _: ECHOES[case](key)) as server:
        if case in ("a page", "other JSON", "a broken proxy"):
            with pytest.raises(ProviderRefused) as caught:
                ask_all(served(server.url, tries=1), ["x"])
            seen = f"{caught.value} {caught.value.__cause__!r}"
        else:
            seen = repr(ask_all(served(server.url, tries=1), ["x"], store=tmp_path / "a.sqlite"))
    kept = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in [seen, *kept] if key in text or key[4:16] in text]


@pytest.mark.parametrize("case", ["the content", "an error"])
def test_a_key_is_scrubbed_from_what_the_sdk_brings_too(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai = pytest.importorskip("openai")
    monkeypatch.setenv("MY_SERVICE_KEY", KEY)
    with Mock(lambda _: ECHOES[case](KEY)) as server:
        model = from_openai(lambda: openai.AsyncOpenAI(base_url=server.url, api_key=KEY), "m")
        assert KEY[8:] not in repr(ask_all(model, ["x"]))


HOSTILE_USAGE = [
    10**30, 1e308, -1_000_000, -1, 2.5, "12", True, None, [], {}, 2**53 + 1, float("nan"), float("inf"),
]  # fmt: skip


@pytest.mark.parametrize("count", HOSTILE_USAGE)
def test_usage_that_is_not_a_whole_number_in_range_is_estimated(count: Any, tmp_path: Path) -> None:
    body = reply(usage={"prompt_tokens": count, "completion_tokens": count, "prompt_tokens_details": count})
    used = read(body).usage
    assert used == read(reply()).usage and used.input > 0 and used.output > 0
    bill = Costs()
    with Mock(lambda _: Reply(body=body)) as server:
        ask_all(served(server.url), ["x"], store=tmp_path / "a.sqlite", bill=bill)
    assert 0 < bill.total().output < 100


def test_usage_in_range_is_taken_and_never_more_cached_than_sent() -> None:
    usage = {"prompt_tokens": 7.0, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 99}}
    assert read(reply(usage=usage)).usage == Usage(7, 0, 7)


def test_a_small_body_that_grows_without_end_is_given_up() -> None:
    bomb = gzip.compress(b'{"choices": [{"message": {"content": "' + b" " * 300_000_000 + b'"}}]}', 6)
    zipped = Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    with Mock(lambda a: zipped if a.prompt == "bomb" else Reply()) as server:
        answers = ask_all(served(server.url, tries=1, in_flight=2), ["fine", "bomb"])
    (failure,) = failed(answers)
    assert failure.kind == "malformed" and "larger than 32 MB" in failure.message


def test_the_time_for_an_answer_includes_reading_it() -> None:
    with Mock(lambda a: Reply(drip=True) if a.prompt == "slow" else Reply()) as server:
        fine, slow = ask_all(served(server.url, tries=1, timeout=0.3), ["fine", "slow"])
    assert isinstance(fine, Completion)
    assert isinstance(slow, Failure) and slow.kind == "timeout" and "no answer in 0.3 s" in slow.message


def test_thoughts_that_the_server_sends_apart_are_kept_apart() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "x"},
    ]
    for message in (
        {"content": "x", "reasoning_content": "hm"}, {"content": "x", "reasoning": "hm"}, {"content": parts},
        {"content": [{"type": "reasoning", "text": "hm"}, "x"]},
    ):  # fmt: skip
        made = read(reply(message))
        assert (made.text, made.reasoning) == ("x", "hm")


@pytest.mark.parametrize(
    ("message", "finish", "reason"),
    [
        ({"content": None, "reasoning_content": "hm"}, "length", replies.CUT_OFF_REASONING),
        ({"content": None, "reasoning_content": "hm"}, "stop", replies.ONLY_REASONING),
        ({"content": None, "tool_calls": [{"function": {"name": "run"}}]}, "tool_calls", replies.TOOL_CALL),
        ({"content": "", "function_call": {"name": "run"}}, "stop", replies.TOOL_CALL),
        ({"content": "half an ans"}, "MAX_TOKENS", "cut off"),
        ({"content": "<think>half a thou"}, "stop", replies.CUT_OFF_REASONING),
    ],
)
def test_a_reply_without_an_answer_has_a_reason_that_says_what_to_change(
    message: dict[str, Any], finish: str, reason: str, tmp_path: Path
) -> None:
    with Mock(lambda _: Reply(body=reply(message, finish))) as server:
        for _ in range(2):  # asked, then stored
            (made,) = answered(ask_all(served(server.url), ["x"], store=tmp_path / "a.sqlite"))
            assert replies.defect(made) == reason
            assert reason == "cut off" or made.reasoning
        assert len(server.asked) == 1


def test_a_reply_that_the_server_itself_calls_an_error_is_asked_again() -> None:
    with pytest.raises(Transient):
        read(reply(finish="error"))


def test_a_server_that_streams_unasked_stops_the_run_and_is_named() -> None:
    body = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]\n'
    with Mock(lambda _: Reply(body=body)) as server, pytest.raises(ProviderRefused, match="streams its repl"):
        ask_all(served(server.url), ["x"])
    assert server.asked[0].json["stream"] is False


@pytest.mark.parametrize("refused", ["max_tokens", "max_completion_tokens"])
def test_a_server_that_refuses_one_name_of_the_limit_is_sent_the_other(refused: str) -> None:
    def behave(asked: Asked) -> Reply:
        return failure(400, f"Unsupported parameter: '{refused}'") if refused in asked.json else Reply()

    with Mock(behave) as server:
        fields = {} if refused == "max_tokens" else {"token_limit_field": None}
        model = served(server.url, tries=1, in_flight=4, **fields)
        if refused == "max_tokens":
            assert len(answered(ask_all(model, [f"p{n}" for n in range(20)]))) == 20
            assert len(server.asked) <= 24
        stated = served(server.url, tries=1, token_limit_field="max_new_tokens")
        ask_all(stated, ["x"])
        assert server.asked[-1].json["max_new_tokens"] == 64


def test_a_limit_that_is_too_large_is_not_taken_for_an_unknown_name() -> None:
    said = "max_tokens is too large: 8192. This model supports at most 4096 completion tokens."
    with Mock(lambda _: failure(400, said)) as server:
        (failure_,) = failed(ask_all(served(server.url), ["x"]))
        assert len(server.asked) == 1 and "lower max_tokens" in failure_.message


def test_a_refused_temperature_names_the_key_that_leaves_it_out() -> None:
    def behave(asked: Asked) -> Reply:
        said = "Unsupported value: 'temperature' does not support 0.0 with this model."
        return failure(400, said) if "temperature" in asked.json else Reply()

    with Mock(behave) as server:
        (failure_,) = failed(ask_all(served(server.url), ["x"]))
        assert "extra_body: {temperature: null}" in failure_.message
        model = served(server.url, extra_body={"temperature": None})
        assert len(answered(ask_all(model, ["x"]))) == 1


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens",
        "prompt is too long: 210000 tokens > 200000 maximum", "context_length_exceeded",
        "the request exceeds the available context size. try increasing the context size",
        "The prompt (total length 5000) is longer than the maximum model length of 4096",
        "`inputs` tokens + `max_new_tokens` must be <= 4096: maximum input length",
    ],
)  # fmt: skip
def test_a_request_over_the_context_has_a_kind_of_its_own(said: str) -> None:
    fault = of_status(400, said)
    assert isinstance(fault, Permanent) and fault.kind == "prompt too long" and "max_tokens" in fault.message


def test_an_error_holds_no_key_whoever_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_TOKEN", "q1w2e3r4t5y6")
    assert "q1w2e3" not in repr(RequestError("x", "sent q1w2e3r4t5y6"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    assert RequestError("x", "there are none").message == "there are none"


def test_a_key_that_no_header_can_carry_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-“quoted”")
    with pytest.raises(SetupError, match="characters that no key has"):
        ask_all(served("http://127.0.0.1:9/v1"), ["x"])


def test_traffic_counts_refusals_and_retries_for_the_live_line() -> None:
    async def run(url: str) -> Traffic:
        async with Client(served(url), None, Costs(), "answers") as client:
            assert client.traffic() is None
            await client.answer(served(url).resolve(ASKED))
            traffic = client.traffic()
            assert traffic is not None
            return traffic

    refused = failure(429, "slow down", Retry_After="0.01")
    with Mock(lambda a: [refused, failure(500, "oops"), Reply()][min(a.number, 2)]) as server:
        traffic = asyncio.run(run(server.url))
    assert (traffic.in_flight, traffic.refusals, traffic.retries) == (0, 1, 2)
