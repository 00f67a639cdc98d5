"""The child that runs tests in a process of their own, which asks the program over its line."""

from __future__ import annotations

import random
import types

from ..messages import channel, codec, handle, remote
from ..messages.codec import Message
from . import suite

_PROGRAM = 4


def serve(judge: int) -> None:
    """Read tests from descriptor ``judge``, ask the program on the next one, and send the verdict."""
    random.seed(0)
    session = remote.Session(_exchange, _receive)
    tests, entry_point, names = codec.decode(channel.read_message(judge), session.builders())
    scope = suite.as_main(types.ModuleType("__main__"))
    scope.update(names)
    try:
        failure, why = suite.attempt(tests, entry_point, scope)
    except channel.Gone as gone:
        session.lost = session.lost or str(gone)
        failure, why = session.lost, ""
    channel.write_all(judge, codec.encode((session.lost, failure, why), handle.relay))


def _exchange(message: memoryview) -> Message:
    channel.write_all(_PROGRAM, message)
    return _receive()


def _receive() -> Message:
    return channel.read_message(_PROGRAM)
