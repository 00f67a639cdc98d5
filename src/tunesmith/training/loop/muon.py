"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal, as the update.

In place of ``torch.optim.Muon``, which differs in two points that cost most of a small training's time:
it orthogonalises in bfloat16 everywhere, and most CPUs have no instructions for that and imitate them; and
it takes matrices one by one, where those of one shape can share each multiplication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import torch
from torch.optim import Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""The quintic that Jordan et al. chose for its slope at 0: few iterations, singular values of about 1."""
_ITERATIONS = 5


class Muon(Optimizer):  # type: ignore[misc]  # torch is not followed by mypy
    """Muon over matrices. lr: learning rate.  momentum: decay of the average of gradients (Nesterov's)."""

    def __init__(
        self, params: Iterable[Any], *, lr: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            trained = sorted((p for p in group["params"] if p.grad is not None), key=_kind)
            for (rows, columns, *_), same in groupby(trained, key=_kind):
                matrices = list(same)
                updates = orthogonal(torch.stack([self._averaged(p, group["momentum"]) for p in matrices]))
                # a tall matrix moves its outputs less at equal size, so it gets a larger step
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(update, alpha=-rate)

    def _averaged(self, matrix: Any, momentum: float) -> Any:
        """The gradient of ``matrix`` with Nesterov momentum."""
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix.grad)
        average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(average, momentum)


def orthogonal(matrices: Any) -> Any:
    """``matrices``, shape (n, rows, columns), with their singular values brought near 1 (0.7 to 1.2).

    Newton-Schulz iteration: only multiplications, no decomposition.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    wide = matrices.mT if tall else matrices  # the product with its own transpose is then the smaller one
    x = wide.bfloat16() if wide.is_cuda else wide.float()
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)  # the iteration diverges beyond norm 1.3
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return (x.mT if tall else x).to(matrices.dtype)


def _kind(matrix: Any) -> tuple[int, int, str, str]:
    """What matrices must share to be stacked."""
    rows, columns = matrix.shape
    return rows, columns, str(matrix.device), str(matrix.dtype)
