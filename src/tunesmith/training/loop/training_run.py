"""One training from rows to checkpoint: prepare, train, write down. What ``training.sft`` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...chance import number
from ...llm.local.threads import quiet
from ...llm.model import Trainable
from ...llm.template import find
from ...rows import Table
from ...step import Context
from .checkpoints import Progress
from .encode import encode
from .feed import Feed
from .prepare import add_tokens, sizes, trainable, write
from .trainer import TrainingJob, alone, train

if TYPE_CHECKING:
    from ..sft import Sft

_CURVE_POINTS = 400


def run(step: Sft, rows: Table, ctx: Context) -> tuple[Path, dict[str, Any]]:
    """The folder of the trained model, and its notes: ``losses`` (step, loss) and ``facts``.

    A training that has ended before is not repeated; one that was killed goes on.
    """
    job = _prepared(step, rows, ctx)
    return job.progress.finished() or _trained(job)


def _prepared(step: Sft, rows: Table, ctx: Context) -> TrainingJob:
    source: Trainable = ctx.model
    where, seed = f"steps.{ctx.step}", number(ctx.seed, ctx.step)
    model, tokenizer = source.load()
    template = find(step.template) if step.template is not None else source.prompting(tokenizer)
    add_tokens(model, tokenizer, () if step.lora else template.tokens)
    room = getattr(model.config, "max_position_embeddings", None) or step.max_length
    with quiet():
        encoded = encode(
            rows,
            tokenizer,
            template,
            max_length=min(step.max_length, room),
            overlong=step.overlong,
            where=where,
        )
    feed = Feed(
        encoded.lengths, seed, batch=step.batch or 64, batch_tokens=step.batch_tokens,
        epochs=step.epochs, max_steps=step.max_steps,
    )  # fmt: skip
    key = number(0, step.settings(), encoded.digest, source.identity(), seed)
    progress = Progress(ctx.folder, f"{key:016x}", save_steps=step.save_steps, save_minutes=step.save_minutes)
    return TrainingJob(
        step, model, tokenizer, template, encoded, feed, progress, seed, where, ctx.on_progress
    )


def _trained(job: TrainingJob) -> tuple[Path, dict[str, Any]]:
    dtype = job.model.dtype
    with alone(job.seed):
        job = replace(job, model=trainable(job.model, job.step, job.where))
    done = train(job)
    facts = _facts(job) | sizes(job.model) | done.facts
    write(job.model, job.tokenizer, job.template, job.progress.draft(), dtype)
    notes = {"losses": thinned(done.losses, _CURVE_POINTS), "facts": facts}
    return job.progress.finish(notes), notes


def _facts(job: TrainingJob) -> dict[str, Any]:
    """What was trained on, for the report."""
    encoded, feed = job.encoded, job.feed
    lengths, supervised = encoded.lengths, encoded.supervised()
    steps = [feed.rows(step) for step in range(len(feed))]
    first, prompt = encoded.row(0), encoded.prompts[0]
    return {
        "rows": len(encoded) + sum(encoded.left_out.values()),
        "rows_trained": len(encoded),
        "rows_left_out": dict(encoded.left_out.most_common()),
        "answers_cut": encoded.cut,
        "steps": len(feed),
        "epochs": round(feed.epochs, 4),
        "tokens": int(sum(lengths[rows].sum() for rows in steps)),
        "supervised_tokens": int(sum(supervised[rows].sum() for rows in steps)),
        "template": job.template.name,
        "example": {
            "prompt": job.tokenizer.decode(first[:prompt]),
            "supervised": job.tokenizer.decode(first[prompt:]),
        },
    }


def thinned(losses: list[tuple[int, float]], points: int) -> list[tuple[int, float]]:
    """A curve of at most ``points``: the mean loss of each stretch, at the stretch's last step."""
    stretch = -(-len(losses) // points) or 1
    parts = [losses[start : start + stretch] for start in range(0, len(losses), stretch)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]
