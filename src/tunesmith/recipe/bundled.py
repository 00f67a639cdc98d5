"""The recipes that come with tunesmith: their files, and what each says of itself. Loads no step."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from .yaml import read_document


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of a recipe. paper: its arXiv number, or empty."""

    name: str
    paper: str
    about: str


def bundled() -> dict[str, Path]:
    """The recipes that come with tunesmith, by name."""
    folder = Path(str(files("tunesmith") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def summaries() -> list[Summary]:
    """What each bundled recipe says of itself, by name."""
    heads = (read_document(path.read_text(encoding="utf-8"), path.name).data for path in bundled().values())
    return [Summary(*(str(head.get(key) or "") for key in ("name", "paper", "about"))) for head in heads]
