"""Other rows' instructions beside each row: ``synthesis.self_instruct`` writes further ones in their manner.

Self-Instruct (arXiv 2212.10560, sec. 2.2) shows a model several tasks of the pool at a time. Which ones is
seeded chance, row by row; the row itself is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from ..rows import Table
from ..step import Context, Step, Yield


class Companions(Step):
    """Notes in ``meta.companions`` the instructions of some other rows; every row goes on."""

    renamed: ClassVar[Mapping[str, str]] = {"count": "n"}
    version: ClassVar[str] = "1"

    n: int = Field(default=2, ge=1)
    """How many other rows' instructions; fewer where there are not as many."""

    def table(self, rows: Table, ctx: Context) -> Yield:
        texts = [text for (text,) in rows.columns("instruction")]
        for place, sample in enumerate(rows):
            wanted = min(self.n, len(texts) - 1)
            drawn = ctx.chance(sample).sample(range(len(texts) - 1), wanted)
            others = [texts[other + (other >= place)] for other in drawn]
            yield sample.noted(companions=[text for text in others if text.strip()])
