"""The recipe keys of every step that trains: how rows become steps of training, and how weights change.

A training step inherits them (``class Sft(TrainingSettings, Step)``) and adds its own; the loop reads them
from here, so it knows no step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..llm.template import Template, known

Overlong = Literal["skip", "cut"]


class Lora(BaseModel):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) instead of all weights; merged at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    r: int = Field(default=16, gt=0)
    """Rank."""
    alpha: float = Field(default=32, gt=0)
    """Scale; an update counts alpha / r."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the adapters."""
    targets: list[str] | Literal["all-linear"] = "all-linear"
    """Names of the layers that get one."""


class TrainingSettings(BaseModel):
    """What every training step can be told."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    renamed: ClassVar[Mapping[str, str]] = {"batch": "batch_size"}
    version: ClassVar[str] = "1"

    epochs: float = Field(default=3.0, gt=0)
    """Passes over the rows; a fraction ends inside a pass."""
    max_steps: int | None = Field(default=None, gt=0)
    """Train so many steps instead of so many epochs."""
    batch_size: int | None = Field(default=None, gt=0)
    """Rows per step (64 if neither this nor batch_tokens is given)."""
    batch_tokens: int | None = Field(default=None, gt=0)
    """Most tokens per step, prompts included; instead of batch_size."""
    micro_batch_tokens: int = Field(default=8192, gt=0)
    """Most tokens computed at once, padding included; bounds the memory, changes no result."""
    max_length: int = Field(default=2048, gt=0)
    """Longest row, in tokens."""
    overlong: Overlong = "skip"
    """What to do with longer rows: leave them out, or cut the answer (it keeps the template's end)."""
    template: Annotated[str | Template | None, AfterValidator(known)] = None
    """Prompt template; left out, the model's own."""

    lr: float = Field(default=2e-5, gt=0)
    """Highest learning rate."""
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    """Course of the learning rate after warm-up."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    optimizer: Literal["adamw", "adafactor", "muon"] = "adamw"
    """muon: Muon for hidden matrices, AdamW for the rest."""
    adamw_lr: float | None = Field(default=None, gt=0)
    """With muon: learning rate of the rest (a fifth of lr if not given)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of AdamW's averages."""
    eps: float = Field(default=1e-8, gt=0)
    """AdamW's epsilon."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of matrices."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are clipped to this norm; 0 does not clip."""
    lora: Lora | None = None
    """Train adapters instead of all weights."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the computation; weights are kept in float32. auto: bfloat16 on a GPU, float32 on a CPU."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, about a third slower."""
    threads: int = Field(default=0, ge=0)
    """CPU threads; 0 takes one below 20 million parameters, else all cores. Rounding depends on it."""
    save_minutes: float = Field(default=10.0, ge=0)
    """Minutes between checkpoints to resume from; 0 writes none by time."""
    save_steps: int = Field(default=0, ge=0)
    """Steps between checkpoints to resume from; 0 writes none by count."""

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.batch_size and self.batch_tokens:
            raise ValueError("give batch_size (rows) or batch_tokens, not both")
        return self

    def mixed(self, device: str) -> bool:
        """Whether to compute in bfloat16 on a ``device`` of this type."""
        return self.precision == "bfloat16" or (self.precision == "auto" and device == "cuda")

    def decisive(self) -> str:
        """The version, and the recipe keys that decide the weights, as JSON. Saving does not."""
        keys = self.model_dump(mode="json", exclude={"save_minutes", "save_steps"})
        return orjson.dumps(keys | {"version": self.version}, option=orjson.OPT_SORT_KEYS).decode()
