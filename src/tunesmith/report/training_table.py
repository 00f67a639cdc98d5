"""How a model was trained, as a card tells it: one column for each stage, one line for each fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .card_text import table
from .phrases import clock, value
from .scores import model_label
from .story import Stage, Story

SETTINGS = {
    "optimizer": "optimiser", "lr": "highest learning rate", "scheduler": "course of the learning rate",
    "warmup_steps": "warm-up steps", "batch_size": "rows per step", "batch_tokens": "tokens per step",
    "max_length": "longest row, tokens", "packing": "packing", "weight_decay": "weight decay",
    "max_grad_norm": "gradients clipped to", "label_smoothing": "label smoothing", "lora": "adapters (LoRA)",
    "precision": "precision",
}  # fmt: skip
"""Recipe keys worth a line, in words. Those that no stage gives a value are left out."""
FlowLine = tuple[str, Callable[[Story, Stage], str]]


def training_tables(story: Story, stages: Sequence[Stage]) -> Iterator[str]:
    """What happened at each stage, and under which settings."""
    head = ("", *(stage.name for stage in stages))
    yield table(head, _filled((name, *(tell(story, stage) for stage in stages)) for name, tell in _COURSE))
    yield "Settings:"
    given = [stage.record.params for stage in stages]
    lines = ((said, *(_setting(key, one) for one in given)) for key, said in SETTINGS.items())
    yield table(head, _filled(lines))


def _filled(lines: Iterator[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [line for line in lines if any(cell not in ("", "–") for cell in line[1:])]


def _setting(key: str, given: Mapping[str, Any]) -> str:
    if key == "batch_size" and given and not given.get("batch_size") and not given.get("batch_tokens"):
        return "64"
    return value(given.get(key)) if given.get(key) not in (0, False) else "–"


def _facts(stage: Stage) -> Mapping[str, Any]:
    return stage.checkpoint.facts


def _rows(story: Story, stage: Stage) -> str:
    facts, read = _facts(stage), stage.count("rows_in")
    trained = facts.get("rows_trained", read)
    return f"{trained:,}" if trained == read else f"{trained:,} of {read:,}"


def _left_out(story: Story, stage: Stage) -> str:
    return value(_facts(stage).get("rows_left_out"))


def _cut(story: Story, stage: Stage) -> str:
    cut = _facts(stage).get("answers_cut")
    return f"{cut:,}" if cut else "–"


def _fact(name: str) -> Callable[[Story, Stage], str]:
    return lambda story, stage: value(_facts(stage).get(name))


def _epochs(story: Story, stage: Stage) -> str:
    epochs = _facts(stage).get("epochs")
    return "–" if epochs is None else f"{epochs:.2f}"


def _weights(story: Story, stage: Stage) -> str:
    whole, trained = _facts(stage).get("parameters"), _facts(stage).get("parameters_trained")
    if whole is None:
        return "–"
    return (
        f"{whole:,}, all trained" if trained in (None, whole) else f"{whole:,}, of which {trained:,} trained"
    )


def _loss(story: Story, stage: Stage) -> str:
    losses = [loss for _, loss in stage.checkpoint.losses if loss is not None]
    return f"{losses[0]:.3f} to {losses[-1]:.3f}" if losses else "–"


def _memory(story: Story, stage: Stage) -> str:
    peak = _facts(stage).get("peak_bytes")
    return "–" if peak is None else f"{peak / 1e9:.2f} GB"


_COURSE: tuple[FlowLine, ...] = (
    ("began from", lambda story, stage: model_label(story, stage.model)),
    ("rows", _rows),
    ("rows left out", _left_out),
    ("answers cut", _cut),
    ("steps", _fact("steps")),
    ("epochs", _epochs),
    ("tokens read", _fact("tokens")),
    ("tokens learnt", _fact("supervised_tokens")),
    ("weights", _weights),
    ("loss", _loss),
    ("device", _fact("device")),
    ("peak memory", _memory),
    ("time", lambda story, stage: clock(stage.record.seconds or 0.0)),
)
