"""Messages between the tests and the program under test: plain data, and handles for the rest.

Plain data is copied (``values``). Anything else stays where it is and is sent as a handle. A stream from
the program is hostile: the reader here builds nothing but the types named in ``values``, by strict
builders, and never looks up a name that the stream gives.

The format is pickle, for the speed of its C code and because it keeps what is one object one object. Of a
pickle's own means, a reader accepts the opcodes that make built-in values, one global name (``build``),
and a persistent id that is a set with its order (``sets``).
"""

from __future__ import annotations

import io
import marshal
import operator
import pickle
import struct
from collections.abc import Callable
from typing import Any

from . import sets
from .values import BUILDERS, INERT, SCALARS, Builders, parts_of

__all__ = [
    "BUILDERS", "HEAD", "LARGEST", "SCALARS", "Builders", "Message", "Reader", "Writer", "build", "decode",
    "decode_trusted", "digest", "encode", "encode_literals", "image",
]  # fmt: skip

LARGEST = 1 << 28
"""Bytes of the longest message that is read; a longer one ends the conversation."""

HEAD = struct.Struct("<Q")
_BEHIND_HEAD, _NO_HEAD = HEAD.size, bytes(HEAD.size)
_PICKLED = pickle.PROTO[0]
_SET, _FROZEN_SET = pickle.EMPTY_SET + pickle.MEMOIZE, pickle.FROZENSET + pickle.MEMOIZE

Message = bytes | bytearray
"""A message without its head."""
Reduced = tuple[Callable[..., Any], tuple[Any, ...]]
Export = Callable[[Any], Reduced]


def build(kind: str, *parts: Any) -> Any:
    """Stands for "the value of this kind made of these parts" in a stream; readers put in their own."""
    raise TypeError(f"{kind} {parts} is only a mark")


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, export: Export) -> None:
        super().__init__(buffer, protocol=5)
        self._export = export

    def reducer_override(self, value: Any) -> Any:
        if value is build:
            return NotImplemented
        parts = parts_of(value)
        return self._export(value) if parts is None else (build, parts)


class _OrderedPickler(_Pickler):
    """Writes sets with their order. Slower, since it is asked about every object, so only where there is one.

    A persistent id is not in the memo of pickle; so that one set stays one, each has a number of its own.
    """

    def __init__(self, buffer: io.BytesIO, export: Export) -> None:
        super().__init__(buffer, export)
        self._seen: dict[int, tuple[int, Any]] = {}  # with the set, so that its id stays its own

    def persistent_id(self, value: Any) -> Any:
        if type(value) not in (set, frozenset) or len(value) < 2:
            return None
        if id(value) in self._seen:
            return self._seen[id(value)][:1]
        number = len(self._seen)
        self._seen[id(value)] = number, value
        return number, type(value) is frozenset, tuple(value), sets.slots(value)


class _Mark(tuple[Any, ...]):
    """A builder's name and parts, for something that is built when the stream has come to its end."""

    __slots__ = ()


class _Unpickler(pickle.Unpickler):
    """Knows one name, ``build``, whatever the stream calls it.

    A stream may call, and write to, whatever it has made. So it is given nothing that could be called or
    that anything else refers to: functions, classes and handles, and all that may hold one of them, are
    built after its end.
    """

    _sets: dict[int, Any] | None = None

    def __init__(self, buffer: io.BytesIO, builders: Builders) -> None:
        super().__init__(buffer)
        self._builders = builders
        self._marked = self._read = False
        self._finals: dict[int, tuple[Any, Any]] = {}  # the first kept, so that its id stays its own

    def find_class(self, module: str, name: str) -> Any:
        if name != "build":
            raise pickle.UnpicklingError(f"{module}.{name} does not cross")

        def built(kind: str, *parts: Any) -> Any:  # a new one: a stream may scribble on it
            return self._build(kind, *parts)

        return built

    def persistent_load(self, pid: Any) -> Any:
        number, *rest = pid
        if self._sets is None:
            self._sets = {}
        if not rest:
            return self._sets[number]
        frozen, items, size = rest
        if [type(part) for part in pid] != [int, bool, tuple, int]:
            raise pickle.UnpicklingError("not a set")
        self._sets[number] = sets.rebuilt(list(items), size, frozenset if frozen else set)
        return self._sets[number]

    def _build(self, kind: str, *parts: Any) -> Any:
        if self._read:
            raise pickle.UnpicklingError("the stream has been read")
        if self._marked or kind not in INERT:
            self._marked = True
            return _Mark((kind, parts))
        return self._builders[kind](*parts)

    def value(self) -> Any:
        """What the stream says. Raises whatever a malformed one makes it raise."""
        value = self.load()
        self._read = True
        return self._finished(value) if self._marked else value

    def _finished(self, value: Any) -> Any:
        """``value`` with everything built in place of its mark."""
        if id(value) in self._finals:
            return self._finals[id(value)][1]
        kind, final = type(value), value
        if kind is _Mark:
            name, parts = value
            final = self._builders[name](*map(self._finished, parts))
        elif kind is tuple or kind is frozenset:
            parts = list(map(self._finished, value))
            # Only where a part is another one now: a set built anew might have another order.
            final = kind(parts) if any(map(operator.is_not, parts, value)) else value
        elif kind is list or kind is set or kind is dict:
            self._finals[id(value)] = value, value  # before its items: it may hold itself
            items = list(value.items() if kind is dict else value)
            parts = list(map(self._finished, items))
            if any(map(operator.is_not, parts, items)):
                value.clear()
                (value.extend if kind is list else value.update)(parts)
        self._finals[id(value)] = value, final
        return final


class Writer:
    """Makes messages of one value or more, each of which stands alone."""

    def __init__(self, export: Export) -> None:
        self._buffer = io.BytesIO(_NO_HEAD)
        self._buffer.seek(_BEHIND_HEAD)
        self._pickler, self._export = _Pickler(self._buffer, export), export

    def add(self, value: Any, *, with_sets: bool = True) -> int:
        """Put ``value`` last, and give the size so far. Raises, and adds nothing, where it cannot be sent.

        with_sets: whether there may be sets in it; to look for them costs more than to write a number.
        """
        place = self._buffer.tell()
        try:
            self._pickler.dump(value)
            if with_sets and self._holds_set(place):
                self._restart(place)
                _OrderedPickler(self._buffer, self._export).dump(value)
        except BaseException:
            self._restart(place)
            raise
        finally:
            self._pickler.clear_memo()  # a list that is changed between two answers is written twice
        return self._buffer.tell() - _BEHIND_HEAD

    def _holds_set(self, place: int) -> bool:
        """Whether there may be a set in what was written from ``place`` on, by the opcodes that end one."""
        with self._buffer.getbuffer() as written:
            new = bytes(written[place:])
        return _SET in new or _FROZEN_SET in new

    def _restart(self, place: int) -> None:
        self._buffer.seek(place)
        self._buffer.truncate()

    def message(self) -> memoryview:
        """The message with its head; it must be released before the writer is used again."""
        message = self._buffer.getbuffer()
        HEAD.pack_into(message, 0, len(message) - _BEHIND_HEAD)
        return message

    def clear(self) -> None:
        """Begin a new message."""
        self._restart(_BEHIND_HEAD)


class Reader:
    """Takes the values of one message, without its head, one after another."""

    def __init__(self, message: Message, builders: Builders) -> None:
        self._buffer, self._size, self._builders = io.BytesIO(message), len(message), builders

    def more(self) -> bool:
        return self._buffer.tell() < self._size

    def take(self) -> Any:
        """The next value. Raises whatever a malformed stream makes it raise."""
        return _Unpickler(self._buffer, self._builders).value()


def encode(value: Any, export: Export) -> memoryview:
    """``value`` as a message with its head. ``export`` makes parts of what is not plain data, or raises."""
    writer = Writer(export)
    writer.add(value)
    return writer.message()


def encode_literals(value: Any) -> memoryview:
    """The same for what literals are made of, for ``decode_trusted``; quicker to make and to read."""
    body = marshal.dumps(value)
    return memoryview(HEAD.pack(len(body)) + body)


def decode_trusted(message: Message, builders: Builders) -> Any:
    """The value of a message of either kind from an end that means no harm, as the program sees the tests."""
    return decode(message, builders) if message[0] == _PICKLED else marshal.loads(message)


def decode(message: Message, builders: Builders) -> Any:
    """The value of a message without its head. Raises whatever a malformed stream makes it raise."""
    return Reader(message, builders).take()


def image(value: Any) -> bytes | None:
    """Bytes that equal values of equal types share; None where the value is not of built-in types.

    Whatever shares its memory, as an array does, has the image of the bytes there.
    """
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return None


def digest(value: Any) -> int | None:
    """A word for the image of a value; None where it has none.

    The interpreter's own hash of bytes, the same in every worker (PYTHONHASHSEED is fixed): three times as
    fast as the fastest in ``hashlib``. A program cannot aim at a digest, since it does not know any.
    """
    data = image(value)
    return None if data is None else hash(data)
