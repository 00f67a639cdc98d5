"""transformers' Trainer with our feed and our loss.

From the Trainer: schedules, AdamW and Adafactor, mixed precision, clipping, checkpoints, PEFT. Ours: which
items a step sees (``Feed``), how they are put into tensors and what is minimised (``Objective``). The Trainer
is given whole steps, not batches: the loss is normalised over the step, and a resumed run starts at any step
without replaying the ones before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ...errors import UserError
from ...llm.local.threads import cpu_threads, quiet, threads_for
from ...step import OnProgress
from .._settings import TrainingSettings
from .checkpoints import Checkpoints
from .feed import Feed
from .objective import Base, Objective, Pass
from .optimisers import muon_with_adamw

_OPTIMIZERS = {"adamw": "adamw_torch", "adafactor": "adafactor", "muon": "adamw_torch"}
_SCHEDULERS = {"constant": "constant_with_warmup"}


@dataclass(frozen=True)
class TrainingJob:
    """All that a training needs, prepared.

    seed: of the global generators (dropout, new weights).  on_progress: called with (steps done, steps in
    all).  added_tokens: ids that the tokenizer has been given for this training.
    """

    settings: TrainingSettings
    base: Base
    objective: Objective
    feed: Feed
    checkpoints: Checkpoints
    seed: int
    on_progress: OnProgress
    added_tokens: Sequence[int] = ()


@dataclass(frozen=True)
class Trained:
    """losses: (step, loss) of every step.  facts: time, memory, device, for the report."""

    losses: list[tuple[int, float]]
    facts: dict[str, Any]


def train(job: TrainingJob) -> Trained:
    """Train ``job.base.model`` in place, from the last complete checkpoint if there is one.

    Raises:
        UserError: the loss is no longer a finite number.
    """
    threads = job.settings.threads or threads_for(job.base.model)
    resumed = job.checkpoints.latest()
    with seeded(job.seed), cpu_threads(threads), quiet():
        loop = _Loop(job)
        loop.train(resume_from_checkpoint=str(resumed) if resumed else None)
    losses = [(entry["step"], entry["loss"]) for entry in loop.state.log_history if "loss" in entry]
    facts = {
        "seconds": round(job.checkpoints.seconds(), 3),
        "resumed_at_step": job.checkpoints.step_of(resumed) if resumed else 0,
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
            model=job.base.model,
            args=_arguments(job),
            processing_class=job.base.tokenizer,
            callbacks=[_SaveAndReport(job)],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> _Steps:
        """Every step from the current one on."""
        return _Steps(self)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], None]:
        """The next step, whole. None: the Trainer need not count tokens, ``training_step`` does."""
        return [next(epoch_iterator)], None

    def create_optimizer(self, model: Any = None) -> Any:
        """Muon here; AdamW and Adafactor as the Trainer makes them."""
        how = self.job.settings
        if how.optimizer == "muon" and self.optimizer is None:
            self.optimizer = muon_with_adamw(
                self.model, lr=how.lr, adamw_lr=how.adamw_lr or how.lr / 5, betas=how.betas,
                eps=how.eps, weight_decay=how.weight_decay,
            )  # fmt: skip
        return super().create_optimizer(model)

    def training_step(self, model: Any, inputs: Sequence[Pass], num_items_in_batch: Any = None) -> Any:
        """Gradients of one whole step. Returns its loss per unit of weight."""
        model.train()
        weight = sum(one.weight for one in inputs)
        total = torch.zeros((), device=self.args.device)
        for one in inputs:
            with self.compute_loss_context_manager():
                loss = self.job.objective.loss(model, one) / weight
            self.accelerator.backward(loss)
            total += loss.detach().float()
        if not torch.isfinite(total):
            problem = f"the loss became {total.item()} at step {self.state.global_step + 1}"
            raise UserError(f"{self.job.base.where}.lr", problem, "try a lower lr, or more warmup_steps")
        return total

    def floating_point_ops(self, inputs: Sequence[Pass]) -> int:
        """About 6 operations per parameter and token, forward and backward."""
        return 6 * int(self.model.num_parameters()) * sum(one.slots for one in inputs)


class _Steps:
    """The steps that are still to do, each as its passes; the Trainer takes it for a data loader."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop

    def __iter__(self) -> Iterator[Sequence[Pass]]:
        job = self._loop.job
        for step in range(self._loop.state.global_step, len(job.feed)):
            yield job.objective.passes(job.feed.items(step))


class _SaveAndReport(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy
    """Asks the Trainer for a checkpoint when one is due, marks it once it is complete, reports progress."""

    def __init__(self, job: TrainingJob) -> None:
        self._checkpoints, self._on_progress = job.checkpoints, job.on_progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self._on_progress(state.global_step, state.max_steps)
        control.should_save = state.global_step < state.max_steps and self._checkpoints.due(state.global_step)
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self._checkpoints.mark_complete(state.global_step)
        return control


def _arguments(job: TrainingJob) -> Any:
    how, device = job.settings, job.base.model.device
    arguments = TrainingArguments(
        output_dir=str(job.checkpoints.folder), max_steps=len(job.feed), per_device_train_batch_size=1,
        learning_rate=how.lr, optim=_OPTIMIZERS[how.optimizer], weight_decay=how.weight_decay,
        adam_beta1=how.betas[0], adam_beta2=how.betas[1], adam_epsilon=how.eps,
        max_grad_norm=how.max_grad_norm, warmup_steps=how.warmup_steps,
        lr_scheduler_type=_SCHEDULERS.get(how.scheduler, how.scheduler),
        bf16=how.mixed(device.type), use_cpu=device.type == "cpu", seed=job.seed % 2**32,
        save_strategy="no", save_total_limit=2, logging_strategy="steps", logging_steps=1,
        logging_nan_inf_filter=False, ignore_data_skip=True, report_to=[], disable_tqdm=True,
        log_level="error", remove_unused_columns=False, dataloader_pin_memory=False,
    )  # fmt: skip
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs in one process would mean DataParallel
    return arguments


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Global random generators seeded within; their states from before are restored afterwards."""
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
