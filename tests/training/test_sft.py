"""Supervised fine-tuning: what it minimises, and that it comes out the same every time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import training_world as world

from tunesmith.errors import DataError, UserError
from tunesmith.llm.template import find, saved
from tunesmith.models.hf import Hf
from tunesmith.requests import Request, Sampling
from tunesmith.training._settings import Lora
from tunesmith.training.loop import training_run
from tunesmith.training.loop.checkpoints import Checkpoints
from tunesmith.training.loop.collate import leak
from tunesmith.training.loop.encode import encode
from tunesmith.training.loop.likelihood import Likelihood
from tunesmith.training.loop.objective import Base
from tunesmith.training.loop.training_run import thinned


@pytest.fixture(scope="module")
def student():
    return world.TINY.load()


def gradient(student, samples, *, slots=10_000, packed=None):
    """(loss, gradient as one vector) of one step over ``samples``."""
    model, tokenizer = student
    rows = encode(samples, tokenizer, find("roles"), max_length=128)
    answers = Likelihood(
        rows, Base(model, tokenizer, find("roles"), 128, "here"), slots=slots, packed_length=packed
    )
    passes = answers.passes(np.arange(len(rows)))
    model.zero_grad()
    loss = sum(answers.loss(model, one) for one in passes) / sum(one.weight for one in passes)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()]), len(passes)


def test_the_loss_is_that_of_transformers_on_the_supervised_tokens(student):
    model, tokenizer = student
    samples = world.rows(1)
    rows = encode(samples, tokenizer, find("roles"), max_length=128)
    ids = torch.tensor(rows.row(0))[None].long()
    labels = ids.clone()
    labels[0, : rows.prompts[0]] = -100
    assert gradient(student, samples)[0] == pytest.approx(model(ids, labels=labels).loss.item(), rel=1e-6)


@pytest.mark.parametrize("settings", [{"slots": 100}, {"packed": 128}, {"packed": 128, "slots": 128}])
def test_neither_accumulation_nor_packing_changes_the_gradient(student, settings):
    samples = [row.weighed(1 + n % 2) for n, row in enumerate(world.rows(12))]
    loss, whole, _ = gradient(student, samples)
    other, parts, passes = gradient(student, samples, **settings)
    assert other == pytest.approx(loss, rel=1e-6)
    assert (parts - whole).norm() / whole.norm() <= 1e-5
    assert passes > 1 or "slots" not in settings


def test_a_weight_of_two_is_the_row_twice(student):
    first, second = world.rows(2)
    loss, heavy, _ = gradient(student, [first.weighed(2), second])
    other, twice, _ = gradient(student, [first, first, second])
    assert loss == pytest.approx(other, rel=1e-6)
    assert (heavy - twice).norm() / heavy.norm() <= 1e-5


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_rows_do_not_see_each_other(attention):
    model, tokenizer = world.TINY.load()
    model.set_attn_implementation(attention)
    tokens = [tokenizer(row.answer)["input_ids"] for row in world.rows(4)]
    assert leak(model, tokens) <= 1e-5


def test_a_model_that_lets_packed_rows_leak_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tunesmith.training.loop.collate.leak", lambda model, tokens: 0.3)
    with pytest.raises(UserError, match="packed rows see each other"):
        world.quick(packing=True).train(world.table(tmp_path, world.rows()), world.context(tmp_path))


def test_the_checkpoint_is_a_model_with_its_template_and_facts(tmp_path):
    done = world.quick(epochs=2).train(world.table(tmp_path, world.rows()), world.context(tmp_path))
    assert saved(done.path) == find("starter")
    assert [step for step, _ in done.losses] == list(range(1, 7))
    facts = done.facts
    assert (facts["rows_trained"], facts["steps"], facts["epochs"]) == (12, 6, 2.0)
    assert facts["parameters_trained"] == facts["parameters"] > 0
    assert 0 < facts["supervised_tokens"] < facts["tokens"]
    assert facts["example"]["supervised"].startswith("def f(x):")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["checkpoint"]
    local = Hf(model=str(done.path)).open()
    (reply,) = local.answer([Request.of("Add 1 to x.", sampling=Sampling(max_tokens=8))])
    assert reply is not None
    assert 0 < reply.usage.output <= 8


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor", "muon"])
def test_two_trainings_are_equal_bit_by_bit_and_leave_chance_alone(tmp_path, optimizer):
    rows = world.table(tmp_path, world.rows())
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), torch.get_num_threads()
    one, two = (world.quick(optimizer=optimizer).train(rows, world.context(tmp_path / name)) for name in "ab")
    assert world.weights(one.path) == world.weights(two.path)
    assert one.losses == two.losses
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), torch.get_num_threads())
    assert one.losses[-1][1] < one.losses[0][1]


def test_another_seed_trains_otherwise(tmp_path):
    rows = world.table(tmp_path, world.rows())
    one, two = (world.quick().train(rows, world.context(tmp_path / str(n), seed=n)) for n in (1, 2))
    assert world.weights(one.path) != world.weights(two.path)


class Killed(BaseException):
    """Stands for a kill -9: nothing catches it."""


@pytest.mark.parametrize("settings", [{"optimizer": "muon"}, {"lora": Lora(r=2, dropout=0.1)}])
def test_a_killed_training_resumes_to_the_same_bits(tmp_path, monkeypatch, settings):
    step = world.quick(epochs=3, save_steps=2, **settings)
    rows = world.table(tmp_path, world.rows())
    undisturbed = step.train(rows, world.context(tmp_path / "whole"))

    def killed(self, step):
        if step == 5:
            raise Killed
        return step % 2 == 0

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "due", killed)
        with pytest.raises(Killed):
            step.train(rows, world.context(tmp_path / "killed"))
    half_written = tmp_path / "killed" / "model" / "progress" / "checkpoint-5"
    half_written.mkdir()
    resumed = step.train(rows, world.context(tmp_path / "killed"))
    assert resumed.facts["resumed_at_step"] == 4
    assert world.weights(resumed.path) == world.weights(undisturbed.path)
    assert resumed.losses == undisturbed.losses


def test_a_finished_training_is_not_repeated_but_another_one_is(tmp_path, monkeypatch):
    rows = world.table(tmp_path, world.rows())
    once = world.quick().train(rows, world.context(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "train", lambda job: pytest.fail("trained again"))
        assert world.quick(save_steps=3).train(rows, world.context(tmp_path)) == once
    again = world.quick(lr=2e-2).train(rows, world.context(tmp_path))
    assert again.losses != once.losses


def test_a_second_stage_goes_on_from_the_first(tmp_path):
    rows = world.table(tmp_path, world.rows())
    first = world.quick(epochs=4).train(rows, world.context(tmp_path / "a"))
    model = Hf(model=str(first.path), fingerprint="first")
    second = world.quick(lr=1e-5).train(rows, world.context(tmp_path / "b", model=model))
    assert second.losses[0][1] < first.losses[0][1]
    assert saved(second.path) == saved(first.path)
    other = model.model_copy(update={"template": "alpaca"})
    with pytest.raises(UserError, match="trained under 'starter'"):
        world.quick().train(rows, world.context(tmp_path / "c", model=other))


def test_checkpointed_activations_change_nothing(tmp_path):
    rows = world.table(tmp_path, world.rows())
    plain = world.quick().train(rows, world.context(tmp_path / "plain"))
    saving = world.quick(gradient_checkpointing=True).train(rows, world.context(tmp_path / "saving"))
    assert saving.losses == plain.losses


def test_role_tokens_that_the_tokenizer_lacks_are_added(tmp_path):
    step = world.quick(template="chatml")
    done = step.train(world.table(tmp_path, world.rows()), world.context(tmp_path))
    model, tokenizer = Hf(model=str(done.path)).load()
    assert len(tokenizer("<|im_end|>")["input_ids"]) == 1
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer) == 302


def test_lora_trains_few_parameters_and_is_merged(tmp_path):
    step = world.quick(lora=Lora(r=2, targets=["q_proj", "v_proj"]))
    done = step.train(world.table(tmp_path, world.rows()), world.context(tmp_path))
    assert done.facts["parameters_trained"] < done.facts["parameters"] / 10
    trained, untrained = Hf(model=str(done.path)).load()[0], world.TINY.load()[0]
    changed = {
        name.split(".")[-2]
        for name, weight in untrained.named_parameters()
        if not torch.equal(weight, trained.get_parameter(name))
    }
    assert changed == {"q_proj", "v_proj"}


def test_unknown_lora_targets_are_named(tmp_path):
    step = world.quick(lora=Lora(targets=["nowhere"]))
    with pytest.raises(UserError, match=r"steps\.student\.lora\.targets.*nowhere"):
        step.train(world.table(tmp_path, world.rows()), world.context(tmp_path))


def test_rows_without_answers_are_refused_by_the_steps_name(tmp_path):
    asked = [replace(row, answer="") for row in world.rows(3)]
    with pytest.raises(DataError, match=r"steps\.student: none of the 3 rows"):
        world.quick().train(world.table(tmp_path, asked), world.context(tmp_path))


def test_a_diverging_loss_stops_the_training_and_names_the_key(tmp_path):
    step = world.quick(lr=1e30, max_grad_norm=0, epochs=5)
    with pytest.raises(UserError, match=r"steps\.student\.lr: the loss became"):
        step.train(world.table(tmp_path, world.rows()), world.context(tmp_path))


def test_training_prints_nothing(tmp_path, capfd):
    world.quick().train(world.table(tmp_path, world.rows()), world.context(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_batch_and_batch_tokens_exclude_each_other():
    with pytest.raises(ValueError, match="not both"):
        world.quick(batch_tokens=100)


def test_a_damaged_note_does_not_count_as_finished(tmp_path):
    rows = world.table(tmp_path, world.rows())
    done = world.quick().train(rows, world.context(tmp_path))
    (done.path / "training.json").write_text(json.dumps({"key": "other"})[:5])
    shutil.rmtree(done.path / "checkpoint", ignore_errors=True)
    assert world.quick().train(rows, world.context(tmp_path)).losses == done.losses


def test_a_long_curve_is_thinned_to_means():
    assert thinned([(n, float(n)) for n in range(1, 11)], 5) == [
        (2, 1.5),
        (4, 3.5),
        (6, 5.5),
        (8, 7.5),
        (10, 9.5),
    ]
    assert thinned([(1, 2.0)], 400) == [(1, 2.0)]
