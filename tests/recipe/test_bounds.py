"""What a recipe from a stranger cannot do: leave its folder, use up memory, run code, write to a terminal."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from tunesmith.errors import RecipeError, UserError
from tunesmith.recipe.address import find_model, find_step
from tunesmith.recipe.load import load_recipe, read_recipe
from tunesmith.recipe.yaml import LARGEST_TEXT, MOST_NODES, read_document

STEPS = 'name: n\nsteps:\n  "{name}": {{do: sources.starter}}\n'
BLOCK = (
    "name: n\nsteps:\n  s: {{do: sources.starter}}\n  b:\n    repeat: 1\n    {part}:\n"
    '      "{name}": {{do: selection.sample, size: 1}}\n'
)
MODELS = 'name: n\nmodels:\n  "{name}": {{use: starter}}\nsteps: {{s: {{do: sources.starter}}}}\n'
RECIPE = "name: '{name}'\nsteps: {{s: {{do: sources.starter}}}}\n"


def said(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        read_recipe(read_document(text, "x.yaml"), Path())
    return str(caught.value)


NAMES = [
    "../../../precious", "a/b", "/etc", "..", ".", ".hidden", "", " ", "a b", "a\\\\b", "-rf",
    "n" * 300, "ä" * 90,
    "a\\0b", "a\\e]0;title\\a", "a\\e[2Jb", "a\\nb", "~", "a:b", "C:", "a\\u202Eb", "a\\u2215b",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text", [STEPS, MODELS, BLOCK.replace("{part}", "each"), BLOCK.replace("{part}", "probe")]
)
def test_a_name_that_becomes_a_path_holds_no_path_a1(text: str, name: str) -> None:
    told = said(text.format(name=name))
    assert "the name" in told and len(told) < 2000
    assert all(character.isprintable() or character == "\n" for character in told), "no escapes to a terminal"


@pytest.mark.parametrize("name", ["n" * 300, "../x", "a/b"])
def test_a_recipe_s_name_becomes_a_folder_a1_a10(name: str) -> None:
    assert "x.yaml:1 (name)" in said(RECIPE.format(name=name))


@pytest.mark.parametrize("name", ["a", "round-1", "seeds_2", "v1.5", "ä", "種", "7"])
def test_plain_names_stay_allowed(name: str) -> None:
    assert read_recipe(read_document(STEPS.format(name=name), "x.yaml"), Path()).nodes[0].name == name


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
)
MAPPINGS = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n" for n in range(1, 40))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS, MAPPINGS, MERGES,
        "name: n\nmodels:\n  m:\n    use: openai\n    extra_body:\n" + textwrap.indent(LAUGHS, "      "),
        f"rows: [{'x, ' * (MOST_NODES + 1)}]",
        "[" * 3000 + "]" * 3000,
        "{a: " * 3000 + "}" * 3000,
        "\n".join(" " * depth + "a:" for depth in range(600)),
        "[" * 100_000,
        "about: &a [*a]",
        "name: n\nsteps: &s {b: {repeat: 1, each: *s}}",
        f"about: {'x' * (LARGEST_TEXT + 1)}",
        f"seed: {'9' * 5000}",
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_a_recipe_is_bounded_in_nodes_depth_and_size_a10_a11(text: str) -> None:
    assert len(said(text)) < 3000


def test_a_huge_or_strange_file_is_one_clear_message_a10(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"about: '" + b"x" * 30_000_000 + b"'\n")
    with pytest.raises(RecipeError, match="characters; at most"):
        load_recipe(big)
    (tmp_path / "nul.yaml").write_bytes(b"name: a\0b\n")
    with pytest.raises(RecipeError, match="x0000"):
        load_recipe(tmp_path / "nul.yaml")
    for odd in ("x" * 5000, "x" * 300 + ".yaml", "a\0b"):
        with pytest.raises(UserError):
            load_recipe(odd)


def test_a_recipe_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_text(RECIPE.format(name="n"), encoding="utf-8-sig")
    assert load_recipe(tmp_path / "bom.yaml").name == "n"


@pytest.mark.parametrize("address", ["this", "this.x", "antigravity.x", "antigravity", "os.path", "math"])
def test_checking_an_address_does_not_run_a_module_that_holds_no_class_a16(address: str) -> None:
    sys.modules.pop("this", None)
    with pytest.raises(UserError):
        find_step(address)
    with pytest.raises(UserError):
        find_model(address if "." in address else f"{address}.x")
    assert "this" not in sys.modules and "antigravity" not in sys.modules


def test_a_module_with_side_effects_but_no_step_is_not_run_a16(tmp_path: Path) -> None:
    (tmp_path / "sideways").mkdir()
    (tmp_path / "sideways" / "__init__.py").write_text("raise SystemExit('package run')\n")
    (tmp_path / "sideways" / "evil.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    with pytest.raises(UserError, match="defines no class"):
        find_step("sideways.evil", tmp_path)
    with pytest.raises(UserError, match="nothing is at the address"):
        find_step("sideways.other", tmp_path)
    assert not Path("ran").exists() and "sideways" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "def broken(:\n",
        "import sys\nsys.exit(3)\nclass A(B): ...\n",
        "class A(B): ...\n",
        "1/0\nclass A(X): ...\n",
    ],
)
def test_a_module_that_cannot_be_imported_is_a_mistake_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "failing_step.py").write_text(text)
    with pytest.raises(UserError, match="cannot be imported"):
        find_step("failing_step", tmp_path)
    sys.modules.pop("failing_step", None)
