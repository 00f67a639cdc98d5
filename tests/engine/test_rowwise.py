"""What one row comes to in a step that asks a model."""

from __future__ import annotations

from tunesmith.engine.rowwise import apply_read
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample
from tunesmith.step import Context
from tunesmith.synthesis.answer import Answer

CTX = Context("answered")
TASK = Sample.born("seeds", instruction="Add two numbers.")


def test_reasoning_is_kept_beside_the_row_that_was_made_and_the_row_that_was_dropped() -> None:
    made = Completion("```python\ndef add(a, b):\n    return a + b\n```", reasoning="Simple.")
    spent = Completion("", finish_reason="length", reasoning="So much to think about.")
    (row,) = apply_read(Answer(), TASK, [made], CTX)
    (drop,) = apply_read(Answer(), TASK, [spent], CTX)
    assert isinstance(row, Sample) and isinstance(drop, Drop)
    assert row.meta["reasoning"] == {"answered": "Simple."} and "Simple." not in row.answer
    assert drop.sample.meta["reasoning"] == {"answered": "So much to think about."}
    assert drop.reason.startswith("cut off") and "max_tokens" in drop.reason
