"""``sources.jsonl``: seed instructions from a JSON or JSON Lines file, gzipped or not.

The seeds of WizardCoder (2306.08568, Section 3: Code Alpaca) and of the sets that AlchemistCoder
(2405.19265) mixes come in this form. Any size is read in constant memory.
"""

from __future__ import annotations

from ..step import Context, Step, Yield
from ._files import find_file, fingerprint, open_bytes
from ._json_stream import records
from ._records import Records


class Jsonl(Records, Step):
    """Rows from a JSON list or JSON Lines file in Alpaca shape: `instruction`, optional `input`, `output`."""

    path: str
    """The file; relative paths start at the recipe's folder."""

    def outside(self, ctx: Context) -> str:
        return fingerprint(find_file(self.path, ctx))

    def source(self, ctx: Context) -> Yield:
        path = find_file(self.path, ctx)
        with open_bytes(path) as stream:
            yield from self.rows(records(stream, path), path, ctx)
