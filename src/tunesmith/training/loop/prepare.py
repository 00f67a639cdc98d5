"""A model made ready to be trained, and written down when it is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...errors import SetupError
from ...llm.local.threads import quiet
from ...llm.template import Template
from .collate import leak

if TYPE_CHECKING:
    from ..sft import Lora, Sft

_LEAK = {torch.float32: 1e-3}
"""Of a logit: above rounding, below what a row that sees its neighbour shows; 0.5 for short floats."""


def add_tokens(model: Any, tokenizer: Any, tokens: Sequence[str]) -> None:
    """Give ``tokenizer`` the role ``tokens`` it lacks, and ``model`` a row for each: the mean of the old."""
    missing = [token for token in tokens if token not in tokenizer.get_vocab()]
    if not missing:
        return
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    old = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) <= old:
        return
    with quiet():
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ends = {id(end.weight): end for end in (model.get_input_embeddings(), model.get_output_embeddings())}
    with torch.no_grad():
        for end in ends.values():
            end.weight[old:] = end.weight[:old].mean(0)


def trainable(model: Any, step: Sft, where: str) -> Any:
    """``model`` as ``step`` trains it: in float32, or with adapters; checked if rows are to be packed.

    Raises:
        SetupError: the model lets packed rows see each other, or PEFT is missing.
    """
    if step.packing:
        _check_isolation(model, where)
    if step.gradient_checkpointing:
        # transformers 5.2x renamed it and warns at the old name
        enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
        enable()
    if step.lora is None:
        return model.float()
    return _with_adapters(model, step.lora, where)


def _with_adapters(model: Any, lora: Lora, where: str) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise SetupError(f"{where}.lora", "LoRA needs 'peft'", "pip install 'tunesmith[train]'") from error
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=lora.targets,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            # peft asks transformers by a deprecated name
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            return get_peft_model(model, config)
    except ValueError as error:
        problem = f"no layer is called so: {lora.targets}"
        raise SetupError(f"{where}.lora.targets", problem, str(error)[:300]) from error


def sizes(model: Any) -> dict[str, int]:
    """Parameters in all, and those that are trained."""
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "parameters_trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


def write(model: Any, tokenizer: Any, template: Template, folder: Path, dtype: Any) -> None:
    """The trained model as a Hugging Face folder, adapters merged, with its tokenizer and template.

    dtype: of the stored weights, as a rule that in which the model came.
    """
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.config.use_cache = True
    model.to(dtype)
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    template.save(folder)


def _check_isolation(model: Any, where: str) -> None:
    size = model.config.get_text_config().vocab_size
    found = leak(model, [[(7 * place + row) % size for place in range(5 + row)] for row in range(3)])
    if found > _LEAK.get(model.dtype, 0.5):
        problem = f"{type(model).__name__} lets packed rows see each other (a logit moves by {found:.2g})"
        raise SetupError(
            f"{where}.packing", problem, "leave packing out; rows of like length are padded little"
        )
