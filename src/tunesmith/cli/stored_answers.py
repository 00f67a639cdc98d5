"""``tunesmith answers``: what the answer store holds; answers exported and imported as JSON lines.

``use: replay`` answers from an exported file without key or network, and another machine's store imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError, nearest
from ..llm.store import AnswerStore, default_store


@dataclass(frozen=True, slots=True)
class StoreContents:
    """A store. path: its file.  answers: model -> how many it gave.  exported, imported: by this command."""

    path: Path
    answers: Mapping[str, int]
    exported: int = 0
    imported: int = 0


def move_answers(
    export: Path | None = None, source: Path | None = None, model: str | None = None, path: Path | None = None
) -> StoreContents:
    """Import ``source``, then export to the file ``export`` what ``model`` answered, or all; count the rest.

    path: of the store, by default the user's.

    Raises:
        DataError: a file cannot be read or written, or is not a list of answers.
        UserError: the store has no answer of ``model``.
    """
    store_path = path or default_store()
    with closing(AnswerStore(store_path)) as store:
        imported = store.import_jsonl(source) if source else 0
        answers = store.counts()
        if model is not None and model not in answers:
            raise UserError(str(store_path), f"has no answer of {model!r}", nearest(model, answers))
        exported = store.export_jsonl(export, model=model) if export else 0
    return StoreContents(store_path, answers, exported, imported)
