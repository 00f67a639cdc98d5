"""Opens sandbox and embedders at first use, once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sandbox import open_sandbox
from ..sandbox.pool import Pool

if TYPE_CHECKING:
    from ..step import Embedder


class LocalResources:
    """One sandbox, and one embedder of each name; ``close`` ends what they started."""

    def __init__(self, workers: int, isolation: str | None = None) -> None:
        self.workers, self.isolation = workers, isolation
        self._sandbox: Pool | None = None
        self._embedders: dict[str, Embedder] = {}

    def sandbox(self) -> Pool:
        """The sandbox, with ``workers`` programs at a time."""
        if self._sandbox is None:
            self._sandbox = open_sandbox(self.workers, self.isolation)
        return self._sandbox

    def embedder(self, name: str) -> Embedder:
        """The embedder called ``name``."""
        from ..embed import open_embedder  # imported late: few commands embed anything

        if name not in self._embedders:
            self._embedders[name] = open_embedder(name)
        return self._embedders[name]

    def close(self) -> None:
        """End the sandbox's processes."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
