"""``sources.starter``: seed tasks of the starter world, with tests; by default a teacher answers them later.

The tasks are the training split of ``tunesmith.starter``: compositions of parts, of which some are held
out as combinations (the kind of split that Keysers et al. 2020 measure), so that ``benchmarks: [starter]``
asks only for combinations that are never taught.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Self

from pydantic import Field, model_validator

from ..errors import UserError
from ..sample import Sample
from ..starter import world
from ..step import Context, Step, Yield


class StarterTasks(Step):
    """Seed tasks of the starter world: small, tested, learnable by a model of a million parameters."""

    tasks: int | None = Field(default=None, gt=0)
    """How many different tasks, drawn by the recipe's seed. Empty: the whole training split."""
    limit: int | None = Field(default=None, gt=0)
    """At most so many rows."""
    phrasings: int = Field(default=1, gt=0, le=15)
    """Rows per task, each with another wording."""
    parts: int = Field(default=3, ge=1, le=3)
    """Most parts that a task is made of: 1 for tasks like "return the sum", 3 for those of the benchmark.
    Tasks of few parts can be evolved most often."""
    answered: bool = False
    """Whether rows have a right answer; otherwise a teacher answers them."""
    as_code: bool = False
    """Whether rows are raw code instead: a program with its task as docstring, and no instruction."""

    @model_validator(mode="after")
    def _code_or_answer(self) -> Self:
        if self.as_code and self.answered:
            raise ValueError("as_code: raw code has no answer; leave out answered")
        return self

    def outside(self, ctx: Context) -> str:
        self._known(ctx)
        return world.version()

    def source(self, ctx: Context) -> Yield:
        yield from islice(self._rows(ctx), self.limit)

    def _rows(self, ctx: Context) -> Iterator[Sample]:
        for task in self._chosen(ctx):
            rng = ctx.chance(task.name)
            wordings = list(world.instructions(task))
            if self.as_code:  # the first line of a docstring is one sentence
                wordings = [wording for wording in wordings if ". " not in wording]
            for wording in rng.sample(wordings, min(self.phrasings, len(wordings))):
                if self.as_code:
                    yield _raw(ctx.step, task, wording, rng)
                    continue
                yield Sample.born(
                    ctx.step,
                    instruction=wording,
                    answer=_answer(task, rng) if self.answered else "",
                    tests=world.tests(task),
                    language="python",
                    task="generation",
                    source="starter",
                    license="CC0-1.0",
                    meta={"name": task.name, "parts": len(task.parts)},
                )

    def _chosen(self, ctx: Context) -> Iterator[world.Task]:
        known = self._known(ctx)
        wanted = len(known) if self.tasks is None else self.tasks
        return (known[i] for i in sorted(ctx.chance().sample(range(len(known)), wanted)))

    def _known(self, ctx: Context) -> list[world.Task]:
        known = [task for task in world.tasks("train") if len(task.parts) <= self.parts]
        if self.tasks is not None and self.tasks > len(known):
            problem = (
                f"{self.tasks} tasks of up to {self.parts} parts are asked for, but there are {len(known)}"
            )
            raise UserError(
                f"steps.{ctx.step}.tasks", problem, "ask for fewer, or for more phrasings of each"
            )
        return known


def _answer(task: world.Task, rng: Random) -> str:
    return f"```python\n{world.solution(task, rng.choice(world.STYLES))}```"


def _raw(step: str, task: world.Task, wording: str, rng: Random) -> Sample:
    """A program with its task as docstring, as ``sources.folder`` would give it."""
    head, *body = world.solution(task, rng.choice(world.STYLES)).splitlines()
    code = "\n".join([head, f'    """{wording}"""', *body]) + "\n"
    return Sample.born(
        step, code=code, tests=world.tests(task), language="python", source="starter", license="CC0-1.0",
        meta={"name": "solve", "docstring": wording},
    )  # fmt: skip
