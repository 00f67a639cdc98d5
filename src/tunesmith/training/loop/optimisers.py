"""An optimiser beyond those that transformers' Trainer makes: Muon for hidden weight matrices, AdamW for
embeddings, output head, norms and biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch
from torch.optim import AdamW, Optimizer

from .muon import Muon


def muon_with_adamw(
    model: Any, *, lr: float, adamw_lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> Optimizer:
    """One optimiser over the trainable parameters of ``model``.

    lr: of Muon.  adamw_lr, betas, eps: of AdamW.  weight_decay: of matrices, in both.
    """
    hidden, matrices, rest = _split(model)
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    parts: list[Optimizer] = [Muon(hidden, lr=lr, weight_decay=weight_decay)] if hidden else []
    if groups:
        parts.append(AdamW(groups, lr=adamw_lr, betas=betas, eps=eps, fused=True))
    return Combined(parts)


def _split(model: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """(hidden matrices, embeddings and output head, everything of another rank)."""
    ends = {id(module.weight) for module in (model.get_input_embeddings(), model.get_output_embeddings())}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim == 2]
    return (
        [parameter for parameter in matrices if id(parameter) not in ends],
        [parameter for parameter in matrices if id(parameter) in ends],
        [parameter for parameter in trained if parameter.ndim != 2],
    )


class Combined(Optimizer):  # type: ignore[misc]  # torch is not followed by mypy
    """Several optimisers, each over its own parameters, that schedulers and checkpoints see as one."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        # The parts keep all state; Optimizer's own __init__ would make a second one
        self.parts = tuple(parts)
        self.defaults: dict[str, Any] = {}

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of every part: the very dictionaries that the parts use."""
        return list(chain.from_iterable(part.param_groups for part in self.parts))

    @property
    def state(self) -> dict[Any, Any]:
        """The state of every parameter."""
        return {key: value for part in self.parts for key, value in part.state.items()}

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every part."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The state of every part."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from ``state_dict``."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
