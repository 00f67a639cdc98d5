"""``key=value`` overrides, also into mappings that the recipe leaves to their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tunesmith.errors import RecipeError
from tunesmith.recipe.load import read_recipe
from tunesmith.recipe.yaml import read_document

TEXT = """\
name: mine
models:
  teacher: {use: openai, model: m}
  student: {use: scratch}
steps:
  seeds: {do: sources.starter}
  evolution:
    repeat: 2
    each:
      evolved: {do: synthesis.evolve, with: teacher}
  tuned: {do: training.sft, with: student, lora: null}
"""


def read(*overrides: str) -> Any:
    return read_recipe(read_document(TEXT, "x.yaml"), Path(), overrides=overrides)


def test_a_nested_default_can_be_overridden_where_the_recipe_leaves_it_out_c11() -> None:
    recipe = read("steps.evolution.each.evolved.weights.misdirect=3")
    weights = recipe.nodes[1].each[0].step.weights
    assert weights == {"constraints": 1, "replace": 1, "reason": 1, "misdirect": 3, "complexity": 0.5}


def test_a_nested_mapping_of_a_step_or_model_can_be_begun_c11() -> None:
    recipe = read(
        "steps.tuned.lora.r=8",
        "models.teacher.price.input=2",
        "models.teacher.price.output=3",
        "models.teacher.extra_body.a.b=1",
    )
    assert recipe.nodes[2].step.lora.r == 8 and recipe.nodes[2].step.lora.alpha == 32
    assert recipe.models["teacher"].price.input == 2
    assert recipe.models["teacher"].extra_body == {"a": {"b": 1}}
    assert recipe.data["steps"]["tuned"]["lora"] == {"r": 8}, "the run keeps what was said"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("steps.evolution.each.evolved.weights.security=1", "'constraints'"),
        ("steps.tuned.lora.rank=8", "known: alpha, dropout, r, targets"),
        ("steps.tuned.loar.r=8", "did you mean 'lora'?"),
        ("steps.evolved.weights.reason=1", "the recipe has no 'steps.evolved'"),
        ("models.techer.price.input=1", "did you mean 'teacher'?"),
    ],
)
def test_a_mistake_in_an_override_is_told_with_the_names_of_its_own_mapping(override: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(override)
    assert "command line" in str(caught.value) and told in str(caught.value)
