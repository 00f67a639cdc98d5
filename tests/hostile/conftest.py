"""What the attacks aim at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .observers import Targets


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    chosen = Targets(tmp_path_factory.mktemp("targets"))
    yield chosen
    chosen.close()
