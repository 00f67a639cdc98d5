"""A server that we did not write: ``transformers serve`` with a tiny model, over HTTP on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llm_world import answered, ask_all

import tunesmith
from tunesmith.models.openai import OpenAI
from tunesmith.requests import Request, Sampling

REPLY = "Write a function `twice(x)` that returns x + x.\n\n```python\ndef twice(x):\n    return x + x\n```"
TEMPLATE = (
    "{% for m in messages %}<|user|>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)


def one_answer_model(folder: Path) -> None:
    """A Llama of a few thousand parameters that has learnt to give ``REPLY``, whatever is asked."""
    import torch

    from tunesmith.models.scratch import Scratch

    torch.manual_seed(0)
    torch.set_num_threads(1)  # two threads on two busy cores take ten times as long for so small a model
    student = Scratch(hidden_size=32, layers=1, heads=2, feed_forward=48, max_length=2048)
    model, tokenizer = student.load()
    tokenizer.chat_template = TEMPLATE
    reply = tokenizer("<|answer|>" + REPLY + tokenizer.eos_token)["input_ids"]
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-2)
    for step in range(400):
        words = torch.randint(261, 500, (3 + 9 * (step % 30),)).tolist()
        ids = torch.tensor([words + reply])
        labels = ids.clone()
        labels[:, : len(words) + 1] = -100
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert loss.item() < 0.05
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """The model behind ``transformers serve``, as a recipe would declare it."""
    pytest.importorskip("fastapi", reason="pip install 'tunesmith[dev]'")
    folder = tmp_path_factory.mktemp("served") / "model"
    one_answer_model(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", folder, "--host", "127.0.0.1"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    log = (folder.parent / "log").open("w")
    with (
        log,
        subprocess.Popen([*command, "--port", str(port)], env=environment, stdout=log, stderr=log) as process,
    ):
        yield OpenAI(
            model=str(folder), base_url=f"http://127.0.0.1:{port}/v1", in_flight=4, max_tokens=96, tries=12
        )
        process.terminate()


@pytest.mark.slow
def test_transformers_serve_answers_and_counts(server: OpenAI) -> None:
    requests: list[Any] = [Request.of(f"please {n}") for n in range(8)]
    requests.append(Request.of("please", sampling=Sampling(max_tokens=3)))
    # the first tries wait for the server to start
    *whole, cut = answered(ask_all(server, requests, backoff=1.0))
    assert {answer.text for answer in whole} == {REPLY}
    assert all(answer.finish_reason == "stop" and answer.usage.output > 20 for answer in whole)
    assert (cut.finish_reason, cut.usage.output) == ("length", 3)


@pytest.mark.slow
def test_transformers_serve_drives_the_wizardcoder_recipe(server: OpenAI, tmp_path: Path) -> None:
    (url,) = server.base_url
    teacher = (
        f"{{use: openai, model: {server.model}, base_url: '{url}', in_flight: 4, max_tokens: 96, tries: 12}}"
    )
    small = ["steps.seeds.limit=12", "steps.evolution.repeat=1"]
    result = tunesmith.run(
        "wizardcoder", tiny=True, out=tmp_path / "run", overrides=[f"models.teacher={teacher}", *small]
    )
    evolved = list(tunesmith.read(tmp_path / "run", "evolution/round-01/evolved"))
    assert evolved and result.scores
    assert all(row.instruction.startswith("Write a function") for row in evolved)  # the served model's words
