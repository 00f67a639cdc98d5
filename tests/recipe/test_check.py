"""The checker's messages about keys: renamed ones, nested ones, and names of steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunesmith.errors import RecipeError
from tunesmith.recipe.address import find_model, find_step, keys_of, model_names, renamed_keys, step_addresses
from tunesmith.recipe.load import read_recipe
from tunesmith.recipe.recipe import Recipe
from tunesmith.recipe.yaml import read_document

HERE = Path(__file__).parents[1] / "support"
MINE = """\
name: mine
models: {{teacher: {{use: starter}}, student: {{use: scratch}}}}
steps:
  seeds: {{do: sources.starter}}
  mine: {{do: {address}, {keys}}}
"""


def read(text: str, **how: object) -> Recipe:
    return read_recipe(read_document(text, "x.yaml"), HERE, **how)  # type: ignore[arg-type]


def said(address: str, keys: str) -> str:
    with pytest.raises(RecipeError) as caught:
        read(MINE.format(address=address, keys=keys))
    return str(caught.value)


RENAMED = [
    (address, old, new)
    for address in step_addresses()
    for old, new in renamed_keys(find_step(address)).items()
]


@pytest.mark.parametrize(("address", "old", "new"), RENAMED)
def test_an_old_key_is_answered_with_its_new_name(address: str, old: str, new: str) -> None:
    known = keys_of(find_step(address))
    assert old not in known and all(key in known for key in new.split(", "))
    assert f"the key {old!r} was renamed\n    renamed to {new}" in said(address, f"{old}: 1")


def test_the_names_that_mean_one_thing_everywhere() -> None:
    assert len(RENAMED) > 30
    retired = {
        "per_instruction",
        "candidates",
        "draws",
        "count",
        "judged_by",
        "share",
        "least",
        "label",
        "by",
        "of",
    }
    for address in step_addresses():
        assert not retired & keys_of(find_step(address)).keys(), address
        if find_step(address).kind == "ask":
            assert {"temperature", "top_p", "max_tokens"} <= keys_of(find_step(address)).keys(), address
    for name in model_names():
        assert not retired & keys_of(find_model(name)).keys(), name


@pytest.mark.parametrize(
    ("address", "keys", "known"),
    [
        ("training.sft", "lora: {rank: 8}", ("mine.lora.rank", "known: alpha, dropout, r, targets")),
        ("training.sft", "lora: {alfa: 8}", ("mine.lora.alfa", "did you mean 'alpha'?")),
        ("training.sft", "template: {name: a, usre: x}", ("mine.template.usre", "known: between, chat")),
        ("training.sft", "template: {turn: x}", ("mine.template", "the key 'name' is missing")),
        ("synthesis.evolve", "weights: {secuirty: 1}", ("mine.weights", "'constraints'", "'complexity'")),
        ("synthesis.four_tasks", "shares: {repairs: 1}", ("mine", "repair")),
    ],
)
def test_a_nested_key_is_checked_with_the_names_of_its_own_mapping_c10(
    address: str, keys: str, known: tuple[str, ...]
) -> None:
    text = said(address, f"with: student, {keys}")
    assert all(part in text for part in known) and "mistakes" not in text, text
    assert "batch_size" not in text


def test_a_nested_key_of_a_model_is_checked_with_its_own_names_c10() -> None:
    text = MINE.replace("{{use: starter}}", "{{use: openai, model: m, price: {{inptu: 1, output: 2}}}}")
    with pytest.raises(RecipeError) as caught:
        read(text.format(address="selection.sample", keys="size: 1"))
    assert "models.teacher.price.inptu" in str(caught.value) and "did you mean 'input'?" in str(caught.value)


def test_a_step_named_in_a_list_must_exist() -> None:
    assert "no step above is called 'sedes'" in said("selection.where", "passed: [seeds, sedes]")


def test_a_step_with_a_wrong_address_still_has_its_rows_and_model_checked_c12() -> None:
    text = said("selection.kcentre", "from: sedes, with: techer")
    assert text.startswith("3 mistakes") and "did you mean 'selection.kcenter'?" in text
    assert "no step above is called 'sedes'" in text and "no model is called 'techer'" in text


def test_all_mistakes_are_all_c12() -> None:
    text = MINE.replace("{{use: scratch}}", "{{use: openai, modle: m}}")
    with pytest.raises(RecipeError) as caught:
        read(text.format(address="training.sft", keys="with: student, lr: -1, from: sedes"))
    told = str(caught.value)
    assert told.startswith("5 mistakes"), told  # the model's key, the missing one, the weights, lr, from
    for part in ("'modle'", "'model' is missing", "no weights to train", "greater than 0", "'sedes'"):
        assert part in told
    told = said("selection.where", "passed: sedes, tsak: x")
    assert "'sedes'" in told and "'tsak'" in told
