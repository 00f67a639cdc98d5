"""Who wrote the text of a run: the models that its steps asked. Rules are never called a language model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from .card_text import plain
from .story import Story


@dataclass(frozen=True)
class Author:
    """A model that wrote rows. name: in the recipe.  what: in words.  steps: those that asked it.
    of_rules: a set of rules, not a language model.  trained_here: by a step of this run."""

    name: str
    what: str
    steps: tuple[str, ...]
    of_rules: bool
    trained_here: bool


def authors(story: Story) -> list[Author]:
    """Every model that a finished step asked, in order of first use."""
    asked: dict[str, list[str]] = defaultdict(list)
    for stage in story.done("ask"):
        asked[stage.model].append(stage.name)
    return [_author(story, name, steps) for name, steps in asked.items() if name]


def _author(story: Story, name: str, steps: list[str]) -> Author:
    declared = (story.recipe.get("models") or {}).get(name)
    if declared is None:
        return Author(name, "a model trained in this run", tuple(steps), of_rules=False, trained_here=True)
    use = str(declared.get("use", ""))
    if use == "starter":
        what = "a rule-based teacher that comes with tunesmith; it is not a language model"
        return Author(name, what, tuple(steps), of_rules=True, trained_here=False)
    what = f"{plain(declared.get('model', 'an untrained model'))} (`use: {use}`)"
    return Author(name, what, tuple(steps), of_rules=False, trained_here=False)
