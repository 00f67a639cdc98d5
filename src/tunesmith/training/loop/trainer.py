"""transformers' Trainer with our feed and our loss.

From the Trainer: schedules, AdamW and Adafactor, mixed precision, clipping, checkpoints, PEFT. Ours: which
rows a step sees (``Feed``), how they lie in memory (``micro_batches``) and what is minimised
(``summed_loss``). A step hands over all its micro-batches at once, so that the loss is normalised over the
whole step and a resumed run starts at any step without replaying the ones before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ...errors import UserError
from ...llm.local.threads import cpu_threads, quiet, threads_for
from ...llm.template import Template
from ...step import OnProgress
from .checkpoints import Progress
from .collate import Micro, micro_batches
from .encode import Encoded
from .feed import Feed
from .losses import summed_loss
from .optimisers import muon_with_adamw

if TYPE_CHECKING:
    from ..sft import Sft

_OPTIMIZERS = {"adamw": "adamw_torch", "adafactor": "adafactor", "muon": "adamw_torch"}
_SCHEDULERS = {"constant": "constant_with_warmup"}


@dataclass(frozen=True)
class TrainingJob:
    """All that a training needs, prepared.

    where: for errors, ``steps.NAME``.  seed: of the global generators (dropout, new weights).
    tell: hears (steps done, steps in all).
    """

    step: Sft
    model: Any
    tokenizer: Any
    template: Template
    encoded: Encoded
    feed: Feed
    progress: Progress
    seed: int
    where: str
    tell: OnProgress


@dataclass(frozen=True)
class Trained:
    """What came of it. losses: (step, loss) of every step.  slots: places computed per token trained on."""

    losses: list[tuple[int, float]]
    facts: dict[str, Any]


def train(job: TrainingJob) -> Trained:
    """Train ``job.model`` in place, from the last whole checkpoint if there is one.

    Raises:
        UserError: the loss is no longer a finite number.
    """
    threads = job.step.threads or threads_for(job.model)
    started = job.progress.last()
    with alone(job.seed), cpu_threads(threads), quiet():
        loop = _Loop(job)
        loop.train(resume_from_checkpoint=str(started) if started else None)
    losses = [(entry["step"], entry["loss"]) for entry in loop.state.log_history if "loss" in entry]
    facts = {
        "seconds": round(job.progress.seconds(), 3),
        "resumed_at_step": job.progress.step_of(started) if started else 0,
        "threads": threads,
        "device": str(loop.args.device),
        "peak_bytes": _peak_bytes(loop.args.device),
    }
    return Trained(losses, facts)


class _Loop(Trainer):  # type: ignore[misc]  # transformers is not followed by mypy
    """The Trainer over our steps."""

    optimizer: Any

    def __init__(self, job: TrainingJob) -> None:
        self.job = job
        super().__init__(
            model=job.model,
            args=_arguments(job),
            processing_class=job.tokenizer,
            callbacks=[_Keeper(job.progress, job.tell)],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> _Steps:
        """Every step from the current one on."""
        return _Steps(self)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], None]:
        """The next step, whole; the loss counts its own tokens."""
        return [next(epoch_iterator)], None

    def create_optimizer(self, model: Any = None) -> Any:
        """Muon here; AdamW and Adafactor as the Trainer makes them."""
        step = self.job.step
        if step.optimizer == "muon" and self.optimizer is None:
            self.optimizer = muon_with_adamw(
                self.model, lr=step.lr, adamw_lr=step.adamw_lr or step.lr / 5, betas=step.betas,
                eps=step.eps, weight_decay=step.weight_decay,
            )  # fmt: skip
        return super().create_optimizer(model)

    def training_step(self, model: Any, inputs: list[Micro], num_items_in_batch: Any = None) -> Any:
        """Gradients of one whole step. Returns its loss per weighted supervised token."""
        model.train()
        whole = float(sum((micro.weights * (micro.targets >= 0)).sum(dtype=np.float64) for micro in inputs))
        total = torch.zeros((), device=self.args.device)
        for micro in inputs:
            with self.compute_loss_context_manager():
                loss = summed_loss(model, micro, self.job.step.label_smoothing) / whole
            self.accelerator.backward(loss)
            total += loss.detach().float()
        if not torch.isfinite(total):
            problem = f"the loss became {total.item()} at step {self.state.global_step + 1}"
            raise UserError(f"{self.job.where}.lr", problem, "try a lower lr, or more warmup_steps")
        return total

    def floating_point_ops(self, inputs: list[Micro]) -> int:
        """About 6 operations per parameter and place, forward and backward."""
        return 6 * int(self.model.num_parameters()) * sum(micro.slots for micro in inputs)


class _Steps:
    """The steps that are still to do, each as its micro-batches; what the Trainer takes for a data loader."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop

    def __iter__(self) -> Iterator[list[Micro]]:
        job = self._loop.job
        pad = job.tokenizer.pad_token_id
        for step in range(self._loop.state.global_step, len(job.feed)):
            yield micro_batches(
                job.encoded, job.feed.rows(step), slots=job.step.micro_batch_tokens,
                pad=pad if pad is not None else job.tokenizer.eos_token_id,
                packed_length=job.step.max_length if job.step.packing else None,
            )  # fmt: skip


class _Keeper(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy
    """Asks for a checkpoint when one is due, marks it whole once it is written, says how far we are."""

    def __init__(self, progress: Progress, tell: OnProgress) -> None:
        self._progress, self._tell = progress, tell

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self._tell(state.global_step, state.max_steps)
        control.should_save = state.global_step < state.max_steps and self._progress.due(state.global_step)
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self._progress.whole(state.global_step)
        return control


def _arguments(job: TrainingJob) -> Any:
    step, device = job.step, job.model.device
    arguments = TrainingArguments(
        output_dir=str(job.progress.folder), max_steps=len(job.feed), per_device_train_batch_size=1,
        learning_rate=step.lr, optim=_OPTIMIZERS[step.optimizer], weight_decay=step.weight_decay,
        adam_beta1=step.betas[0], adam_beta2=step.betas[1], adam_epsilon=step.eps,
        max_grad_norm=step.max_grad_norm, warmup_steps=step.warmup_steps,
        lr_scheduler_type=_SCHEDULERS.get(step.scheduler, step.scheduler),
        bf16=step.mixed(device.type), use_cpu=device.type == "cpu", seed=job.seed % 2**32,
        save_strategy="no", save_total_limit=2, logging_strategy="steps", logging_steps=1,
        logging_nan_inf_filter=False, ignore_data_skip=True, report_to=[], disable_tqdm=True,
        log_level="error", remove_unused_columns=False, dataloader_pin_memory=False,
    )  # fmt: skip
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs in one process would mean DataParallel
    return arguments


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """Global generators seeded for what follows, and given back as they were."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _peak_bytes(device: Any) -> int:
    """Most memory used so far: of the GPU, or of this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
