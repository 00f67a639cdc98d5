"""Sets reach the program, and come back, in the order that they have in plain Python."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.results import Program
from tunesmith.sandbox import open_sandbox
from tunesmith.sandbox.box.messages import codec, sets

LISTED = "def f(s): return list(s)"
CASES = {
    "a literal": (LISTED, "assert f({12, 13, 14, 15, 16}) == [16, 12, 13, 14, 15]"),
    "built by adding": (LISTED, "s = set(); s.add(9); s.add(1); assert f(s) == [9, 1]"),
    "a collision": (LISTED, "assert f({3, 11}) == list({3, 11}) and f({11, 3}) == list({11, 3})"),
    "after removals": (LISTED, "s = set(range(20)); s -= set(range(3, 18)); assert f(s) == list(s)"),
    "frozen": (LISTED, "s = frozenset([15, 12, 28, 44]); assert f(s) == list(s)"),
    "one twice": ("def f(s): return s[0] is s[1]", "x = {3, 11}; assert f([x, x])"),
    "within a dict": ("def f(d): return list(d['a'][0])", "x = {3, 11}; assert f({'a': (x,)}) == list(x)"),
    "an answer": ("def f(): return {12, 13, 14, 15, 16}", "assert list(f()) == [16, 12, 13, 14, 15]"),
    "a dict": (LISTED, "d = {'b': 1, 'a': 2}; d.pop('b'); d['b'] = 3; assert f(d) == ['a', 'b']"),
}  # fmt: skip


def test_the_order_is_that_of_plain_python() -> None:
    programs = [
        Program(code, f"{before}def check(f):\n    {tests}", entry_point="f")
        for code, tests in CASES.values()
        for before in ("", "import json\n")
    ]
    with open_sandbox(2) as pool:
        outcomes = list(pool.run(programs))
    assert [name for name, outcome in zip(CASES, outcomes[::2], strict=True) if not outcome.passed] == []
    assert [name for name, outcome in zip(CASES, outcomes[1::2], strict=True) if not outcome.passed] == []
    for code, tests in CASES.values():
        scope: dict[str, Any] = {}
        exec(code, scope)
        exec(tests, scope)


@given(st.sets(st.integers(-50, 50)) | st.frozensets(st.integers()))
def test_a_set_keeps_its_order_and_its_room(value: set[int] | frozenset[int]) -> None:
    again = sets.rebuilt(list(value), sets.slots(value), type(value))
    assert again == value and type(again) is type(value)
    message = bytes(codec.encode([value, value], lambda _: pytest.fail("plain")))[codec.HEAD.size :]
    first, second = codec.decode(message, codec.BUILDERS)
    assert first is second or len(value) < 2
    assert list(first) == list(again)


def test_of_thousands_of_random_sets_hardly_any_loses_its_order() -> None:
    rng, lost = random.Random(1), 0
    for _ in range(2000):
        items = [rng.randint(-1000, 1000) for _ in range(rng.choice([2, 3, 5, 8, 15, 30]))]
        value = rng.choice([set(items), {*items[:2]} | {*items}, {*items, *items[:1]}])
        lost += list(sets.rebuilt(list(value), sets.slots(value))) != list(value)
    assert lost < 20
