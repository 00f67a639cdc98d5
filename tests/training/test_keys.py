"""Every key of a training does what it says: it changes the weights in its own way, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs: pip install 'tunesmith[train]'")

import training_world as world
from safetensors.numpy import load


def vector(checkpoint: Any) -> np.ndarray:
    tensors = load(world.weights(checkpoint.path))
    return np.concatenate([tensors[name].ravel() for name in sorted(tensors)]).astype(np.float64)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains with the given keys; the same rows and seed each time."""
    home = tmp_path_factory.mktemp("keys")
    rows = world.table(home, world.rows())
    plain: list[Any] = []

    def train(**keys: Any) -> Any:
        if not keys and plain:
            return plain[0]
        made = world.quick(**keys).train(rows, world.context(home / f"{len(list(home.iterdir()))}"))
        if not keys:
            plain.append(made)
        return made

    return train


@pytest.mark.parametrize(
    "keys",
    [
        {"scheduler": "constant"}, {"scheduler": "linear"}, {"warmup_steps": 2}, {"betas": [0.5, 0.9]},
        {"eps": 1e-3}, {"weight_decay": 0.5}, {"max_grad_norm": 0.01}, {"label_smoothing": 0.3},
        {"precision": "bfloat16"}, {"optimizer": "muon", "adamw_lr": 1e-4}, {"max_steps": 2},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_decides_the_weights_changes_them(trained: Any, keys: dict[str, Any]) -> None:
    assert not np.allclose(vector(trained()), vector(trained(**keys)), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "keys", [{"micro_batch_tokens": 64}, {"save_steps": 1}, {"precision": "float32"}], ids=str
)
def test_a_key_of_memory_or_saving_changes_no_result(trained: Any, keys: dict[str, Any]) -> None:
    assert np.allclose(vector(trained()), vector(trained(**keys)), rtol=0, atol=2e-4)


def test_weight_decay_shrinks_the_weights(trained: Any) -> None:
    assert np.linalg.norm(vector(trained(weight_decay=5.0))) < np.linalg.norm(vector(trained()))


def test_smoothing_spreads_the_target_over_the_vocabulary(trained: Any) -> None:
    """The loss cannot fall to nothing when a share of the target lies elsewhere."""
    assert trained(label_smoothing=0.5).losses[-1][1] > trained().losses[-1][1]


def test_the_embedding_of_a_new_token_begins_as_the_mean_of_the_old_ones(trained: Any) -> None:
    """With a learning rate of almost nothing the trained weights are those the training began with."""
    tensors = load(world.weights(trained(template="chatml", lr=1e-12).path))
    for name, rows in tensors.items():
        if rows.shape[0] == 302:  # two role tokens beside the 300 that the tokenizer knew
            assert np.allclose(rows[300:], rows[:300].mean(axis=0), atol=1e-6), name
    assert any(rows.shape[0] == 302 for rows in tensors.values())
