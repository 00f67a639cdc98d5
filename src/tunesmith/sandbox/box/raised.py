"""What the program raised, as exceptions of ours: made from names, never from its own classes."""

from __future__ import annotations

import builtins
from typing import Any

from .channel import Gone


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
        if type(names) is not tuple or not names or any(type(name) is not str or not name for name in names):
            raise TypeError("not an exception")
        bases = [getattr(builtins, name, None) for name in names]
        base = next((b for b in bases if isinstance(b, type) and issubclass(b, BaseException)), Exception)
        if base.__name__ == names[0]:
            return base
        if names not in self._known:
            parent = self.known(names[1:]) if len(names) > 1 else base
            self._known[names] = type(names[0], (parent,), {})
        return self._known[names]

    def raised(self, names: Any, arguments: Any, trace: Any) -> BaseException:
        """The exception that the program raised, as a class of ours."""
        if type(arguments) is not tuple or type(trace) is not str:
            return Gone("no sense")
        try:
            kind = self.known(names)
        except TypeError:
            return Gone("no sense")
        if issubclass(kind, SystemExit):
            kind = ProgramExit
        elif not issubclass(kind, Exception):
            kind = type(names[0], (Exception,), {})
        try:
            error = kind(*arguments)
        except Exception:  # the door: some classes want arguments of their own kind
            error = Exception(*arguments)
        error.__cause__ = None
        error.add_note(trace)
        return error
