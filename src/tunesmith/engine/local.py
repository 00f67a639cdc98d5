"""This machine as an engine: a pool of processes for row and batch steps, an async window for ask steps.

Work is admitted in input order and returned in input order through bounded buffers, so memory does
not grow with the number of rows and the rows do not depend on workers or on which answer comes first.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from typing import cast

from ..errors import StepError
from ..llm.client import Client
from ..machine import OwnLoop, available_cores, gc_paused
from ..requests import Completion, Failure, Request
from ..sample import Drop, Sample
from ..step import Context, SourceStep, Step, TableStep, no_progress
from . import Chunk, StepJob, row_worker
from .losses import AskedRow, Losses
from .resources import LocalResources
from .rowwise import RAISED, apply_ask, apply_batch, apply_read, apply_row

Made = tuple[int, list[Sample | Drop]]
"""How many input rows, and what became of them."""
CHUNK = {"source": 8192, "table": 8192, "row": 4096, "ask": 1024, "batch": 1024}
"""Rows per shard: input rows for row, ask and batch steps, output rows for source and table steps."""
TASK_ROWS = {"row": 1024, "batch": 128}
"""Rows handed to a worker at a time."""
REPORT_EVERY = 64
"""Rows between two calls of ``on_chunk`` in source and table steps, which make rows fast."""
BROKEN_AFTER = 20
"""If each of the first so many rows raises, the step is broken, not the rows."""


class LocalEngine:
    """Drives steps on this machine. Use as a context manager.

    workers: processes for row and batch steps, and programs at a time in the sandbox.
    """

    def __init__(self, workers: int | None = None, isolation: str | None = None) -> None:
        self.workers = workers or available_cores()
        self.isolation = isolation
        self.resources = LocalResources(self.workers, isolation)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self.resources.close()

    def drive(self, job: StepJob) -> Iterator[Chunk]:
        """The step's rows and drops, chunk by chunk in input order.

        Raises:
            StepError: the step broke its contract, or raised on everything.
        """
        ctx = replace(job.ctx, resources=self.resources)
        kind = job.step.kind
        if kind == "source":
            return _outputs(cast(SourceStep, job.step).source(ctx), job)
        if kind == "table":
            return _outputs(_all_out(cast(TableStep, job.step).table(job.rows, ctx), job), job)
        if kind == "ask":
            return _checked(self._ask(job, ctx), job)
        return _checked(self._rows(job, ctx), job)

    def _rows(self, job: StepJob, ctx: Context) -> Iterator[Chunk]:
        size, step = TASK_ROWS[job.step.kind], job.step
        left = len(job.rows) - job.start
        samples = job.rows.start_at(job.start)
        if self.workers == 1 or left <= 2 * size:
            made: Iterator[Made] = (_inline(step, part, ctx) for part in _parts(samples, size))
        else:
            made = self._pooled(
                step,
                _parts(samples, size),
                replace(ctx, resources=None, client=None, on_progress=no_progress),
            )
        chunk = Chunk(job.start, job.start)
        for count, things in made:
            chunk.add(things)
            chunk.stop += count
            job.on_chunk(chunk)
            if chunk.stop - chunk.start >= CHUNK[step.kind]:
                yield chunk
                chunk = Chunk(chunk.stop, chunk.stop)
        if chunk.stop > chunk.start:
            yield chunk

    def _pooled(self, step: Step, parts: Iterable[list[Sample]], ctx: Context) -> Iterator[Made]:
        pool = self._open_pool()
        window: deque[tuple[int, Future[list[Sample | Drop]]]] = deque()
        try:
            for part in parts:
                window.append((len(part), pool.submit(row_worker.work, step, part, ctx)))
                if len(window) > 2 * self.workers:
                    count, future = window.popleft()
                    yield count, future.result()
            while window:
                count, future = window.popleft()
                yield count, future.result()
        except BrokenProcessPool as error:
            self._pool = None
            problem = "a worker process was killed (out of memory?)"
            raise StepError(f"steps.{ctx.step}: {problem}; run again with fewer workers") from error

    def _open_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=row_worker.start,
                initargs=(list(sys.path), self.isolation),
            )
        return self._pool

    def _ask(self, job: StepJob, ctx: Context) -> Iterator[Chunk]:
        with gc_paused(), OwnLoop() as loop:
            window = _Window(job, ctx)
            loop.run(window.open())
            try:
                start = job.start
                while (chunk := loop.run(window.next_rows(start, CHUNK["ask"]))).stop > start:
                    yield chunk
                    start = chunk.stop
            finally:
                loop.run(window.close())


class _Window:
    """Rows under way to a language model: admitted in order, returned in order."""

    def __init__(self, job: StepJob, ctx: Context) -> None:
        self.job, self.step, self.ctx = job, job.step, ctx
        self.client: Client | None = ctx.client() if ctx.client else None
        self.samples = job.rows.start_at(job.start)
        self.chunk = Chunk(job.start, job.start)
        self.losses = Losses(ctx.place or ctx.step, job.stop_if_dropped, job.step.filters)
        # Enough rows ahead of the slowest one that the model stays busy while that row is waited for.
        self.ahead = 256 + (4 * self.client.model.in_flight if self.client else 0)
        self.under_way: deque[asyncio.Task[AskedRow]] = deque()

    async def open(self) -> None:
        if self.client is not None:
            await self.client.__aenter__()

    async def close(self) -> None:
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)
        if self.client is not None:
            await self.client.__aexit__(None, None, None)

    async def next_rows(self, start: int, count: int) -> Chunk:
        """What became of the next ``count`` rows, or of all that are left; empty at the end."""
        self.chunk = chunk = Chunk(start, start, ahead=self.chunk.ahead)
        while chunk.stop - start < count:
            for sample in islice(self.samples, self.ahead - len(self.under_way)):
                self.under_way.append(asyncio.create_task(self._one(sample)))
            if not self.under_way:
                if not self.job.start:
                    self.losses.check()  # fewer rows than it takes to decide early
                break
            row = await self.under_way[0]
            self.under_way.popleft()
            self.losses.count(row)
            chunk.add(row.made)
            chunk.failures += row.failures
            chunk.stop += 1
            chunk.ahead -= 1
        return chunk

    async def _one(self, sample: Sample) -> AskedRow:
        row = await self._ask(sample)
        self.chunk.ahead += 1
        self.job.on_chunk(self.chunk)
        return row

    async def _ask(self, sample: Sample) -> AskedRow:
        requests = apply_ask(self.step, sample, self.ctx)
        if isinstance(requests, Drop):
            return AskedRow([requests])
        answers = await self._answers(requests)
        failures = [answer for answer in answers if isinstance(answer, Failure)]
        if failures:
            first = failures[0]
            where = self.ctx.place or self.ctx.step
            marked = sample.noted(failure=first.message, attempts=first.attempts, failed_in=where)
            return AskedRow([Drop(marked, first.kind)], requests, answers)
        completions = [answer for answer in answers if isinstance(answer, Completion)]
        return AskedRow(apply_read(self.step, sample, completions, self.ctx), requests, answers)

    async def _answers(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        if self.client is not None:
            return await asyncio.gather(*map(self.client.answer, requests))
        if requests:
            raise StepError(f"steps.{self.ctx.step}: asks a model, but its `needs` returned `none`")
        return []


def _inline(step: Step, part: list[Sample], ctx: Context) -> Made:
    if step.kind == "batch":
        return len(part), apply_batch(step, part, ctx)
    return len(part), [thing for sample in part for thing in apply_row(step, sample, ctx)]


def _parts(samples: Iterator[Sample], size: int) -> Iterator[list[Sample]]:
    while part := list(islice(samples, size)):
        yield part


def _outputs(things: Iterable[Sample | Drop], job: StepJob) -> Iterator[Chunk]:
    chunk = Chunk(0, 0)
    for thing in things:
        chunk.add((thing,))
        chunk.stop += 1
        if chunk.stop % REPORT_EVERY == 0:
            job.on_chunk(chunk)
        if chunk.stop - chunk.start >= CHUNK[job.step.kind]:
            yield chunk
            chunk = Chunk(chunk.stop, chunk.stop)
    yield chunk


def _all_out(things: Iterable[Sample | Drop], job: StepJob) -> Iterator[Sample | Drop]:
    """Check that a table step that only keeps and drops rows lost none."""
    out = born = 0
    for thing in things:
        out += 1
        born += isinstance(thing, Sample) and thing.step == job.ctx.step
        yield thing
    if not born and out != len(job.rows):
        raise StepError(f"steps.{job.ctx.step}: {len(job.rows)} rows went in, {out} came out or were dropped")


def _checked(chunks: Iterable[Chunk], job: StepJob) -> Iterator[Chunk]:
    """Stop a step that raises on everything, after its first chunk, before much is spent."""
    first = job.start == 0
    for chunk in chunks:
        if first:
            _refuse_broken(chunk, job)
        first = False
        yield chunk


def _refuse_broken(chunk: Chunk, job: StepJob) -> None:
    raised = [drop for drop in chunk.drops if drop.reason.startswith(RAISED)]
    if raised and not chunk.rows and len(raised) == len(chunk.drops) >= min(BROKEN_AFTER, len(job.rows)):
        what = raised[0].sample.meta.get("raised", "")
        raise StepError(f"steps.{job.ctx.step}: raised on every row; the first: {what}")
