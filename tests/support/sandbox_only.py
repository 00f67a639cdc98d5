"""Lends one sandbox to steps under test, and nothing else."""

from __future__ import annotations

from tunesmith.sandbox import Pool
from tunesmith.step import Embedder


class SandboxOnly:
    """Lends ``pool``; asking it for an embedder is a fault of the step."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def sandbox(self) -> Pool:
        return self.pool

    def embedder(self, name: str) -> Embedder:
        raise AssertionError(f"nobody asked for {name}")
