"""Files next to the results of an experiment: the experiment as run, its page, an index of all pages."""

from __future__ import annotations

import html
from pathlib import Path

from ..errors import FolderError
from ..files import whole_file
from ..recipe.yaml import as_yaml
from .arm_results import stored_results
from .experiment import Loaded, load_experiment
from .table import ExperimentTable, page, summarise


def write_pages(loaded: Loaded, out: Path, summary: ExperimentTable) -> Path:
    """Write ``experiment.yaml`` and ``index.html`` in ``out``, and the index above it; returns the page."""
    with whole_file(out / "experiment.yaml") as sink:
        sink.write(as_yaml(loaded.experiment.model_dump(mode="json", exclude_defaults=True)).encode())
    with whole_file(out / "index.html") as sink:
        sink.write(page(loaded.experiment, summary).encode())
    links = "\n".join(
        f'<li><a href="{html.escape(path.parent.name)}/index.html">{html.escape(path.parent.name)}</a></li>'
        for path in sorted(out.parent.glob("*/experiment.yaml"))
    )
    with whole_file(out.parent / "index.html") as sink:
        sink.write(
            f'<!doctype html><meta charset="utf-8"><title>Experiments</title><ul>{links}</ul>\n'.encode()
        )
    return out / "index.html"


def stored_summary(out: Path) -> ExperimentTable:
    """The table of the experiment in ``out``, from what is on the disk.

    Raises:
        FolderError: no experiment was run there.
    """
    if not (out / "experiment.yaml").is_file():
        raise FolderError(str(out), "holds no experiment", "`tunesmith lab run NAME` makes such a folder")
    experiment = load_experiment(out / "experiment.yaml").experiment
    return summarise(experiment, stored_results(out))
