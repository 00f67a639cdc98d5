"""Doing one step: its inputs read, its rows (or model, or scores) made, its folder closed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from ..engine import Chunk, Engine, StepJob
from ..errors import StepError, TunesmithError
from ..files import write_json
from ..llm.client import Client
from ..llm.costs import Costs
from ..llm.model import Model
from ..llm.store import AnswerStore
from ..models.hf import Hf
from ..recipe.recipe import Node, Recipe
from ..results import Score
from ..rows import Table
from ..step import Context, Resources, ScoreStep, TrainStep
from .failures import held, losses, start_over
from .fingerprint import Fingerprints, hashed
from .outputs import Names, StepOutput, inputs_of, keys_of, lost_above
from .run_folder import RunFolder, StepFolder


class RunListener:
    """Hears how a run goes; every method may be left as it is."""

    def began(self, step: str, kind: str, rows: int) -> None:
        """A step starts, over ``rows`` input rows (0: unknown)."""

    def moved(self, step: str, read: int, kept: int, dropped: int, bill: Costs) -> None:
        """The running step has got on; kept and dropped count what this process made."""

    def counted(self, step: str, done: int, total: int) -> None:
        """A train or score step has done so much of its work."""

    def ended(self, step: str, record: Mapping[str, Any], *, fresh: bool) -> None:
        """A step is done: now (``fresh``) or by an earlier run."""


@dataclass
class StepRunner:
    """Everything that the steps of one run share."""

    recipe: Recipe
    folder: RunFolder
    engine: Engine
    lender: Resources
    store: AnswerStore
    bill: Costs
    listener: RunListener
    identity: Fingerprints
    ran: list[str] = field(default_factory=list)

    def step(self, node: Node, name: str, place: StepFolder, names: Names) -> StepOutput:
        """Do the step, or go on with it, or find it done. ``name`` is unique in the run."""
        facts = self.identity.of_step(node, name, keys_of(names))
        key = hashed(facts)
        lost = lost_above([node], names)
        _make_way(place, key, lost, node.step.kind)
        done = place.done
        fresh = done is None
        if done is None:
            done = self._do(node, name, place, names, {"key": key, "facts": facts, "lost_above": lost})
            self.ran.append(name)
        self.listener.ended(name, done, fresh=fresh)
        weights = hashed({"key": key, "lost": lost}) if lost else key
        model = self._trained(node, names, done, weights) if node.step.kind == "train" else None
        scores = tuple(done.get("scores", ()))
        given = StepOutput(key, tuple(place.rows()), tuple(place.drops()), model, scores)
        return replace(given, lost=done.get("lost", lost))

    def _do(
        self, node: Node, name: str, place: StepFolder, names: Names, identity: dict[str, Any]
    ) -> dict[str, Any]:
        rows = Table(inputs_of(node.inputs, names).rows)
        ctx = self._context(node, name, names)
        if node.step.kind == "train" and place.begun_key != identity["key"] and ctx.folder.exists():
            shutil.rmtree(ctx.folder)
        place.begin(identity["key"], identity["lost_above"])
        self.folder.note("step", step=name, key=identity["key"])
        self.listener.began(name, node.step.kind, len(rows))
        begun = time.monotonic()
        try:
            made = self._made(node, ctx, rows, place)
        except TunesmithError:
            raise
        except Exception as error:  # a door: other people's steps run behind it
            raise StepError(f"steps.{name}: {type(error).__name__}: {error}") from error
        seconds = round(time.monotonic() - begun, 3)
        record = {"name": name, "do": node.address, "kind": node.step.kind, **identity, "rows_in": len(rows)}
        record |= {**made, "seconds": seconds, "spent": self.bill.of(name)}
        if node.step.kind == "ask":
            record |= losses(place, identity["lost_above"])
        place.finish(record)
        self.folder.note("step done", step=name, seconds=seconds)
        return record

    def _made(self, node: Node, ctx: Context, rows: Table, place: StepFolder) -> dict[str, Any]:
        if node.step.kind == "train":
            return self._train(node, ctx, rows)
        if node.step.kind == "score":
            return self._score(node, ctx, place)
        return self._drive(node, ctx, rows, place)

    def _drive(self, node: Node, ctx: Context, rows: Table, place: StepFolder) -> dict[str, Any]:
        kind, name = node.step.kind, ctx.place
        start = place.covered() if kind in ("row", "ask", "batch") else 0
        if start == 0:
            for path in (*place.rows(), *place.drops()):
                path.unlink()
        kept = dropped = 0
        client = (lambda: self._client(ctx)) if kind == "ask" and ctx.model else None

        def tell(chunk: Chunk) -> None:
            now = (kept + len(chunk.rows), dropped + len(chunk.drops))
            self.listener.moved(name, chunk.stop, *now, self.bill)

        for chunk in self.engine.drive(StepJob(node.step, ctx, rows, start, client, tell, held(place))):
            place.write_shard(chunk.start, chunk.stop, chunk.rows, chunk.drops, name)
            kept, dropped = kept + len(chunk.rows), dropped + len(chunk.drops)
        if not place.rows():
            place.write_shard(0, 0, [], [], name)
        rows_out, reasons = place.counts()
        made = {
            "rows_out": rows_out,
            "dropped": sum(reasons.values()),
            "reasons": dict(reasons.most_common()),
        }
        warnings = list(node.step.warnings(Table(place.rows()), ctx))
        return made | ({"warnings": warnings} if warnings else {})

    def _client(self, ctx: Context) -> Client:
        return Client(cast(Model, ctx.model), self.store, self.bill, ctx.place)

    def _train(self, node: Node, ctx: Context, rows: Table) -> dict[str, Any]:
        checkpoint = cast(TrainStep, node.step).train(rows, ctx)
        path = str(checkpoint.path.relative_to(self.folder.path.absolute()))
        return {"checkpoint": {"path": path, "losses": checkpoint.losses, "facts": dict(checkpoint.facts)}}

    def _score(self, node: Node, ctx: Context, place: StepFolder) -> dict[str, Any]:
        lent = replace(ctx, lender=self.lender, client=lambda: self._client(ctx))
        scores = cast(ScoreStep, node.step).score(lent)
        write_json(place.path / "attempts.json", [asdict(score) for score in scores])
        return {"scores": [_brief(score, ctx.place) for score in scores]}

    def _context(self, node: Node, name: str, names: Names) -> Context:
        model = self._model(node, names)
        folder = (self.folder.models / name.replace(".", "-")).absolute()

        def tell(done: int, total: int) -> None:
            self.listener.counted(name, done, total)

        return Context(node.name, self.recipe.seed, name, self.recipe.home, folder, model, tell=tell)

    def _model(self, node: Node, names: Names) -> Model | None:
        """What ``with:`` names: a declared model, or the model a step above trained."""
        if node.model is None:
            return None
        return self.recipe.models.get(node.model) or names[node.model].model

    def _trained(self, node: Node, names: Names, done: Mapping[str, Any], key: str) -> Model:
        """The model a training step made; it decodes as the model it was trained from."""
        start = self._model(node, names)
        kept = ("temperature", "top_p", "max_tokens", "in_flight", "batch_size")
        decoding = {name: getattr(start, name) for name in kept if hasattr(start, name)}
        path = self.folder.path / done["checkpoint"]["path"]
        return Hf(model=str(path), fingerprint=key, **decoding)


def _make_way(place: StepFolder, key: str, lost: str, kind: str) -> None:
    """What lies at ``place`` and was made of other things goes, save which rows are not to be asked again."""
    made_of = place.made_of
    if made_of is None or made_of == (key, lost):
        return
    if kind == "ask" and made_of[0] == key:
        start_over(place, lost)
    else:
        shutil.rmtree(place.path)


def _brief(score: Score, step: str) -> dict[str, Any]:
    """A score without its attempts, for step.json."""
    kept = {key: value for key, value in asdict(score).items() if key != "attempts"}
    passed = sum(attempt.passed for attempt in score.attempts)
    return {**kept, "step": step, "passed": passed, "tried": len(score.attempts)}
