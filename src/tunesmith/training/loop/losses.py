"""What is minimised: the weighted negative log-likelihood of the supervised tokens.

A step's loss is the sum over its supervised tokens of (row weight x negative log-likelihood), divided by
the sum of those weights over the *whole step*. So a weight of w is the same as w copies of the row, and
splitting a step into micro-batches changes nothing.
"""

from __future__ import annotations

from typing import Any

from .collate import IGNORED, Micro


def summed_loss(model: Any, micro: Micro, label_smoothing: float = 0.0) -> Any:
    """Weighted loss of one forward pass, summed over its supervised tokens (a scalar tensor with gradient).

    Logits are computed at supervised places only: the output head sees the hidden states of those, as one
    sequence. What a model does to its logits afterwards (scaling, capping) stays as it is.
    """
    import torch

    device = model.device
    targets = torch.from_numpy(micro.targets).to(device)
    chosen = targets != IGNORED
    weights = torch.from_numpy(micro.weights).to(device)[chosen]
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
    losses = torch.nn.functional.cross_entropy(
        out.logits[0].float(), targets[chosen], reduction="none", label_smoothing=label_smoothing
    )
    return (losses * weights).sum()
