"""Supervised fine-tuning: the loss of the answer, given the instruction.

Trains the model that ``with:`` names (``hf``, ``scratch``, or an earlier training step) on every row that
has an answer. The papers' settings: WizardCoder (arXiv 2306.08568, section 3.2) lr 2e-5, 3 epochs, batch
512, cosine, 30 warm-up steps, 2048 tokens; WaveCoder (2312.14187, section 4.1) lr 5e-5, Adafactor, linear,
15 warm-up steps; AlchemistCoder (2405.19265, section 4) lr 1e-4, 2 epochs, 8192 tokens.

The checkpoint is a Hugging Face folder; its tokenizer carries the prompt template as a chat template, and
``template.json`` holds it in tunesmith's own form. Same rows, settings, seed and thread count give the same
weights, bit by bit on a CPU, killed and resumed or not.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..errors import SetupError
from ..results import Checkpoint
from ..rows import Table
from ..step import Context, Need, Step
from ._settings import TrainingSettings


class Sft(TrainingSettings, Step):
    """Fine-tune a model on rows, with loss on the answers only."""

    needs_model: ClassVar[Need] = "required"

    packing: bool = False
    """Put several rows into one sequence of max_length, isolated from each other; changes no result."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over the vocabulary."""

    def train(self, rows: Table, ctx: Context) -> Checkpoint:
        """Train ``ctx.model`` on ``rows``; the checkpoint is in ``ctx.folder``.

        Raises:
            DataError: no row can be trained on.  SetupError: a library is missing.
            UserError: the template disagrees with the model's, or the loss is no longer finite.
        """
        try:
            from .loop.likelihood import Likelihood
            from .loop.training_run import run
        except ModuleNotFoundError as error:
            problem = f"training needs {error.name!r}, which is not installed"
            raise SetupError(f"steps.{ctx.step}", problem, "pip install 'tunesmith[train]'") from error
        smooth = self.label_smoothing
        return run(
            self,
            ctx,
            lambda base: Likelihood.of(rows, base, self, packing=self.packing, label_smoothing=smooth),
        )
