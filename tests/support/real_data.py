"""Real benchmark problems, generations and instructions, which are not part of the repository.

Their folder is ``TUNESMITH_SHARED``, by default ``../shared/data`` next to the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SKIPPED = "needs real data"
"""Every skip for lack of it says so; the summary counts these words."""


def real_data(name: str = "") -> Path:
    """The folder of real data, or one file or folder in it; skips the test where it is absent."""
    chosen = os.environ.get("TUNESMITH_SHARED")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[3] / "shared" / "data"
    path = folder / name
    if not path.exists():
        pytest.skip(f"{SKIPPED}: {path} does not exist; set TUNESMITH_SHARED to its folder")
    return path
