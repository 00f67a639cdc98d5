"""Text that is no recipe is refused in words."""

from __future__ import annotations

import pytest

from tunesmith.errors import RecipeError
from tunesmith.recipe.yaml import read_document


@pytest.mark.parametrize("text", ["name: a\x05b", "name: \x00", "[" * 20_000, "a: " + "{b: " * 20_000])
def test_control_characters_and_endless_nesting_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="not valid YAML"):
        read_document(text, "recipe.yaml")
