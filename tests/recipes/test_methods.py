"""What the papers say of their methods stands in the recipes and defaults: numbers, order, who does what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tunesmith import api
from tunesmith.errors import RecipeError
from tunesmith.recipe.load import read_recipe
from tunesmith.recipe.recipe import Node, Recipe, Rounds
from tunesmith.recipe.yaml import read_document
from tunesmith.selection.answer_format import AnswerFormat
from tunesmith.selection.mark import Mark
from tunesmith.selection.near_benchmark import NearBenchmark
from tunesmith.synthesis.diversify import PERSONAS, Diversify
from tunesmith.synthesis.evolve import WEIGHTS
from tunesmith.synthesis.four_tasks import SHARES
from tunesmith.synthesis.hindsight import Hindsight
from tunesmith.synthesis.inverse import Inverse
from tunesmith.synthesis.oss_instruct import OssInstruct


def node(recipe: Recipe, name: str) -> Node:
    return next(found for found in recipe.all_nodes() if found.name == name)


def field(recipe: str, step: str) -> Any:
    return node(api.check(recipe), step).step


def test_wizardcoder_evolves_four_rounds_and_answers_with_a_model_of_its_own() -> None:
    recipe = api.check("wizardcoder")
    rounds = next(found for found in recipe.nodes if isinstance(found, Rounds))
    assert rounds.repeat == 4 and rounds.stop is not None
    assert [found.address for found in rounds.each][:1] == ["synthesis.evolve"]
    other = ["models.other={use: starter}", "steps.evolution.each.answered.with=other"]
    apart = api.check("wizardcoder", overrides=other)
    assert (node(apart, "evolved").model, node(apart, "answered").model) == ("teacher", "other")
    assert WEIGHTS["complexity"] < min(value for name, value in WEIGHTS.items() if name != "complexity")


def test_each_round_is_trained_from_the_base_or_one_after_the_other_if_so_said() -> None:
    recipe = api.check("wizardcoder")
    assert (node(recipe, "trial").model, node(recipe, "wizard").model) == ("student", "student")
    sequential = api.check("wizardcoder", overrides=["steps.second={do: training.sft, with: wizard}"])
    assert node(sequential, "second").model == "wizard"


CHOOSES = """\
name: chooses
models: {{student: {{use: scratch}}, teacher: {{use: starter}}}}
steps:
  seeds: {{do: sources.starter, tasks: 3}}
  block:
    repeat: 2
    {stop}
    each:
      evolved: {{do: synthesis.evolve, with: teacher}}
    probe:
      trial: {{do: training.sft, with: student}}
      dev: {{do: evaluation.pass_at_k, with: trial, benchmarks: [{dev}]}}
  final: {{do: training.sft, with: student}}
  scores: {{do: evaluation.pass_at_k, with: final, benchmarks: [{test}]}}
"""
STOP = "stop_when: score_falls"


@pytest.mark.parametrize(
    ("dev", "test", "refused"),
    [
        ("humaneval", "humaneval", True), ("humaneval", "humaneval_plus", True), ("mbpp", "mbpp_plus", True),
        ("mbpp_dev", "mbpp_plus", True), ("mbpp_dev", "mbpp", False), ("humaneval", "humanevalfix", True),
        ("mbpp_dev_apart", "mbpp, mbpp_plus, humaneval", False), ("starter_dev", "starter", False),
    ],
)  # fmt: skip
def test_a_dev_set_that_is_or_holds_a_reported_test_is_refused(dev: str, test: str, refused: bool) -> None:
    def read(stop: str) -> Recipe:
        text = CHOOSES.format(dev=dev, test=test, stop=stop)
        return read_recipe(read_document(text, "x.yaml"), Path())

    assert read("").nodes, "without stop_when the probe decides nothing"
    if refused:
        place = r"steps\.block\.probe\.dev\.benchmarks"
        with pytest.raises(RecipeError, match=rf"(?s){place}.*chooses by {dev}, and"):
            read(STOP)
    else:
        assert read(STOP).nodes


def test_wavecoder_has_the_published_filter_coreset_and_shares() -> None:
    rules = field("wavecoder", "readable")
    assert (rules.field, rules.min_chars, rules.max_chars) == ("code", 50, 800) and rules.forbid
    assert field("wavecoder", "coreset").size == 20_000
    assert SHARES == {"generation": 0.57, "summarisation": 0.16, "translation": 0.11, "repair": 0.16}
    shares = field("wavecoder", "generated").shares
    assert shares == {"generation": 57.1, "summarisation": 15.8, "translation": 11.2, "repair": 15.8}
    recipe = api.check("wavecoder")
    assert node(recipe, "generated").model != node(recipe, "accepted").model, "a separate discriminator"
    assert "so_far.dropped" in map(str, node(recipe, "shown").inputs), "rejected rows are shown too"
    pool = field("wavecoder-ultra", "pool")
    assert pool.top == NearBenchmark(against=("starter",), field="code").top == 3
    ultra = api.check("wavecoder-ultra")
    assert node(ultra, "pro").model == "stronger"


def test_alchemistcoder_filters_each_source_and_gives_five_percent_a_preface() -> None:
    recipe = api.check("alchemistcoder")
    sources = [found.name for found in recipe.all_nodes() if found.step.kind == "source"]
    filters = {str(ref) for name in sources for ref in node(recipe, f"{name}_ok").inputs}
    assert filters == set(sources) and len(sources) == 3
    assert {str(ref) for ref in node(recipe, "distinct").inputs} == {f"{name}_ok" for name in sources}
    marked = field("alchemistcoder", "marked")
    assert (marked.size, marked.group_by) == (Mark().size, Mark().group_by) == (0.05, ("source",))
    assert Hindsight().size == 0.05
    assert set(field("alchemistcoder", "comprehended").kinds) == {"evolution", "filtering", "review"}


def test_dolphcoder_has_the_published_filter_candidates_and_three_stages() -> None:
    step = AnswerFormat()
    assert (step.min_instruction_words, step.max_instruction_words) == (10, 1000)
    assert (step.min_answer_words, step.max_answer_words) == (50, 2000)
    assert (step.min_blocks, step.max_blocks, step.min_code_lines, step.max_code_lines) == (1, 1, 3, 100)
    assert step.max_lead_words == 200
    assert field("dolphcoder", "formatted") == step
    assert len(PERSONAS) >= 8 and 3 <= Diversify().n <= 6
    assert (field("dolphcoder", "asked").size, field("dolphcoder", "attempts").n) == (5000, 100)
    assert field("dolphcoder", "clean").core_words == 0.4
    recipe = api.check("dolphcoder")
    assert node(recipe, "attempts").model == "dit", "candidates are the tuned model's own"
    balanced: Any = node(recipe, "balanced").step
    assert (balanced.group_by, balanced.shares) == ("answer", {"passed": 1, "not passed": 1})
    stages = [node(recipe, name) for name in ("dit", "critic", "dolph")]
    assert [stage.model for stage in stages] == ["student", "dit", "critic"]
    assert stages[1].step.epochs == 1 and stages[2].step.max_steps == 100  # type: ignore[attr-defined]


@pytest.mark.parametrize("answers", [1, 3, 6])
def test_the_ratio_of_answers_is_one_key(answers: int) -> None:
    recipe = api.check("dolphcoder", overrides=[f"steps.diverse.n={answers}"])
    assert node(recipe, "diverse").step.expects(10) == 10 * answers


@pytest.mark.parametrize("reasoning", ["taught", "apart"])
def test_reasoning_is_asked_for_by_one_key_and_not_unasked(reasoning: str) -> None:
    step: Any = node(api.check("dolphcoder"), "diverse").step
    asked: Any = node(
        api.check("dolphcoder", overrides=[f"steps.diverse.reasoning={reasoning}"]), "diverse"
    ).step
    assert (step.reasoning, asked.reasoning) == ("unasked", reasoning)


@pytest.mark.parametrize(
    ("overrides", "order"),
    [
        (["steps.scores.with=dit"], ["dit"]),
        (["steps.dolph.from=[clean, balanced]", "steps.dolph.with=student"], ["dolph"]),
        ([], ["dit", "critic", "dolph"]),
    ],
    ids=["none", "mix", "multi-step"],
)  # fmt: skip
def test_every_schedule_of_multi_objective_tuning_is_a_matter_of_keys(
    overrides: list[str], order: list[str]
) -> None:
    recipe = api.check("dolphcoder", overrides=overrides)
    chain, model = [], node(recipe, "scores").model
    while model != "student":
        assert model is not None
        chain.append(model)
        model = node(recipe, model).model
    assert chain[::-1] == order


def test_magicoder_and_inverse_instruct_have_the_published_numbers() -> None:
    assert (OssInstruct().min_lines, OssInstruct().max_lines) == (1, 15)
    assert Inverse().n == 10 == field("inverse-instruct", "candidates").n
    recipe = api.check("inverse-instruct")
    assert node(recipe, "candidates").model == node(recipe, "fitting").model == "first", "the model itself"
    assert (field("inverse-instruct", "own").epochs, field("inverse-instruct", "inverse").epochs) == (1, 2)
    assert node(recipe, "inverse").model == "own", "weak, then strong"


ADAFACTOR = {
    "lr": 5e-5,
    "batch_size": 512,
    "optimizer": "adafactor",
    "scheduler": "linear",
    "warmup_steps": 15,
}
PUBLISHED = {
    ("wizardcoder", "wizard"): {
        "lr": 2e-5, "batch_size": 512, "max_steps": 200, "warmup_steps": 30, "max_length": 2048,
        "scheduler": "cosine",
    },
    ("wavecoder", "wave"): {**ADAFACTOR, "epochs": 3, "max_length": 2048},
    ("alchemistcoder", "gold"): {"lr": 1e-4, "epochs": 2, "max_length": 8192, "packing": True},
    ("magicoder", "oss"): {**ADAFACTOR, "epochs": 2, "max_length": 1216},
}  # fmt: skip


@pytest.mark.parametrize(("recipe", "step"), PUBLISHED)
def test_training_has_the_published_settings(recipe: str, step: str) -> None:
    given = field(recipe, step).model_dump()
    assert {key: given[key] for key in PUBLISHED[recipe, step]} == PUBLISHED[recipe, step]
