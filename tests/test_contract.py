"""What holds for every step and model that a scan finds, today's and tomorrow's."""

from __future__ import annotations

import inspect
import random
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tunesmith.address import find_model, find_step, model_names, step_addresses
from tunesmith.engine import Job
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.rowwise import accounted
from tunesmith.llm.bill import Bill
from tunesmith.llm.client import Client
from tunesmith.llm.starter import Starter
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Sample, Verdict
from tunesmith.step import Context, Step

DOCS = Path(__file__).resolve().parents[1] / "docs"
SOURCE = re.compile(r"\b2\d{3}\.\d{5}\b|et al\.|checklist|control that any selection")

# Fields for steps that cannot be made without; chosen so that each has something to do.
NEEDED: dict[str, dict[str, Any]] = {
    "evaluation.calibrate": {"judge": "judge", "truth": "executed"},
    "evaluation.retest": {"judge": "judge", "retests": ["executed"]},
    "selection.dedup": {"field": "answer"},
    "selection.decontaminate": {"against": ["starter"]},
    "selection.kcenter": {"field": "instruction", "size": 5},
    "selection.near_benchmark": {"against": ["starter"], "field": "instruction"},
    "selection.mix": {"shares": {"one": 1, "two": 1}},
    "selection.rules": {"field": "answer", "min_chars": 20},
    "selection.sample": {"size": 5},
    "selection.where": {"source": "one"},
}
ROWWISE = ("row", "ask", "batch")


def rows() -> list[Sample]:
    """Rows as they come in a run: with and without answers, code, tests and verdicts; two the same."""
    code = 'def add(a, b):\n    """Add two numbers.\n\n    Longer story."""\n    return a + b\n'
    answered = [
        Sample.born(
            "seed", instruction=f"Add {n} to a number.",
            answer=f"```python\ndef f(x):\n    return x + {n}\n```",
            tests=f"assert f(1) == {n + 1}", language="python", task="generation",
            source="one" if n % 2 else "two", license="MIT",
        ).judged(Verdict("executed", n % 3 == 0))
        for n in range(12)
    ]  # fmt: skip
    raw = [
        Sample.born(
            "seed", code=code.replace("add", f"add{n}"), language="python", source="one",
            meta={"name": f"add{n}", "docstring": "Add two numbers.", "n": n},
        )
        for n in range(6)
    ]  # fmt: skip
    odd = [
        Sample.born("seed", instruction="", meta={"n": 1}),
        Sample.born("seed", instruction="```", answer="\x00"),
    ]
    return [*answered, *raw, *odd]


def example(address: str) -> Step:
    kind = find_step(address)
    return kind(**NEEDED.get(address, {}))


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


def made(step: Step, samples: list[Sample], folder: Path) -> tuple[list[Sample], list[Any]]:
    path = folder / f"rows-{random.random()}.parquet"
    write_rows(path, samples, {})
    ctx = Context("here", seed=1, folder=folder, model=Starter(error_rate=0.0))
    client = (lambda: Client(ctx.model, None, Bill(), "here")) if step.kind == "ask" else None
    with LocalEngine(1) as engine:
        chunks = list(engine.drive(Job(step, ctx, Table([path]), client=client)))
    return [row for c in chunks for row in c.rows], [drop for c in chunks for drop in c.drops]


row_steps = [a for a in step_addresses() if find_step(a).kind in (*ROWWISE, "table")]


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
