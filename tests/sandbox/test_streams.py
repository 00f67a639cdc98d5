"""Streams of the program's own making: whatever it writes to the tests, a wrong answer stays wrong."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import pytest

from tunesmith.results import Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.messages import codec

FORGER = """
import os, struct, sys
answers = sys._getframe(1).f_locals["self"].answers
real, told = type(answers).add, []
def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()
def build(*parts):
    return b"cbox.messages.codec\\nbuild\\n(" + b"".join(parts) + b"tR"
def kind(name):
    return build(text("type"), text(name))
def add(reply):
    if not told:
        told.append(reply)
        return real(answers, reply)
    answers.send()
    message = b"\\x80\\x05" + text("value") + VALUE + b"N\\x87."
    os.write(answers.line, struct.pack("<Q", len(message)) + message)
answers.add = add
def f(*_): return 0
"""
LYING = """b"}" + text("__eq__") + kind("slice") + b"s" """
VALUES = {
    "a class made here": f"""kind("type") + b"(" + text("A") + b")" + {LYING} + b"tR)R" """,
    "the importer, written to": f"""kind("__loader__") + b"(N" + {LYING} + b"tb)R" """,
    "the class of handles, written to": (
        f"""kind("type") + b"(" + build(text("live"), b"K\\x00", text("x")) + b"tR(N" + {LYING} + b"tb" """
    ),
    "the class of fractions, written to": (
        f"""kind("type") + b"(" + build(text("Fraction"), *[b"K\\x01"] * 2) + b"tR(N" + {LYING} + b"tb" """
    ),
    "the builder itself": """b"cbox.messages.codec\\nbuild\\n" """,
    "a class called as an object": """b"(" + kind("int") + b"o" """,
    "a new object of a class": """kind("object") + b")\\x81" """,
}
TESTS = {
    "plain": "assert f(1) == 42",
    "zero": "assert f(1) == 0 and f(1) == []",
    "apart": "import json\nassert f(1) == 42",
    "check": "def check(candidate):\n    assert candidate(1) == 42\ncheck(f)",
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


@pytest.mark.parametrize("tests", TESTS)
@pytest.mark.parametrize("value", VALUES)
def test_a_forged_stream_has_passed_nothing(pool: Pool, value: str, tests: str) -> None:
    wrong = Program(f"VALUE = None\n{FORGER}\nVALUE = {VALUES[value]}", TESTS[tests])
    innocent = [
        Program("def f(x): return object()", "assert f(1) == 42"),
        Program("from fractions import Fraction\ndef f(x): return Fraction(1, 3)", "assert f(1) == 42"),
    ]
    forged, *after = pool.run([wrong, *innocent])
    assert not forged.passed and forged.failure, forged
    assert [outcome.failure for outcome in after] == ["AssertionError"] * 2, after


NAMELESS = "class E({base}): pass\nE.__name__ = ''\ndef f(*_): raise E"


@pytest.mark.parametrize("base", ["Exception", "BaseException", "SystemExit", "ValueError"])
@pytest.mark.parametrize("tests", TESTS)
def test_an_exception_without_a_name_is_a_failure(pool: Pool, base: str, tests: str) -> None:
    (outcome,) = pool.run([Program(NAMELESS.format(base=base), TESTS[tests])])
    assert not outcome.passed and outcome.failure, outcome


def test_an_answer_that_exits_when_it_is_shown_fails_alone(pool: Pool) -> None:
    code = "class A:\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\ndef f(x): return A()"
    (outcome,) = pool.run([Program(code, "assert f(1) == 2, f(1)")])
    assert (outcome.status, outcome.judged) == ("failed", "inline"), outcome


class Handle:
    """Stands for a handle of the program."""


HANDLE = Handle()
CYCLE: list[Any] = [HANDLE]
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [
        int, [int, str], (list, 1), {"a": int, int: 2}, {int, 3}, frozenset((str,)), [HANDLE, HANDLE],
        {"a": [HANDLE, {"b": (HANDLE, 1)}]}, deque([HANDLE, 2]), Counter({int: 2}),
        [deque([1]), int, deque([2])],
    ],
)  # fmt: skip
def test_what_is_built_last_stands_where_it_stood(value: Any) -> None:
    assert _round(value) == value and type(_round(value)) is type(value)


def test_what_holds_itself_and_a_handle_does_so_again() -> None:
    found = _round(CYCLE)
    assert found[0] is HANDLE and found[1] is found


def _round(value: Any) -> Any:
    def export(unknown: Any) -> Any:
        assert unknown is HANDLE
        return codec.build, ("live", 7, "Handle")

    builders = {**codec.BUILDERS, "live": lambda number, name: HANDLE}
    return codec.decode(bytes(codec.encode(value, export))[codec.HEAD.size :], builders)


def test_what_a_stream_writes_to_its_builder_is_gone_with_it() -> None:
    scribbles = b"\x80\x05cbox.messages.codec\nbuild\n}X\x01\x00\x00\x00aK\x01sb."
    assert codec.decode(scribbles, codec.BUILDERS).a == 1
    fresh = codec.decode(b"\x80\x05cbox.messages.codec\nbuild\n.", codec.BUILDERS)
    assert not hasattr(fresh, "a")
