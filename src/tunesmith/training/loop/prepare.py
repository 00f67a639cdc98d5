"""A model made ready to be trained, and written down when it is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ...errors import SetupError
from ...llm.local.threads import quiet
from .._settings import Lora, TrainingSettings
from .objective import Base


def add_tokens(model: Any, tokenizer: Any, tokens: Sequence[str]) -> list[int]:
    """Give ``tokenizer`` the role ``tokens`` it lacks, and ``model`` a row for each: the mean of the old.

    Returns the ids of the new tokens.
    """
    missing = [token for token in tokens if token not in tokenizer.get_vocab()]
    if not missing:
        return []
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    added = [int(known) for known in tokenizer.convert_tokens_to_ids(missing)]
    old = model.get_input_embeddings().weight.shape[0]  # some models have spare rows for new tokens
    if len(tokenizer) > old:
        with quiet():
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        ends = {id(end.weight): end for end in (model.get_input_embeddings(), model.get_output_embeddings())}
        with torch.no_grad():
            for end in ends.values():
                end.weight[old:] = end.weight[:old].mean(0)
    return added


def trainable(model: Any, settings: TrainingSettings, where: str, added_tokens: Sequence[int] = ()) -> Any:
    """``model`` as ``settings`` train it: in float32, or with adapters.

    added_tokens: ids whose embeddings are trained too where adapters are: nothing else could teach them.

    Raises:
        SetupError: PEFT is missing, or no layer has the name of a target.
    """
    if settings.gradient_checkpointing:
        # transformers 5.2x renamed it and warns at the old name
        enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
        enable()
    if settings.lora is None:
        return model.float()
    return _with_adapters(model, settings.lora, where, added_tokens)


def _with_adapters(model: Any, lora: Lora, where: str, added_tokens: Sequence[int]) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise SetupError(f"{where}.lora", "LoRA needs 'peft'", "pip install 'tunesmith[train]'") from error
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=lora.targets,
        task_type="CAUSAL_LM", trainable_token_indices=_embeddings(model, added_tokens) or None,
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            # peft asks transformers by a deprecated name
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            return get_peft_model(model, config)
    except ValueError as error:
        problem = f"no layer is called so: {lora.targets}"
        raise SetupError(f"{where}.lora.targets", problem, str(error)[:300]) from error


def _embeddings(model: Any, tokens: Sequence[int]) -> dict[str, list[int]]:
    """``tokens`` for each layer with a row per token: the embedding, and the output head if it is another."""
    ends = {id(end.weight): end for end in (model.get_input_embeddings(), model.get_output_embeddings())}
    names = [name for name, module in model.named_modules() if any(module is end for end in ends.values())]
    return {name: list(tokens) for name in names} if tokens else {}


def sizes(model: Any) -> dict[str, int]:
    """Parameters in all, and those that are trained."""
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "parameters_trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


def write(base: Base, folder: Path, dtype: Any) -> None:
    """The trained model as a Hugging Face folder, adapters merged, with its tokenizer and template.

    Tokenizer and generation settings carry the template too, so that other tools ask the model in the words
    it was trained on and stop where it was taught to stop.
    dtype: of the stored weights, usually that in which the model came.
    """
    model, tokenizer = base.model, base.tokenizer
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.config.use_cache = True
    stops = base.template.stop_ids(tokenizer)
    model.generation_config.eos_token_id = stops if len(stops) > 1 else stops[0]
    model.to(dtype)
    tokenizer.chat_template = base.template.jinja(tokenizer)
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    base.template.save(folder)
