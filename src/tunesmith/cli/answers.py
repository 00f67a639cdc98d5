"""The answer store from outside: what it holds, and answers as JSON lines in and out of it.

An exported file is a recording: ``use: replay`` answers from it without key or network, and another
machine's store takes it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError, nearest
from ..llm.store import AnswerStore, default_store


@dataclass(frozen=True, slots=True)
class Holding:
    """A store: where it lies, how many answers it holds by who gave them, what was just moved."""

    path: Path
    answers: Mapping[str, int]
    exported: int = 0
    imported: int = 0


def holding(
    export: Path | None = None, taken: Path | None = None, model: str | None = None, path: Path | None = None
) -> Holding:
    """What the store at ``path`` (default: the user's) holds, after ``taken`` was imported.

    export: a file to write, of ``model``'s answers or of all.

    Raises:
        DataError: a file cannot be read or written, or holds something else.
        UserError: no answer of ``model`` is there.
    """
    place = path or default_store()
    with closing(AnswerStore(place)) as store:
        imported = store.import_jsonl(taken) if taken else 0
        answers = store.counts()
        if model is not None and model not in answers:
            raise UserError(str(place), f"holds no answer of {model!r}", nearest(model, answers))
        exported = store.export_jsonl(export, model=model) if export else 0
    return Holding(place, answers, exported, imported)
