"""Where what is shared by runs is kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """``tunesmith`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tunesmith"


def cache_folder() -> Path:
    """``$TUNESMITH_CACHE``, or else ``user_cache``."""
    chosen = os.environ.get("TUNESMITH_CACHE")
    return Path(chosen) if chosen else user_cache()
