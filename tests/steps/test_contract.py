"""What holds for every step and model that a scan finds, today's and tomorrow's."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from step_examples import ROWWISE, example, made, row_steps, rows

from tunesmith.engine.rowwise import accounted
from tunesmith.recipe.address import find_model, find_step, model_names, step_addresses
from tunesmith.sample import Sample
from tunesmith.step import Step

DOCS = Path(__file__).resolve().parents[2] / "docs"
SOURCE = re.compile(r"\b2\d{3}\.\d{5}\b|et al\.|checklist|control that any selection")


def fields_of(kind: type[Step]) -> Iterator[tuple[str, str]]:
    for name, field in kind.model_fields.items():
        yield name, (field.description or "").strip()


@pytest.mark.parametrize("address", step_addresses())
def test_a_step_is_documented_and_says_where_it_comes_from(address: str) -> None:
    kind = find_step(address)
    module = inspect.getmodule(kind)
    assert inspect.getdoc(kind), "a step's class says what it does"
    assert address.startswith("sources.") or SOURCE.search(inspect.getdoc(module) or ""), (
        "its module cites the paper (arXiv number) it comes from"
    )
    assert [name for name, about in fields_of(kind) if not about] == [], "every key says what it means"


@pytest.mark.parametrize("name", model_names())
def test_a_model_backend_is_documented(name: str) -> None:
    kind = find_model(name)
    assert inspect.getdoc(kind)
    assert [n for n, field in kind.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("address", row_steps)
def test_every_row_comes_out_again_or_is_dropped_with_a_short_reason(address: str, tmp_path: Path) -> None:
    samples = rows()
    kept, dropped = made(example(address), samples, tmp_path)
    seen = accounted([*kept, *dropped])
    assert {sample.id for sample in samples} <= seen
    assert all(0 < len(drop.reason) <= 80 for drop in dropped)
    assert len({row.id for row in kept}) == len(kept), "no two rows share an id"
    assert not any(d.reason.startswith("raised") for d in dropped), [d.sample.meta for d in dropped]


@pytest.mark.parametrize("address", [a for a in row_steps if find_step(a).kind in ROWWISE])
def test_a_row_comes_to_the_same_whatever_stands_around_it(address: str, tmp_path: Path) -> None:
    samples = rows()
    step = example(address)
    forth, _ = made(step, samples, tmp_path)
    back, _ = made(step, samples[::-1], tmp_path)
    alone = [row for sample in samples for row in made(step, [sample], tmp_path)[0]]

    def by_id(found: list[Sample]) -> list[tuple[str, Any]]:
        return sorted((row.id, [(v.by, v.passed) for v in row.verdicts]) for row in found)

    assert by_id(forth) == by_id(back) == by_id(alone)


@pytest.mark.parametrize("address", step_addresses())
def test_a_step_runs_offline_or_says_why_not(address: str) -> None:
    kind = find_step(address)
    assert kind.offline is None or len(kind.offline) > 10


def test_the_page_of_steps_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "generate.py"))["page"]()
    assert page == (DOCS / "steps.md").read_text(), "run: python docs/generate.py"
