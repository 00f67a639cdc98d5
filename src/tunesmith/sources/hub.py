"""``sources.hub``: rows from a data set of the Hugging Face hub, or from one on disk in any form it reads.

Evol-Instruct-Code, CodeExercise and evol-codealpaca, which WizardCoder's successors and AlchemistCoder
(2405.19265) train on, are kept there. Needs the ``hub`` extra.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from ..errors import DataError, SetupError, UserError, nearest
from ..step import Context, Step, Yield
from ._files import data_files, fingerprint
from ._records import Found, Records


class Hub(Records, Step):
    """Rows of one split of a data set, in Alpaca shape or as `columns` or `chat` say."""

    offline: ClassVar[str | None] = "fetches the data set from the Hugging Face hub"

    dataset: str
    """Name on the hub, e.g. `theblackcat102/evol-codealpaca-v1`, or a folder that holds a data set."""
    split: str = "train"
    """The split to read."""
    config: str = ""
    """The data set's configuration, where it has several."""
    revision: str = ""
    """Commit or tag; pin it, or the rows change when the data set does."""
    files: tuple[str, ...] = ()
    """Only these files of the data set, e.g. `[data/train-00000.parquet]`."""

    def outside(self, ctx: Context) -> str:
        folder = ctx.path(self.dataset)
        return " ".join(map(fingerprint, data_files(self.dataset, ("",), ctx))) if folder.is_dir() else ""

    def source(self, ctx: Context) -> Yield:
        found = self._load(ctx)
        license = getattr(found.info, "license", "") or self.license
        reading = self.model_copy(update={"license": license}) if self.license == "unknown" else self
        yield from reading.rows(_records(found, self.dataset), Path(self.dataset), ctx)

    def _load(self, ctx: Context) -> Any:
        """The split as the library reads it, streamed where only the first rows are wanted.

        Raises:
            SetupError: the library is missing, or the data set cannot be had.
            DataError: it has no such split or configuration.
        """
        where = f"steps.{ctx.step}.dataset"
        try:
            from datasets import disable_progress_bars, load_dataset
        except ModuleNotFoundError as error:
            problem = "the data sets library is not installed"
            raise SetupError(where, problem, "pip install 'tunesmith[hub]'") from error
        disable_progress_bars()  # the run shows its own
        folder = ctx.path(self.dataset)
        if self.dataset.startswith((".", "/", "~")) and not folder.is_dir():
            raise DataError(
                where, f"there is no folder {folder}", "or name a data set of the hub, OWNER/NAME"
            )
        try:
            return load_dataset(
                str(folder) if folder.is_dir() else self.dataset,
                self.config or None,
                data_files=list(self.files) or None,
                split=self.split,
                revision=self.revision or None,
                streaming=self.limit is not None,
            )
        except (ValueError, OSError) as error:
            raise self._refused(error, ctx) from error

    def _refused(self, error: Exception, ctx: Context) -> UserError:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        if first.startswith(("Unknown split", "Bad split")):
            known = set(re.findall(r"'([^']+)'", first)) - {self.split}
            return DataError(f"steps.{ctx.step}.split", first, nearest(self.split, known))
        fix = "check name, config and network (HF_TOKEN for gated data), or name a folder"
        return SetupError(f"steps.{ctx.step}.dataset", f"{self.dataset!r} cannot be read: {first}", fix)


def _records(found: Any, name: str) -> Found:
    for number, record in enumerate(found, start=1):
        yield f"{name}:row {number}", record
