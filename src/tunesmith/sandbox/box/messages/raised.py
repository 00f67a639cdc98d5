"""What the program raised, as exceptions of the judge: made from names, never from the program's classes."""

from __future__ import annotations

import builtins
from typing import Any

from .channel import Gone


def _builtin(name: str) -> type[BaseException] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


_MOST_NAMES, _LONGEST_NAME, _LONGEST_TRACE = 64, 200, 8000
"""Of one exception: a program can name hundreds of thousands, and each costs the judge a class."""


def _derived(name: str, bases: list[type[BaseException]]) -> type[BaseException]:
    """A class of these bases, without those that others of them derive from."""
    least = [b for b in bases if not any(o is not b and issubclass(o, b) for o in bases)]
    try:
        return type(name, tuple(least), {})
    except TypeError:  # classes whose objects are laid out differently
        return type(name, (least[0],), {})


class ProgramExit(SystemExit):
    """The program asked to exit while it was tested."""


class Exceptions:
    """The classes, here, of the exceptions that the program defines."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], type[BaseException]] = {}

    def handle(self, number: int, names: tuple[str, ...]) -> type[BaseException]:
        """The class of these names, which is object ``number`` of the program."""
        kind = self.known(names)
        if names in self._known:
            kind._handle = ("error", number, names)  # type: ignore[attr-defined]
        return kind

    def known(self, names: tuple[str, ...]) -> type[BaseException]:
        """The class of these names, the most derived first. Raises TypeError on anything but names."""
        if type(names) is not tuple or not 0 < len(names) <= _MOST_NAMES:
            raise TypeError("not an exception")
        if any(type(name) is not str or not 0 < len(name) <= _LONGEST_NAME or "\0" in name for name in names):
            raise TypeError("not an exception")
        known = [kind for name in names if (kind := _builtin(name)) is not None] or [Exception]
        if known[0].__name__ == names[0]:
            return known[0]
        if names not in self._known:
            own = len(names) > 1 and _builtin(names[1]) is None
            self._known[names] = _derived(names[0], [self.known(names[1:])] if own else known)
        return self._known[names]

    def raised(self, names: Any, arguments: Any, trace: Any) -> BaseException:
        """The exception that the program raised, as a class of ours."""
        if type(arguments) is not tuple or type(trace) is not str:
            return Gone("no sense")
        try:
            kind = self.known(names)
        except (TypeError, ValueError):  # ValueError: a name that cannot be encoded
            return Gone("no sense")
        if issubclass(kind, SystemExit):
            kind = ProgramExit
        elif not issubclass(kind, Exception):
            kind = type(names[0], (Exception,), {})
        try:
            error = kind(*arguments)
        except Exception:  # some classes want arguments of their own kind
            error = Exception(*arguments)
        error.__cause__ = None
        error.add_note(trace[:_LONGEST_TRACE])
        return error
