"""Models whose weights we hold: what they reply depends on the request and on nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import torch
import training_world as world

from tunesmith.errors import SetupError
from tunesmith.llm.local.batching import Batching
from tunesmith.llm.local.decoding import Ask, Chooser
from tunesmith.llm.local.generation import Local, generate
from tunesmith.llm.model import Trainable
from tunesmith.llm.request_errors import Permanent
from tunesmith.llm.template import find
from tunesmith.models.hf import Hf
from tunesmith.models.scratch import Scratch
from tunesmith.requests import Request, Sampling

SAMPLED = Sampling(temperature=1.0, top_p=0.9, max_tokens=12)
ASKED = [f"Write solve(numbers): add {n * '1'} to each, take the sum." for n in range(9)]


@pytest.fixture(scope="module")
def local():
    return world.TINY.open()


def requests(sampling=SAMPLED, **more):
    return [Request.of(text, sampling=sampling, **more) for text in ASKED]


@pytest.mark.parametrize("sampling", [SAMPLED, replace(SAMPLED, temperature=0.0)], ids=["sampled", "greedy"])
def test_a_reply_does_not_depend_on_its_company(local, sampling):
    together = local.answer(requests(sampling))
    assert local.answer(list(reversed(requests(sampling)))) == list(reversed(together))
    assert [local.answer([request])[0] for request in requests(sampling)] == together
    assert local.answer(requests(sampling), batch_size=2) == together


def test_another_draw_is_another_reply_and_global_chance_is_not_used(local):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (local.answer(requests(draw=draw)) for draw in (0, 1))
    assert first != second
    assert torch.equal(before, torch.get_rng_state())
    assert generate(local, ASKED, sampling=SAMPLED, draws=2) == [
        list(pair) for pair in zip(first, second, strict=True)
    ]


def chosen(probabilities, count, temperature=1.0, top_p=1.0):
    """``count`` draws from one distribution, each by a stream of its own."""
    asks = [Ask(n, [], 1, temperature, top_p, (), 0, n) for n in range(count)]
    scores = torch.tensor(probabilities).log().expand(count, -1)
    return Chooser(asks)(None, scores).argmax(-1).numpy()


def test_draws_follow_the_models_distribution():
    counts = np.bincount(chosen([0.5, 0.0, 0.3, 0.2], 20_000), minlength=4) / 20_000
    assert counts[1] == 0
    assert counts == pytest.approx([0.5, 0, 0.3, 0.2], abs=0.015)  # over four standard errors


def test_temperature_sharpens_and_top_p_cuts_the_tail():
    sharp = np.bincount(chosen([0.6, 0.4], 20_000, temperature=0.5)) / 20_000
    assert sharp[0] == pytest.approx(0.36 / 0.52, abs=0.015)
    assert set(chosen([0.1, 0.5, 0.3, 0.1], 2000, top_p=0.7)) == {1, 2}
    assert set(chosen([0.3, 0.5, 0.2], 500, top_p=0.01)) == {1}


def test_greedy_is_the_argmax_of_the_unbatched_model(local):
    (reply,) = local.answer([Request.of(ASKED[3], sampling=Sampling(temperature=0, max_tokens=6))])
    ids = local.template.prompt_ids([local.prompt(requests()[3])], local.tokenizer)[0]
    start = len(ids)
    for _ in range(6):
        ids.append(int(local.model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert reply.text == local.tokenizer.decode(ids[start:], skip_special_tokens=True)


def test_a_reply_ends_at_its_stop_string(local):
    whole = local.answer(requests())
    stop = whole[4].text[5:8]
    stopped = local.answer(requests(replace(SAMPLED, stop=(stop,))))
    cut = local.answer([Request.of(ASKED[4], sampling=replace(SAMPLED, stop=("\u2603",)))])[0]
    assert all(stop not in reply.text for reply in stopped)
    assert cut.finish_reason == "length"
    assert cut.usage.output == 12


def test_stopping_keeps_what_stood_before_the_stop_string(local, monkeypatch):
    monkeypatch.setattr(Chooser, "_sampled", lambda self, scores: torch.tensor(next(script)))
    ids = local.tokenizer("x = 1\n\ny = 2")["input_ids"]
    script = iter([[token] for token in ids])
    sampling = replace(SAMPLED, stop=("\n\n",))
    (reply,) = local.answer([Request.of("Count.", sampling=sampling)])
    assert (reply.text, reply.finish_reason) == ("x = 1", "stop")
    assert reply.usage.output < len(ids)


def test_a_row_has_its_own_limit(local):
    asked = [Request.of(ASKED[n], sampling=Sampling(temperature=0, max_tokens=n + 1)) for n in range(4)]
    assert [reply.usage.output for reply in local.answer(asked)] == [1, 2, 3, 4]


def test_a_prompt_that_fills_the_context_gets_no_reply(local):
    long = Request.of("add " * 200, sampling=SAMPLED)
    replies = local.answer([long, *requests()])
    assert replies[0] is None
    assert replies[1:] == local.answer(requests())


def test_a_reply_never_outgrows_the_context(local):
    asked = Request.of(ASKED[0], sampling=Sampling(temperature=0, max_tokens=5000))
    (reply,) = local.answer([asked])
    assert reply.usage.input + reply.usage.output <= 128


def test_first_logprobs_are_those_of_the_model(local):
    request = replace(requests()[0], logprobs=3)
    (reply,) = local.answer([request])
    ids = local.template.prompt_ids([local.prompt(request)], local.tokenizer)
    logs = torch.log_softmax(local.model(torch.tensor(ids)).logits[0, -1], -1)
    values, tokens = logs.topk(3)
    pairs = zip(map(local.tokenizer.decode, tokens.tolist()), values.tolist(), strict=True)
    expected = dict(reversed(list(pairs)))  # of tokens that read alike, the likeliest
    assert reply.first_logprobs == pytest.approx(expected, abs=1e-5)
    assert replace(reply, first_logprobs={}) == local.answer(requests()[:1])[0]


async def _all(backend, asked):
    async with backend:
        return await asyncio.gather(*(backend.complete(request) for request in asked), return_exceptions=True)


def test_requests_that_arrive_together_are_answered_in_batches(local):
    seen = []

    class Counting(Local):
        def answer(self, requests, batch_size=None):
            seen.append(len(requests))
            return super().answer(requests, batch_size)

    counting = Counting(local.model, local.tokenizer, local.template, "x", batch_size=4)
    replies = asyncio.run(_all(Batching(lambda: counting), requests()))
    assert [reply.text for reply in replies] == [reply.text for reply in local.answer(requests())]
    assert seen == [4, 4, 1]


def test_one_request_that_does_not_fit_fails_alone():
    replies = asyncio.run(_all(world.TINY.connect(), [Request.of("add " * 200), *requests()]))
    assert isinstance(replies[0], Permanent)
    assert all(reply.text for reply in replies[1:])


def test_a_failure_reaches_everyone_who_waits(local):
    class Broken(Local):
        def answer(self, requests, batch_size=None):
            raise MemoryError("no room")

    broken = Broken(local.model, local.tokenizer, local.template, "x")
    replies = asyncio.run(_all(Batching(lambda: broken), requests()))
    assert [type(reply) for reply in replies] == [MemoryError] * len(replies)


def test_the_scratch_student_is_the_same_every_time_and_by_seed():
    one, two, other = (s.load()[0].state_dict() for s in (world.TINY, world.TINY, replaced(seed=1)))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])
    assert world.TINY.identity() != replaced(seed=1).identity()


def replaced(**changes):
    return world.TINY.model_copy(update=changes)


def test_the_default_student_has_about_a_million_parameters():
    model, tokenizer = Scratch().load()
    assert 850_000 < model.num_parameters() < 1_000_000
    assert len(tokenizer) == 512


def test_no_text_is_unknown_to_the_scratch_tokenizer():
    tokenizer = world.TINY.tokenizer()
    text = "def f(x):\n\treturn 'déjà vu ☃'  # <|x|>\n\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_models_with_weights_can_be_trained():
    assert isinstance(world.TINY, Trainable)
    assert isinstance(Hf(model="org/name"), Trainable)


def test_a_model_from_a_folder_answers_as_the_one_that_was_saved(local, tmp_path):
    local.model.save_pretrained(tmp_path)
    local.tokenizer.save_pretrained(tmp_path)
    find("starter").save(tmp_path)
    again = Hf(model=str(tmp_path), device="cpu").open()
    assert [r.text for r in again.answer(requests())] == [r.text for r in local.answer(requests())]


def test_identity_names_the_weights_not_the_address(tmp_path):
    assert "bigcode/starcoder@main" in Hf(model="bigcode/starcoder").identity()
    assert str(tmp_path) not in Hf(model=str(tmp_path)).identity()
    before = Hf(model=str(tmp_path)).identity()
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert Hf(model=str(tmp_path)).identity() != before
    assert Hf(model="a", fingerprint="k1").identity() == Hf(model="b", fingerprint="k1").identity()


def test_a_reply_names_the_checkpoint_and_never_its_folder(tmp_path):
    """Rows keep who answered: the same run in another folder must give the same rows."""
    for run in ("here", "there"):
        place = tmp_path / run / "models" / "dit" / "checkpoint"
        place.mkdir(parents=True)
        assert Hf(model=str(place)).label() == "dit"
    assert Hf(model=str(tmp_path / "here")).label() == "here"
    assert Hf(model="bigcode/starcoder").label() == "bigcode/starcoder"


def test_a_missing_folder_says_so():
    with pytest.raises(SetupError, match="no such folder"):
        Hf(model="./nowhere/at/all").load()


def test_a_model_that_cannot_be_fetched_says_what_to_check(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SetupError, match="cannot be loaded") as caught:
        Hf(model="tunesmith/no-such-model").load()
    assert "offline, give a folder" in caught.value.fix


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(SetupError, match="cannot be loaded"):
        Hf(model=str(tmp_path)).load()
