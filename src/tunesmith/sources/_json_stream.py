"""JSON records from a stream of bytes, one in memory at a time: JSON Lines, or one JSON list.

A list is decoded element by element, so a file of any size costs the memory of one element and one
chunk. Every record comes with the line where it begins; every mistake names its line.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ..errors import DataError

CHUNK = 1 << 16
"""Bytes read at once from a JSON list."""
_CUT_OFF = 16
"""An error this many characters before the end of what was read may only mean that more must be read."""
_SPACE = " \t\r\n"
_ONE_PER_LINE = "give one JSON object per line, or one JSON list of objects"
_NOT_SPREAD = f"{_ONE_PER_LINE}; an object with the rows under a key, or spread over lines, is neither"
DECODER = json.JSONDecoder(parse_constant=lambda name: None)
"""Python's decoder, with NaN and Infinity, which JSON does not have, read as null."""

Record = tuple[str, dict[str, Any]]
"""Where a record begins (``file:line``, 1 is the first), and the record."""


def records(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """The records of a JSON or JSON Lines file; which of the two, its first character says.

    Raises: DataError at the line that is no JSON, no object, or no UTF-8.
    """
    head = stream.readline()
    skipped = 0
    while head and not head.removeprefix(codecs.BOM_UTF8).strip():
        skipped, head = skipped + 1, stream.readline()
    head = head.removeprefix(codecs.BOM_UTF8)
    if head.lstrip().startswith(b"["):
        yield from _Elements(stream, path, head, skipped)
    elif head:
        yield from _lines(stream, path, head, skipped)


def _lines(stream: BinaryIO, path: Path, head: bytes, skipped: int) -> Iterator[Record]:
    number, line = skipped + 1, head
    while line:
        if line.strip():
            place = f"{path}:{number}"
            yield place, _object(_value(line, place, number == skipped + 1), place)
        number, line = number + 1, stream.readline()


def _value(line: bytes, place: str, first: bool) -> Any:
    """The value of one line; also NaN and half surrogates, which Python's json writes and orjson refuses."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        with suppress(ValueError, RecursionError):
            return DECODER.decode(line.decode().strip())
        text = line.decode(errors="replace").strip()
        if first and text.startswith("{") and error.pos >= len(line.strip()) - 1:
            problem = "is not JSON Lines: the first line begins an object that does not end on it"
            raise DataError(place, problem, _NOT_SPREAD) from error
        problem = f"is not JSON: {error.msg} (character {error.pos + 1}) in {_short(text)}"
        raise DataError(place, problem, _ONE_PER_LINE) from error


class _Elements:
    """The elements of one JSON list."""

    def __init__(self, stream: BinaryIO, path: Path, head: bytes, skipped: int) -> None:
        self.stream, self.path = stream, path
        self.utf8 = codecs.getincrementaldecoder("utf-8")()
        self.decode = DECODER.raw_decode
        self.text, self.at, self.ended = "", 0, False
        self.line, self.counted = skipped + 1, 0
        self._take(head)

    def __iter__(self) -> Iterator[Record]:
        self._expect("[")
        if self._next() != "]":
            while True:
                value = self._value()
                place = f"{self.path}:{self.began}"
                yield place, _object(value, place)
                if self._next() == "]":
                    break
                self._expect(",")
        self._expect("]")
        if self._next():
            raise self._mistake("there is more after the list's closing ]", self.at)

    def _value(self) -> Any:
        """The value that begins at the next character; reads on until it is whole."""
        self._next()
        self.began = self._line_at(self.at)
        while True:
            try:
                value, end = self.decode(self.text, self.at)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - _CUT_OFF
                if not (unfinished and self._more(len(self.text))):
                    raise self._mistake(f"is not JSON: {error.msg}", error.pos) from error
            except (ValueError, RecursionError) as error:
                raise self._mistake(f"is not JSON that can be read: {error}", self.at) from error
            else:
                if end < len(self.text) or not self._more():  # a number may go on in the next chunk
                    self.at = end
                    return value

    def _next(self) -> str:
        """The next character that is no white space, not consumed; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def _expect(self, wanted: str) -> None:
        came = self._next()
        if came != wanted:
            problem = f"expected {wanted!r}, found {came!r}" if came else f"ends before {wanted!r}: cut off?"
            raise self._mistake(problem, self.at)
        self.at += 1

    def _more(self, least: int = 0) -> bool:
        """Read on, at least ``least`` bytes (so that long elements cost linear time); False at the end."""
        if self.ended:
            return False
        self._forget()
        chunk = self.stream.read(max(CHUNK, least))
        self.ended = not chunk
        self._take(chunk, final=self.ended)
        return not self.ended

    def _take(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self.text += self.utf8.decode(chunk, final)
        except UnicodeDecodeError as error:
            seen = self.text + chunk[: error.start].decode(errors="replace")
            raise DataError(
                f"{self.path}:{self.line + seen.count(chr(10))}", "is not UTF-8", "save the file as UTF-8"
            ) from error

    def _forget(self) -> None:
        """Let go of what is consumed."""
        self._line_at(self.at)
        self.text, self.at, self.counted = self.text[self.at :], 0, 0

    def _line_at(self, position: int) -> int:
        """The line of a position; what lies before it is not counted again."""
        if position > self.counted:
            self.line += self.text.count("\n", self.counted, position)
            self.counted = position
        return self.line

    def _mistake(self, problem: str, position: int) -> DataError:
        line = self._line_at(position)
        shown = _short(self.text[max(position - 30, 0) : position + 50].strip())
        return DataError(f"{self.path}:{line}", f"{problem} near {shown}", _ONE_PER_LINE)


def _object(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problem = f"is {_KINDS.get(type(value), 'a number')}, not an object: {_short(str(value))}"
    raise DataError(where, problem, _ONE_PER_LINE)


_KINDS = {str: "a text", list: "a list", bool: "true or false", type(None): "null"}


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
