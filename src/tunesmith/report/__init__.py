"""What a person sees after a run: one HTML file to read or to send, and the cards of what was made.

Everything is read from the records in the run folder (step.json, rows, attempts), never from memory, so a
report can be written again at any time, also for a stopped run.
"""

from __future__ import annotations

from pathlib import Path

from ..files import whole_file
from ..runs.run_folder import RunFolder
from .dataset_card import dataset_card
from .model_card import model_card
from .page import page
from .story import read_story


def write_report(run: RunFolder) -> Path:
    """Write ``report.html``, ``DATASET_CARD.md`` and, where a model was trained, ``MODEL_CARD.md``.

    Returns the path of the HTML file, which contains all it shows and loads nothing.

    Raises:
        DataError: a file cannot be written.
    """
    story = read_story(run)
    texts = {
        "DATASET_CARD.md": dataset_card(story),
        "MODEL_CARD.md": model_card(story),
        "report.html": page(story),
    }
    for name, text in texts.items():
        if text is None:
            (run.path / name).unlink(missing_ok=True)  # left by an earlier run with other steps
            continue
        with whole_file(run.path / name) as sink:
            sink.write(text.encode("utf-8", errors="replace"))
    return run.path / "report.html"
