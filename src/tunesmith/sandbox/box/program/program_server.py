"""The child that is the program: runs its code, then answers questions about it until the line closes.

Nothing here is trusted: the program shares this process and may rewrite all of it. It may then
answer what it likes; whether the answers are right is decided in another process.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import sys
import types
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ..messages import changes, codec, handle
from ..messages.channel import Gone, read_message, write_all
from ..messages.codec import Message, decode_trusted
from ..testing import suite
from .answer_writer import AnswerWriter, describe, flush

_ASKED_AHEAD = ("run", "each")
"""Questions whose arguments are those of calls that are yet to be made."""
Defined = tuple[dict[str, tuple[int, str]], dict[str, Any]]
"""By name, what a program defines: functions as the numbers of handles, with their kind, and the rest."""


class ProgramServer:
    """Answers questions about one program. Made, and warmed up, before the fork that needs it.

    Objects that are not plain data stay in ``_objects``; the tests get a handle with the object's number.
    """

    def __init__(self) -> None:
        self._objects: list[Any] = []
        own: codec.Builders = {"mine": self._mine, "builtin": _builtin, "yours": self._callback}
        self._builders = codec.BUILDERS | own
        self._module = types.ModuleType("program")
        self._ahead: list[tuple[Callable[..., Any], Sequence[Any]]] = []
        self._broken: dict[int, BaseException] = {}
        self._handed = False
        self.answers = AnswerWriter(self._export)
        self._questions: dict[str, Callable[..., Any]] = {
            **handle.OPERATORS, "run": self._run, "judge": self._judge, "take": self._take, "enter": _enter,
            "each": self._each, "call": lambda f, *a, **k: f(*a, **k), "getattr": getattr,
            "setattr": setattr, "iter": iter, "next": next, "len": len, "str": str, "repr": repr,
            "bool": bool, "int": int, "float": float, "isinstance": isinstance, "copy": copy.copy,
            "deepcopy": copy.deepcopy, "exit": _exit,
        }  # fmt: skip

    def serve(self, line: int) -> None:
        """Answer questions on descriptor ``line`` until it closes."""
        self.answers.line = line
        try:
            while True:
                self._answer(line)
        except Gone:
            flush()

    def _answer(self, line: int) -> None:
        """Answer one question, then the calls that were asked ahead, in order, until a handle is given.

        Where a call changed its arguments, the answer says what they hold now. What they held before comes
        from decoding the message a second time, which costs nothing where there are no containers.
        """
        message = read_message(line)
        question, arguments, named = decode_trusted(message, self._builders)
        given = () if question in _ASKED_AHEAD else (*arguments, *named.values())
        kept = changes.containers(given)
        value: Any = None
        reply: tuple[Any, ...]
        try:
            value = self._questions[question](*arguments, **named)
            reply = ("value", value)
        except BaseException as error:  # whatever the program raises, even SystemExit, is its answer
            if isinstance(error, Gone):
                raise
            reply = ("raised", *describe(error))
        self.answers.add((*reply, self._changed(message, value, kept) if kept else None))
        if self._ahead:
            self._answer_ahead()
        self.answers.send()

    def _answer_ahead(self) -> None:
        """Answer the calls that were asked ahead. After one that gives a handle the tests may ask about it
        first, and what they ask may change the rest; so no further call is made then."""
        calls, self._ahead = self._ahead, []
        self._handed = False
        for call, arguments in calls:
            reply: tuple[Any, ...]
            try:
                reply = ("value", call(*arguments))
            except BaseException as error:  # whatever the program raises, even SystemExit, is its answer
                reply = ("raised", *describe(error))
            self.answers.add((*reply, None))
            if self._handed:
                break

    def _run(self, code: str, imports: str, main: bool, names: list[str], calls: list[Any]) -> Defined:
        """Execute the program, then what its tests import; answer those of ``names`` it defines."""
        self._module.__name__ = "__main__" if main else "program"
        sys.modules[self._module.__name__] = self._module
        scope = self._module.__dict__
        try:
            exec(compile(code, "<program>", "exec", dont_inherit=True), scope)
        except SystemExit as error:
            if not main or error.code:
                raise
        if main:
            _finish()
        if imports:
            with contextlib.suppress(Exception):  # the tests will meet the same error, and say so
                exec(imports, scope)
        self._ahead = [(scope.get(name, _missing), arguments) for name, arguments in calls]
        handles: dict[str, tuple[int, str]] = {}
        values: dict[str, Any] = {}
        for name in names:
            if name not in scope:
                continue
            value = scope[name]
            if type(value) is types.FunctionType:
                handles[name] = len(self._objects), "function"
                self._objects.append(value)
            else:
                values[name] = value
        return handles, values

    def _each(self, call: Callable[..., Any], calls: list[Sequence[Any]]) -> None:
        """Answer a call with each of these arguments as soon as this answer is sent."""
        self._ahead = [(call, arguments) for arguments in calls]

    def _judge(self, tests: str, entry_point: str) -> tuple[str, str]:
        """Run tests that need live objects right here, in the program's own module."""
        return suite.attempt(tests, entry_point, suite.as_main(self._module))

    def _changed(self, message: Message, value: Any, kept: list[Any]) -> tuple[Any, ...] | None:
        """What the containers among the arguments hold now, where the call changed any or gave one back."""
        _, arguments, named = decode_trusted(message, self._builders)
        try:
            before = changes.state(changes.containers((*arguments, *named.values())))
            same = before == changes.state(kept) and not changes.shares(value, kept)
            return None if same else tuple(kept)
        except Exception:  # the door: comparing may run the program's own __eq__, or numpy's
            return tuple(kept)

    def _export(self, value: Any) -> codec.Reduced:
        if isinstance(value, _Callback):
            return codec.build, ("yours", value.number)
        self._handed = True
        self._objects.append(value)
        number = len(self._objects) - 1
        if isinstance(value, type) and issubclass(value, BaseException):
            return codec.build, ("error", number, tuple(kind.__name__ for kind in value.__mro__))
        return codec.build, ("live", number, type(value).__name__)

    def _take(self, items: Any, size: int) -> tuple[list[Any], bool]:
        """The next items, and whether there may be more. What they raise is raised after those before it."""
        if id(items) in self._broken:
            raise self._broken.pop(id(items))
        taken: list[Any] = []
        try:
            taken.extend(islice(items, size))
        except BaseException as error:  # the door: what the program raises is its answer
            self._broken[id(items)] = error
        return taken, len(taken) == size or id(items) in self._broken

    def _mine(self, number: int) -> Any:
        return self._objects[number]

    def _callback(self, number: int) -> _Callback:
        return _Callback(number, self._ask_back)

    def _ask_back(self, number: int, arguments: tuple[Any, ...]) -> Any:
        line = self.answers.line
        write_all(line, codec.encode(("call", number, arguments), self._export))
        kind, *rest = codec.decode(read_message(line), self._builders)
        if kind == "value":
            return rest[0]
        error = getattr(builtins, rest[0], Exception)
        raise error(rest[1])


class _Callback:
    """A function that the tests gave to the program."""

    def __init__(self, number: int, ask: Callable[[int, tuple[Any, ...]], Any]) -> None:
        self.number, self._ask = number, ask

    def __call__(self, *arguments: Any) -> Any:
        return self._ask(self.number, arguments)


def _missing(*_: Any) -> None:
    raise NameError("the program does not define it")


def _builtin(name: str) -> Any:
    return getattr(builtins, name)


def _enter(value: Any) -> Any:
    return value.__enter__()


def _exit(value: Any) -> Any:
    return value.__exit__(None, None, None)


def _finish() -> None:
    """What the interpreter does after a script: wait for threads, run exit handlers."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()
    flush()
