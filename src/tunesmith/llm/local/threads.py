"""The processor under local generation: how many threads to use, and transformers kept quiet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...machine import available_cores


def threads_for(model: Any) -> int:
    """CPU threads worth using for ``model``: one where its matrices are too small to share out.

    Below about 20 million parameters a second thread gains little on an idle machine, and on a busy one
    (measured: 0.9 million parameters, two cores, two other processes) everything takes 28 times as long.
    """
    size = sum(parameter.numel() for parameter in model.parameters())
    return 1 if size < 20_000_000 else available_cores()


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """So many threads for PyTorch's operations on the CPU; as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers without its progress bars and advice; as before afterwards."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
