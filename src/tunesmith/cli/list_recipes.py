"""What ``tunesmith recipes`` prints. Loads neither steps nor pyarrow, so that it answers at once."""

from __future__ import annotations

from dataclasses import asdict

from rich.table import Table as Grid

from ..recipe.bundled import summaries
from .terminal import OUT, as_json, safe


def list_recipes(json: bool) -> None:
    """The bundled recipes, each with its paper and one line."""
    recipes = summaries()
    if json:
        as_json([asdict(recipe) for recipe in recipes])
        return
    grid = Grid("recipe", "paper", "what it does", box=None, pad_edge=False)
    for recipe in recipes:
        paper = f"arXiv {recipe.paper}" if recipe.paper else ""
        grid.add_row(*map(safe, (recipe.name, paper, recipe.about)))
    OUT.print(grid)
    OUT.print(
        "\ntunesmith plan NAME         what it would do and cost\ntunesmith run NAME --tiny   small, offline"
    )
