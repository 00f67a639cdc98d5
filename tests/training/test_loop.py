"""The training loop serves any objective: a step written outside the package drives it."""

from __future__ import annotations

import grimp
import pytest
import training_world as world
from language_training import Language
from pydantic import ValidationError

from tunesmith.models.hf import Hf

QUICK = {"lr": 1e-2, "batch_size": 4, "epochs": 2, "threads": 1}


def test_a_second_training_step_drives_the_loop(tmp_path):
    rows = world.table(tmp_path, world.rows())
    done = Language(**QUICK).train(rows, world.context(tmp_path / "a"))
    assert [step for step, _ in done.losses] == [1, 2, 3, 4, 5, 6]
    assert done.losses[-1][1] < done.losses[0][1]
    assert (done.facts["texts"], done.facts["steps"], done.facts["epochs"]) == (12, 6, 2.0)
    assert Hf(model=str(done.path)).load()[0].num_parameters() == done.facts["parameters"]
    again = Language(**QUICK).train(rows, world.context(tmp_path / "b"))
    assert world.weights(again.path) == world.weights(done.path)


def test_a_second_training_step_has_the_shared_keys_and_its_own():
    assert Language(upper=True, warmup_steps=3).warmup_steps == 3
    with pytest.raises(ValidationError, match="not both"):
        Language(batch_size=1, batch_tokens=1)
    with pytest.raises(ValidationError, match="packing"):
        Language(packing=True)


def test_the_loop_imports_no_training_step_not_even_for_annotations():
    """The loop and every step read the shared settings; a circle would tie the loop to one step."""
    graph = grimp.build_graph("tunesmith", cache_dir=None)
    loop = graph.find_descendants("tunesmith.training.loop")
    imported = {other for module in loop for other in graph.find_modules_directly_imported_by(module)}
    assert {name for name in imported if name.startswith("tunesmith.training.")} <= {
        "tunesmith.training._settings",
        *loop,
    }
    assert "tunesmith.training.loop.training_run" in graph.find_modules_directly_imported_by(
        "tunesmith.training.sft"
    )
