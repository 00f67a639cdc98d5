"""One training from items to checkpoint: prepare, train, write down. Serves every training step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...chance import number
from ...llm.model import Trainable
from ...llm.template import find
from ...results import Checkpoint
from ...step import Context
from .._settings import TrainingSettings
from .checkpoints import Checkpoints
from .feed import Feed
from .objective import Base, Objective
from .prepare import add_tokens, sizes, trainable, write
from .trainer import TrainingJob, seeded, train

_CURVE_POINTS = 400


def run(settings: TrainingSettings, ctx: Context, objective_of: Callable[[Base], Objective]) -> Checkpoint:
    """Train ``ctx.model`` towards the objective that ``objective_of`` makes for it.

    A training that has ended before is not repeated; one that was killed goes on.
    """
    job = _prepared(settings, ctx, objective_of)
    folder, notes = job.checkpoints.finished() or _trained(job)
    losses = tuple((int(step), float(loss)) for step, loss in notes["losses"])
    return Checkpoint(folder, losses, notes["facts"])


def _prepared(
    settings: TrainingSettings, ctx: Context, objective_of: Callable[[Base], Objective]
) -> TrainingJob:
    source: Trainable = ctx.model
    seed = number(ctx.seed, ctx.step)
    model, tokenizer = source.load()
    asked = settings.template
    template = find(asked) if asked is not None else source.prompting(tokenizer)
    added = add_tokens(model, tokenizer, template.tokens)
    longest = getattr(model.config, "max_position_embeddings", None) or settings.max_length
    base = Base(model, tokenizer, template, min(settings.max_length, longest), f"steps.{ctx.step}")
    objective = objective_of(base)
    feed = Feed(
        objective.lengths, seed, batch=settings.batch_size or 64, batch_tokens=settings.batch_tokens,
        epochs=settings.epochs, max_steps=settings.max_steps,
    )  # fmt: skip
    key = number(0, settings.decisive(), objective.digest, source.identity(), seed)
    checkpoints = Checkpoints(
        ctx.folder, f"{key:016x}", save_steps=settings.save_steps, save_minutes=settings.save_minutes
    )
    return TrainingJob(settings, base, objective, feed, checkpoints, seed, ctx.on_progress, added)


def _trained(job: TrainingJob) -> tuple[Path, dict[str, Any]]:
    base = job.base
    dtype = base.model.dtype
    with seeded(job.seed):
        model = trainable(base.model, job.settings, base.where, job.added_tokens)
        job = replace(job, base=replace(base, model=model))
    done = train(job)
    steps = [job.feed.items(step) for step in range(len(job.feed))]
    facts = {
        "steps": len(steps),
        "epochs": round(job.feed.epochs, 4),
        "tokens": int(sum(job.objective.lengths[items].sum() for items in steps)),
        "template": base.template.name,
        **job.objective.facts(steps),
        **sizes(job.base.model),
        **done.facts,
    }
    write(job.base, job.checkpoints.draft(), dtype)
    notes = {"losses": thinned(done.losses, _CURVE_POINTS), "facts": facts}
    return job.checkpoints.finish(notes), notes


def thinned(losses: list[tuple[int, float]], points: int) -> list[tuple[int, float]]:
    """A curve of at most ``points``: the mean loss of each stretch, at the stretch's last step."""
    stretch = -(-len(losses) // points) or 1
    parts = [losses[start : start + stretch] for start in range(0, len(losses), stretch)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]
