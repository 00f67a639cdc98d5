"""One example of every step, rows that give each something to do, and a way to drive it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tunesmith.engine import StepJob
from tunesmith.engine.local import LocalEngine
from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.models.starter import StarterTeacher
from tunesmith.recipe.address import find_step, step_addresses
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Sample, Verdict
from tunesmith.step import Context, Step

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


def made(step: Step, samples: list[Sample], folder: Path) -> tuple[list[Sample], list[Any]]:
    path = folder / f"rows-{random.random()}.parquet"
    write_rows(path, samples, {})
    model = StarterTeacher(error_rate=0.0)
    client = (lambda: Client(model, None, Costs(), "here")) if step.kind == "ask" else None
    ctx = Context("here", seed=1, folder=folder, model=model, client=client)
    with LocalEngine(1) as engine:
        chunks = list(engine.drive(StepJob(step, ctx, Table([path]))))
    return [row for c in chunks for row in c.rows], [drop for c in chunks for drop in c.drops]


row_steps = [a for a in step_addresses() if find_step(a).kind in (*ROWWISE, "table")]
