"""The model's prediction at the places that are supervised, and only there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .collate import IGNORED, Micro


@dataclass(frozen=True)
class Predicted:
    """What a forward pass says of its n supervised tokens, in the order of lines and places.

    logits: float32, shape (n, vocabulary).  targets: int64, shape (n,).  weights: float32, shape (n,).
    lines: int64, shape (n,): the sequence of the pass that a token belongs to.
    """

    logits: Any
    targets: Any
    weights: Any
    lines: Any


def predict(model: Any, micro: Micro) -> Predicted:
    """Run ``model`` over ``micro``.

    Logits of the whole batch would be its largest tensor by far (sequence x vocabulary), so a hook hands
    the output head only the hidden states of supervised places, as one sequence. Whatever a model does to
    its logits afterwards (scaling, capping) still happens.
    """
    device = model.device
    targets = torch.from_numpy(micro.targets).to(device)
    chosen = targets != IGNORED
    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda _module, inputs: (inputs[0][chosen][None],))
    try:
        out = model(
            input_ids=torch.from_numpy(micro.ids).to(device),
            position_ids=torch.from_numpy(micro.positions).to(device),
            use_cache=False,
        )
    finally:
        handle.remove()
    weights = torch.from_numpy(micro.weights).to(device)[chosen]
    return Predicted(out.logits[0].float(), targets[chosen], weights, chosen.nonzero()[:, 0])
