"""Runs one step: reads its inputs, makes its rows (or model, or scores), writes its record."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from ..engine import Chunk, Engine, StepJob
from ..errors import RunStopped, StepError, TunesmithError
from ..files import write_json
from ..llm.client import Client
from ..llm.costs import Costs
from ..llm.model import Model
from ..llm.store import AnswerStore
from ..models.hf import Hf
from ..recipe.recipe import Node, Recipe
from ..rows import Table
from ..step import Context, Resources, ScoreStep, TrainStep
from .failures import failed_rows
from .fingerprint import Fingerprints, hashed
from .outputs import Names, StepOutput, inputs_digest, inputs_of, keys_of
from .record import Begun, CheckpointRecord, ScoreRecord, StepRecord
from .run_folder import RunFolder, StepFolder


class RunListener:
    """Is told how a run goes; override what is of interest."""

    def on_step_start(self, step: str, kind: str, rows: int, done: int) -> None:
        """A step starts, over ``rows`` input rows (0: unknown), of which ``done`` were done before."""

    def on_rows(self, step: str, read: int, kept: int, dropped: int, costs: Costs) -> None:
        """The running step is done with ``read`` rows, in any order; kept and dropped count rows in order,
        and what this process made."""

    def on_progress(self, step: str, done: int, total: int) -> None:
        """A train or score step has done so much of its work."""

    def on_step_end(self, step: str, record: StepRecord, *, fresh: bool) -> None:
        """A step is done: now (``fresh``) or by an earlier run."""


@dataclass
class StepRunner:
    """Everything that the steps of one run share."""

    recipe: Recipe
    folder: RunFolder
    engine: Engine
    resources: Resources
    store: AnswerStore
    costs: Costs
    listener: RunListener
    fingerprints: Fingerprints
    ran: list[str] = field(default_factory=list)

    def step(self, node: Node, name: str, folder: StepFolder, names: Names) -> StepOutput:
        """Run the step, or go on with it, or find it done. ``name`` is unique in the run."""
        facts = self.fingerprints.of_step(node, name, keys_of(names))
        made_of = Begun(hashed(facts), inputs_digest([node], names))
        self._clear_outdated(folder, made_of)
        record = folder.done
        fresh = record is None
        if record is not None:
            folder.check(record)
        else:
            record = self._run(node, name, folder, names, made_of, facts)
            self.ran.append(name)
        self.listener.on_step_end(name, record, fresh=fresh)
        model = self._trained(node, names, record) if record.checkpoint else None
        rows, drops = tuple(folder.rows()), tuple(folder.drops())
        return StepOutput(record.key, _output_digest(record), rows, drops, model, record.scores)

    def _clear_outdated(self, folder: StepFolder, made_of: Begun) -> None:
        """Remove what was made of something else.

        Under the same key only the input rows changed, so a retry goes on further up: failures that it did
        not name are remembered. Under another key the step starts from nothing, and asks everything again
        that has no answer. The folder and its key stay until then, so a kill in between changes nothing.
        """
        lies_here = folder.made_of
        if lies_here == made_of:
            return
        if lies_here is not None and lies_here.key == made_of.key:
            folder.reopen()
            folder.cut(0)
        else:
            self.store.forget_failures(self.costs.run, steps=[made_of.key])
            folder.remove()

    def _run(
        self, node: Node, name: str, folder: StepFolder, names: Names, made_of: Begun, facts: dict[str, Any]
    ) -> StepRecord:
        rows = Table(inputs_of(node.inputs, names).rows)
        kind = node.step.kind
        ctx = self._context(node, name, names, made_of.key)
        if kind == "train" and folder.made_of != made_of and ctx.folder.exists():
            shutil.rmtree(ctx.folder)  # checkpoints of other rows
        folder.begin(made_of)
        self.folder.note("step", step=name, key=made_of.key)
        # A source or table step has no position in its input to go on from.
        start = folder.covered() if kind in ("row", "ask", "batch") else 0
        self.listener.on_step_start(name, kind, len(rows), start)
        started = time.monotonic()
        try:
            job = StepJob(node.step, ctx, rows, start, stop_if_dropped=node.stop_if_dropped)
            made = self._made(job, folder, made_of.key)
        except RunStopped as error:
            if str(error).startswith("steps."):
                raise
            raise type(error)(f"steps.{name}: {error}") from error
        except TunesmithError:
            raise
        except Exception as error:  # steps of other packages may raise anything
            raise StepError(f"steps.{name}: {type(error).__name__}: {error}") from error
        seconds = round(time.monotonic() - started, 3)
        record = StepRecord(
            name=name, do=node.address, kind=kind, key=made_of.key, inputs=made_of.inputs, facts=facts,
            rows_in=len(rows), seconds=seconds, spent=self.costs.of_step(name),
            intents=self.costs.intents(name), **made,
        )  # fmt: skip
        folder.finish(record)
        self.folder.note("step done", step=name, seconds=seconds)
        return record

    def _made(self, job: StepJob, folder: StepFolder, key: str) -> dict[str, Any]:
        """Do the step's work; returns the fields of its record that tell what came of it."""
        if job.step.kind == "train":
            return self._train(job)
        if job.step.kind == "score":
            return self._score(job, folder)
        return self._drive(job, folder, key)

    def _drive(self, job: StepJob, folder: StepFolder, key: str) -> dict[str, Any]:
        name = job.ctx.place
        if job.start == 0:
            folder.cut(0)
        kept = dropped = 0

        def on_chunk(chunk: Chunk) -> None:
            now = (kept + len(chunk.rows), dropped + len(chunk.drops))
            self.listener.on_rows(name, chunk.stop + chunk.ahead, *now, self.costs)

        for chunk in self.engine.drive(replace(job, on_chunk=on_chunk)):
            # Failures are kept with the shard that drops their rows: after a kill the rows of a lost shard,
            # failed ones too, are asked again. Before it, so that no row is dropped for a forgotten failure.
            self.store.keep_failures(self.costs.run, key, chunk.failures)
            folder.write_shard(chunk.start, chunk.stop, chunk.rows, chunk.drops, name)
            kept, dropped = kept + len(chunk.rows), dropped + len(chunk.drops)
        if not folder.rows():
            folder.write_shard(0, 0, [], [], name)
        counts = folder.counts()
        failures = Counter(row.kind for row in failed_rows(folder))
        warnings = [*job.step.warnings(Table(folder.rows()), job.ctx)]
        if not counts.rows and (job.rows.paths or job.step.kind == "source"):
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.reasons.most_common(3))
            warnings.append(f"gave no rows ({reasons})" if reasons else "found nothing")
        return {
            "rows_out": counts.rows,
            "shards": counts.shards,
            "dropped": counts.reasons.total(),
            "reasons": dict(counts.reasons.most_common()),
            "failures": dict(failures.most_common()),
            "digest": counts.digest,
            "warnings": tuple(warnings),
        }

    def _train(self, job: StepJob) -> dict[str, Any]:
        made = cast(TrainStep, job.step).train(job.rows, job.ctx)
        path = str(made.path.relative_to(self.folder.path.absolute()))
        return {"checkpoint": CheckpointRecord(path, made.losses, dict(made.facts))}

    def _score(self, job: StepJob, folder: StepFolder) -> dict[str, Any]:
        scores = cast(ScoreStep, job.step).score(job.ctx)
        write_json(folder.path / "attempts.json", [asdict(score) for score in scores])
        return {"scores": tuple(ScoreRecord.of(score, job.ctx.place) for score in scores)}

    def _context(self, node: Node, name: str, names: Names, key: str) -> Context:
        model = self._model(node, names)

        def client() -> Client:
            # A score step that runs again asks again: its failures are attempts, not rows to retry.
            failed = self.store.failures(self.costs.run, key) if node.step.kind == "ask" else {}
            return Client(cast(Model, model), self.store, self.costs, name, failed)

        return Context(
            node.name, self.recipe.seed, name, self.recipe.home,
            folder=(self.folder.models / name.replace(".", "-")).absolute(),
            model=model,
            resources=self.resources,
            client=client if model is not None else None,
            on_progress=lambda done, total: self.listener.on_progress(name, done, total),
        )  # fmt: skip

    def _model(self, node: Node, names: Names) -> Model | None:
        """What ``with:`` names: a declared model, or the model a step above trained."""
        if node.model is None:
            return None
        return self.recipe.models.get(node.model) or names[node.model].model

    def _trained(self, node: Node, names: Names, record: StepRecord) -> Model:
        """The model a training step made; it decodes as the model it was trained from."""
        start, checkpoint = self._model(node, names), cast(CheckpointRecord, record.checkpoint)
        settings = ("temperature", "top_p", "max_tokens", "in_flight", "batch_size")
        decoding = {name: getattr(start, name) for name in settings if hasattr(start, name)}
        return Hf(
            model=str(self.folder.path / checkpoint.path), fingerprint=_output_digest(record), **decoding
        )


def _output_digest(record: StepRecord) -> str:
    """What names a step's rows, or its model, which nothing but its inputs and settings decide."""
    return record.digest or hashed({"key": record.key, "inputs": record.inputs})
