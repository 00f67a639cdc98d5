"""The words of the starter world, for a tokenizer to be trained on: training tasks only."""

from __future__ import annotations

from collections.abc import Iterator

from ...chance import chance
from .solutions import STYLES, solution
from .split import tasks
from .wording import instruction


def corpus(wordings: int = 3) -> Iterator[str]:
    """Texts of the training split: for every task ``wordings`` instructions, and an answer in every style."""
    for task in tasks("train"):
        for draw in range(wordings):
            yield instruction(task, chance(0, "starter.corpus", task.name, draw))
        for style in STYLES:
            yield f"```python\n{solution(task, style)}```\n"
