"""Rows that hold hostile text in every field go through every step: none stops a run, none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_texts import HOSTILE
from step_examples import example, made, row_steps

from tunesmith.code.facts import code_facts
from tunesmith.code.markdown import bare, comments, defined, fingerprint, parse, unparsed
from tunesmith.engine.rowwise import accounted
from tunesmith.replies import clean
from tunesmith.sample import Sample
from tunesmith.verification.consensus import single_tests

DEEP = "assert x" + " + 1" * 700
TEXTS = [clean(text)[:8000] for text in (*HOSTILE.values(), DEEP)]


def hostile_rows() -> list[Sample]:
    """Each text as instruction, answer, code and tests of a row, as odd rows come from real data."""
    rows = []
    for number, text in enumerate(TEXTS):
        inside = f"Do this in O(n) time:\n```python\n{text}\n```"
        meta = {"evolved_from": text, "heuristic": "misdirect", "information": text, "summary_of": text,
                "docstring": text, "name": text[:80], "entry_point": text[:80]}  # fmt: skip
        for task, asked in (("repair", inside), ("translation", text), ("summarisation", inside)):
            rows.append(
                Sample.born(
                    "seed", instruction=asked, answer=text, code=text, tests=text, task=task, meta=meta,
                    language="python", source="one" if number % 2 else "two",
                )
            )  # fmt: skip
    return rows


@pytest.mark.parametrize("address", row_steps)
def test_no_hostile_row_stops_a_step_or_is_lost(address: str, tmp_path: Path) -> None:
    samples = hostile_rows()
    kept, dropped = made(example(address), samples, tmp_path)
    assert {sample.id for sample in samples} <= accounted([*kept, *dropped])
    assert not any(drop.reason.startswith("raised") for drop in dropped), [
        (drop.sample.meta.get("raised"), drop.sample.answer[:40]) for drop in dropped
    ]


def test_code_nested_too_deeply_to_be_written_again_is_read_all_the_same() -> None:
    tree = parse(DEEP)
    assert tree is not None and unparsed(tree) is None
    assert bare(f"{DEEP}  # so") == f"{DEEP} # so"
    assert fingerprint(DEEP) != fingerprint(f"{DEEP} + 1")
    assert code_facts(DEEP) is not None and single_tests(DEEP) == []
    assert (defined(DEEP), comments(f"{DEEP}  # so")) == ([], ["# so"])
