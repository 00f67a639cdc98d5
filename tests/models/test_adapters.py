"""Models that stand on somebody else's library: the openai SDK where installed, vLLM where installed."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace as Like
from typing import Any

import pytest
from llm_world import answered, ask_all, asking, failed

from mock_server import Asked, Mock, Reply, failure
from tunesmith.errors import ProviderRefused, SetupError
from tunesmith.llm.costs import Costs
from tunesmith.models.scratch import Scratch
from tunesmith.models.vllm import Vllm, completion_of
from tunesmith.requests import Completion, Request, Sampling, Usage

PROMPTS = [f"prompt {number}" for number in range(60)]


def test_without_vllm_the_error_says_what_to_do() -> None:
    if importlib.util.find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(SetupError, match="use: openai"):
        ask_all(Vllm(model="./nowhere"), ["x"])


def test_a_finished_reply_of_vllm_is_understood() -> None:
    first = {5: Like(decoded_token="yes", logprob=-0.5), 6: Like(decoded_token="no", logprob=-1.0)}
    output = Like(text="yes", token_ids=[5], finish_reason="length", logprobs=[first])
    reply = Like(outputs=[output], prompt_token_ids=[1, 2, 3], num_cached_tokens=2)
    logprobs = {"yes": -0.5, "no": -1.0}
    assert completion_of(reply, "m") == Completion("yes", Usage(3, 1, 2), "length", "m", False, logprobs)


class _Engine:
    """What the documentation of vLLM's asynchronous engine promises, as far as it is used here."""

    def __init__(self, arguments: Like) -> None:
        self.arguments, self.model_config = arguments, Like(max_model_len=arguments.max_model_len or 64)
        self.asked: list[tuple[dict[str, list[int]], Like, str]] = []
        self.over = False

    async def generate(
        self, prompt: dict[str, list[int]], sampling_params: Like, request_id: str
    ) -> AsyncIterator[Like]:
        self.asked.append((prompt, sampling_params, request_id))
        if sampling_params.structured_outputs and "$ref" in sampling_params.structured_outputs.json:
            raise ValueError("the schema is not\nsupported")
        output = Like(text="yes", token_ids=[5, 2], finish_reason="stop", logprobs=None)
        yield Like(outputs=[output], prompt_token_ids=prompt["prompt_token_ids"], num_cached_tokens=0)

    def shutdown(self) -> None:
        self.over = True


def test_the_engine_is_told_what_vllm_documents_and_a_request_it_refuses_costs_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in with vLLM's documented names: this proves our side of the contract, not vLLM's."""
    engines: list[_Engine] = []

    def start(arguments: Like) -> _Engine:
        engines.append(_Engine(arguments))
        return engines[-1]

    def sampling(**given: Any) -> Like:
        names = {"temperature", "top_p", "max_tokens", "stop", "stop_token_ids", "seed", "logprobs"}
        assert given.keys() <= names | {"output_kind", "structured_outputs"}
        return Like(**({"structured_outputs": None} | given))

    vllm = Like(
        AsyncEngineArgs=Like, AsyncLLMEngine=Like(from_engine_args=start), SamplingParams=sampling,
        __spec__=None,
    )  # fmt: skip
    kinds = Like(FINAL_ONLY="final only")
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    monkeypatch.setitem(
        sys.modules, "vllm.sampling_params", Like(RequestOutputKind=kinds, StructuredOutputsParams=Like)
    )
    Scratch().load()[1].save_pretrained(tmp_path / "weights")
    model = Vllm(model="weights", max_length=400, memory_share=0.5, engine={"quantization": "fp8"}).at(
        tmp_path
    )
    asked = [
        Request.of("x", schema={"type": "object"}, draw=1), Request.of("y", schema={"$ref": "#/x"}),
        Request.of("z " * 600), Request.of("x", sampling=Sampling(0.7, 0.9, 9, ("END",))),
    ]  # fmt: skip
    answers = ask_all(model, asked)
    assert [getattr(answer, "kind", "") for answer in answers] == ["", "refused 400", "prompt too long", ""]
    assert [answer.text for answer in answered(answers)] == ["yes", "yes"]
    (engine,) = engines
    given = engine.arguments
    assert given.model == str(tmp_path / "weights") and given.quantization == "fp8" and engine.over
    assert (given.tensor_parallel_size, given.gpu_memory_utilization, given.max_model_len) == (1, 0.5, 400)
    how = next(how for _, how, _ in engine.asked if how.temperature == 0.7)
    assert (how.top_p, how.max_tokens, how.stop, how.output_kind) == (0.9, 9, ["END"], "final only")
    assert how.stop_token_ids and isinstance(how.seed, int)


def test_a_client_that_is_given_is_used_and_left_open() -> None:
    openai = pytest.importorskip("openai", reason="pip install openai")
    from tunesmith.models.from_openai import from_openai

    async def run(url: str) -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
            model = from_openai(client, "mock", max_tokens=64)
            for _ in range(2):
                assert len(answered(await asking(model, ["hello"], None, Costs(), 0.01, "s"))) == 1

    with Mock() as server:
        asyncio.run(run(server.url))


def test_an_sdk_client_is_asked_with_our_window_tries_and_classes() -> None:
    openai = pytest.importorskip("openai", reason="pip install openai")
    from tunesmith.models.from_openai import from_openai

    def behave(asked: Asked) -> Reply:
        if asked.prompt == "prompt 7":
            return failure(400, "too long")
        return failure(500, "oops") if asked.number % 5 == 1 else Reply(text=f"answer to {asked.prompt}")

    with Mock(behave) as server:
        make = functools.partial(openai.AsyncOpenAI, base_url=server.url, api_key="sk-none-of-your-business")
        model = from_openai(make, "mock", in_flight=8, max_tokens=64)
        answers = ask_all(model, PROMPTS)
        assert [a.text for a in answered(answers)] == [f"answer to {p}" for p in PROMPTS if p != "prompt 7"]
        assert [f.kind for f in failed(answers)] == ["refused 400"]
        assert "business" not in repr(model)
        server.behaviour = lambda _: failure(401, "bad key sk-none-of-your-business")
        with pytest.raises(ProviderRefused) as caught:
            ask_all(model, ["x"])
        assert "business" not in str(caught.value)
