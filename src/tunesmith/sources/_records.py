"""From a record of a data file to a row: which column is what, and what the whole file is.

The shape is Alpaca's unless ``columns`` or ``chat`` say otherwise: ``instruction``, optional ``input``
(folded into the instruction, as WizardCoder does with Code Alpaca; 2306.08568, Section 3), ``output``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from ..errors import DataError, nearest
from ..sample import Drop, Sample
from ..step import Context
from ._chat import Exchange, exchanges

Role = Literal[
    "instruction", "input", "answer", "system", "task", "language", "code", "tests", "source", "license", "id"
]
ALPACA: Mapping[Role, str] = {"instruction": "instruction", "input": "input", "answer": "output"}
NO_INPUT = frozenset(
    {"noinput", "nan", "na", "n.a", "none", "null", "notapplicable", "noinputrequired", "noinputneeded"}
)
"""What Alpaca-shaped sets write in ``input`` where there is none; lower case, without blanks and slashes."""
_JOINTS = re.compile(r"[\s_/-]+")
_NEEDED = frozenset({"instruction", "answer", "code"})
"""Texts that a record may not give as null; null elsewhere means "not given"."""
_USUAL = {
    "instruction": ("prompt", "question", "query", "problem"),
    "answer": ("response", "answer", "completion", "solution", "text"),
}
_CHATS = ("messages", "conversations", "conversation", "chat_rounds")

Found = Iterator[tuple[str, Mapping[str, Any]]]
"""Where a record stands (its file, and the line or row in it), and the record."""


class Records(BaseModel):
    """The recipe keys of every source that reads records from a data file."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    renamed: ClassVar[Mapping[str, str]] = {"label": "source"}

    columns: dict[Role, str] = {}
    """Which column holds what, where it is not Alpaca's: `{answer: response}`; an empty name means none.
    `id` is the row's name in the file, kept in `meta`; `source` and `license` may be given per row."""
    chat: str = ""
    """The column that holds a conversation (`messages`, `conversations`, `chat_rounds`) in place of
    instruction and answer. Its first exchange is the row; later ones are dropped and counted."""
    keep: tuple[str, ...] = ()
    """Further columns to keep, in `meta`."""
    license: str = "unknown"
    """Licence of the data, as an SPDX name; `unknown` is said aloud in every card."""
    source_name: str = Field(default="", alias="source")
    """What rows call their source; the file's name by default."""
    language: str = ""
    """Programming language of every row, lower case, where the file holds one only."""
    task: str = ""
    """Kind of task of every row, e.g. `generation`."""
    limit: int | None = Field(default=None, gt=0)
    """Read only this many records, the first ones."""

    def rows(self, found: Found, path: Path, ctx: Context) -> Iterator[Sample | Drop]:
        """Rows from the records of a file or folder. One whose text is null or no text becomes a ``Drop``.

        Raises: DataError where a column is missing, naming the place, the column and the nearest one.
        """
        columns = self._columns()
        for row, (place, record) in enumerate(islice(found, self.limit), start=1):
            values = self._values(columns, record, place, ctx)
            kept = self._values({name: name for name in self.keep}, record, place, ctx)
            meta = {"row": row, **kept} | ({"id": values.pop("id")} if "id" in values else {})
            for turn, exchange in enumerate(self._exchanges(values)):
                later = {"turn": turn} if turn else {}
                yield self._row(exchange, {**meta, **later}, path.name, ctx)

    def _columns(self) -> dict[str, str]:
        usual = {} if self.chat else ALPACA
        named = {str(role): name for role, name in {**usual, **self.columns}.items() if name}
        return named | ({"chat": self.chat} if self.chat else {})

    def _values(
        self, columns: Mapping[str, str], record: Mapping[str, Any], where: str, ctx: Context
    ) -> dict[str, Any]:
        """What the record says of each role; ``columns`` is role -> column."""
        values = {}
        for role, name in columns.items():
            if name in record:
                values[role] = record[name]
            elif role != "input" or "input" in self.columns:
                raise self._missing(role, name, record, where, ctx)
        return values

    def _exchanges(self, values: dict[str, Any]) -> Iterator[Exchange]:
        if not self.chat:
            yield Exchange(values)
            return
        for said, fault in exchanges(values.pop("chat")):
            yield Exchange({**values, **said}, fault)

    def _row(self, exchange: Exchange, meta: dict[str, Any], name: str, ctx: Context) -> Sample | Drop:
        faults = [exchange.fault] if exchange.fault else []
        if not _is_json(meta):
            meta = {"row": meta["row"]}
            faults.append("a kept column is not JSON")
        content: dict[str, Any] = {"source": self.source_name or name, "license": self.license}
        content |= {"language": self.language, "task": self.task}
        for role, value in exchange.values.items():
            if _is_text(value):
                content[role] = value
            elif value is not None or role in _NEEDED:
                faults.append(f"{role} is {_kind(value)}")
        given = content.pop("input", "").strip()
        if given and _JOINTS.sub("", given.lower()).strip("<>()[].") not in NO_INPUT:
            content["instruction"] = f"{content.get('instruction', '')}\n\n{given}".lstrip()
        sample = Sample.born(ctx.step, **content, meta=meta)
        return Drop(sample, faults[0]) if faults else sample

    def _missing(
        self, role: str, name: str, record: Mapping[str, Any], where: str, ctx: Context
    ) -> DataError:
        usual = next((other for other in _USUAL.get(role, ()) if other in record), None)
        chat = next((other for other in _CHATS if other in record), None)
        hint, key = nearest(name, record), "columns"
        if usual:
            hint = f"say columns: {{{role}: {usual}}}"
        elif chat and not self.chat:
            hint, key = f"say chat: {chat}", "chat"
        elif role in ("chat", *self.keep):
            key = "chat" if role == "chat" else "keep"
        wanted = "" if role in ("chat", name) else f" for the {role}"
        return DataError(where, f"there is no column {name!r}{wanted}", f"steps.{ctx.step}.{key}: {hint}")


def _is_json(meta: Mapping[str, Any]) -> bool:
    try:
        orjson.dumps(meta)
    except TypeError:
        return False
    return True


def _is_text(value: Any) -> bool:
    """Whether a value is text that UTF-8 can hold (JSON's escapes allow half characters)."""
    if not isinstance(value, str):
        return False
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "not valid Unicode"
    kinds = {type(None): "null", list: "a list, not text", dict: "an object, not text"}
    return kinds.get(type(value), "not text")
