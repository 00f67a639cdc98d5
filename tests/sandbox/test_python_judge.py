"""Tests decide in another process than the program's, and honest tests cannot tell the difference."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.messages import codec
from tunesmith.sandbox.box.testing import classify


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


def _one(pool: Pool, code: str, tests: str, entry_point: str = "") -> Outcome:
    return next(pool.run([Program(code, tests, entry_point=entry_point)]))


HONEST = {
    "in place": ("def f(x): x.sort()", "a = [3, 1]\nf(a)\nassert a == [1, 3]"),
    "a dict in place": ("def f(x): x['b'] = 1", "a = {}\nf(a)\nassert a == {'b': 1}"),
    "keywords": ("def f(a, *, b=1): return a - b", "assert f(3, b=2) == 1"),
    "types": (
        "def f(x): return x",
        "for v in (1, 1.5, 'a', b'a', None, True, (1, [2]), {1: {2}}, 1j, frozenset((1,)), range(3), ...):\n"
        "    assert f(v) == v and type(f(v)) == type(v)",
    ),
    "values of the library": (
        "from collections import *\nfrom fractions import Fraction\nimport datetime\n"
        "P = namedtuple('P', 'x y')\n"
        "def f(): return Counter('aab'), deque([1], 2), OrderedDict(a=1), P(1, 2), Fraction(1, 2)\n"
        "def g(): return datetime.datetime(2024, 1, 2)",
        "c, d, o, p, h = f()\nassert c == {'a': 2, 'b': 1} and list(d) == [1] and d.maxlen == 2\n"
        "assert p == (1, 2) and p.x == 1 and h * 2 == 1 and o == {'a': 1} and g().year == 2024",
    ),
    "views": ("def f(): return {1: 2}.keys()", "assert f() == {1} and list(f()) == [1]"),
    "a generator": ("def f(n):\n    for i in range(n): yield i", "assert list(f(1000)) == list(range(1000))"),
    "an endless generator": (
        "import itertools\ndef f(): return itertools.count()",
        "assert next(iter(f())) == 0",
    ),
    "an object": (
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
        "    def __len__(self): return len(self.items)",
        "s = Stack()\ns.push(3)\nassert s.items == [3] and len(s) == 1 and s and isinstance(s, Stack)",
    ),
    "equal objects": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\ndef f(): return P(1)",
        "assert f() == P(1) and f() != P(2) and f().x == 1",
    ),
    "a function for the program": (
        "def f(g, x): return [g(v) for v in x]",
        "assert f(lambda v: v + 1, [1]) == [2]",
    ),
    "a built-in for the program": (
        "def f(g, x): return g(x)",
        "assert f(len, 'abc') == 3 and f(int, '4') == 4",
    ),
    "a function from the program": ("def f(n): return lambda x: x + n", "assert f(2)(3) == 5"),
    "an expected error": (
        "def f(x): raise ValueError('no')",
        "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'no'",
    ),
    "an error of its own": (
        "class Bad(KeyError): pass\ndef f(x): raise Bad('k')",
        "try:\n    f(1)\n    assert False\nexcept Bad as e:\n    assert isinstance(e, KeyError)",
    ),
    "a constant": ("LIMIT = 3", "assert LIMIT == 3"),
    "a name of a built-in": ("def sum(a, b): return a + b", "assert sum(1, 2) == 3"),
    "a module of both": ("import math\ndef f(): return 3.5", "import math\nassert math.floor(f()) == 3"),
    "an import of the tests": ("def f(): return math.pi", "import math\nassert f() == math.pi"),
    "helpers of the tests": (
        "def f(x): return x",
        "def same(a): return f(a) == a\nassert all(map(same, range(9)))",
    ),
    "unittest": (
        "def f(x): return x",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(1), 1)\n"
        "if __name__ == '__main__': unittest.main()",
    ),
    "pytest raises": (
        "def f(x): raise ValueError",
        "import pytest\nwith pytest.raises(ValueError): f(1)",
    ),
    "numpy": (
        "import numpy as np\ndef f(x): return np.array(x) * 2",
        "import numpy as np\nassert np.allclose(f([1, 2]), [2, 4]) and f([1, 2]).tolist() == [2, 4]",
    ),
    "a subclass in the tests": (
        "class A:\n    def f(self): return 1",
        "class B(A): pass\nassert B().f() == 1",
    ),
    "printed output": (
        "def f(): print('hi')",
        "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b): f()\n"
        "assert b.getvalue() == 'hi\\n'",
    ),
    "operators of objects": (
        "class V:\n    def __init__(self, x): self.x = x\n    def __mul__(self, k): return V(self.x * k)",
        "assert (V(2) * 3).x == 6",
    ),
    "megabytes": ("def f(x): return x + x", "assert len(f('a' * 5_000_000)) == 10_000_000"),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_tests_pass(pool: Pool, name: str) -> None:
    outcome = _one(pool, *HONEST[name])
    assert outcome.passed, outcome


WRONG = {
    "unittest": (
        "def f(x): return x",
        "import unittest\nclass T(unittest.TestCase):\n"
        "    def test(self): self.assertEqual(f(1), 2)\nunittest.main()",
    ),
    "no error": ("def f(x): return 1", "import pytest\nwith pytest.raises(ValueError): f(1)"),
    "in place": ("def f(x): return sorted(x)", "a = [3, 1]\nf(a)\nassert a == [1, 3]"),
    "beside": ("class A:\n    def f(self): return 2", "class B(A): pass\nassert B().f() == 1"),
    "beside, exit": ("class A:\n    def f(self): raise SystemExit", "class B(A): pass\nassert B().f() == 1"),
    "missing": ("x = 1", "assert f(1) == 1"),
    "shadowed": ("abs = lambda x: 0\ndef f(x): return 9", "assert abs(f(1) - 1) < 1"),
    "bad tests": ("x = 1", "assert ("),
    "endless tests": ("x = 1", "while True: pass"),
    "swallowing tests": ("import os\ndef f(x): os._exit(0)", "try: f(1)\nexcept BaseException: pass"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_fail(pool: Pool, name: str) -> None:
    code, tests = WRONG[name]
    (outcome,) = pool.run([Program(code, tests, cpu_seconds=0.2)])
    assert outcome.passed is False, outcome


def test_the_outcome_says_where_its_tests_ran(pool: Pool) -> None:
    where = {name: _one(pool, *HONEST[name]).judged for name in ("in place", "unittest", "printed output")}
    assert where == {"in place": "inline", "unittest": "separate_process", "printed output": "same_process"}


def test_a_failure_says_which_test_and_where_in_the_program(pool: Pool) -> None:
    outcome = _one(pool, "def f(x):\n    return x[9]", "assert True\nassert f([1]) == 1")
    assert outcome.failure == "IndexError"
    assert "<tests> line 2" in outcome.stderr
    assert "<program> line 2 in f" in outcome.stderr


@pytest.mark.parametrize(
    "tests",
    [
        "().__class__", "f.__globals__", "getattr(f, 'x')", "'{0.__class__}'.format(f)", "f.gi_frame",
        "type.mro(int)", "class A: pass", "import os", "from typing import sys", "eval('1')",
        "import copy\ncopy.dispatch_table",
        "f.x = 1", "with f: pass", "__builtins__", "open('x')", "lambda __x: 1", "breakpoint()",
    ],
)  # fmt: skip
def test_only_plain_tests_run_in_the_judge_itself(tests: str) -> None:
    assert classify.classify(f"{tests}\nassert f(1) == 1", "f").where != "inline"


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.complex_numbers(allow_nan=False) | st.fractions() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def _refuse(value: object) -> codec.Reduced:
    raise AssertionError(f"{value!r} is plain")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_plain)
def test_plain_data_crosses_unchanged(value: object) -> None:
    message = codec.encode(value, _refuse)
    assert codec.decode(bytes(message[codec.HEAD.size :]), codec.BUILDERS) == value


@given(st.binary(max_size=200))
def test_a_malformed_stream_is_only_an_error(stream: bytes) -> None:
    try:
        codec.decode(stream, codec.BUILDERS)
    except Exception as error:  # whatever it is, nothing ran
        assert error is not None


def test_an_answer_already_given_counts_though_the_next_call_never_ends(pool: Pool) -> None:
    tests = "assert f(1) == 1\nassert f(2) == 3\nassert f(3) == 3"
    spins = "def f(x):\n    while x == 3: pass\n    return x"
    (outcome,) = pool.run([Program(spins, tests, cpu_seconds=0.3)])
    assert (outcome.status, outcome.failure) == ("failed", "AssertionError")
    (outcome,) = pool.run([Program(spins, tests.replace("f(2) == 3", "f(2) == 2"), cpu_seconds=0.3)])
    assert (outcome.status, outcome.failure) == ("timeout", "cpu time")


SWALLOW = """
while True:
    try:
        for i in range(10**12): x = [i]
    except: pass
assert f(1) == 1
"""
ENDLESS = "x = sum(range(10**12))\nassert f(1) == 1"
SLOW = "x = sum(range({size}))\nfor n in range(3): assert f(n) < x"


MUTE = """
import sys
sys._getframe(1).f_locals["self"]._questions["take"] = lambda *_: {said}
class Endless:
    def __iter__(self): return iter([1])
def f(x): return Endless()
"""


@pytest.mark.parametrize("said", ["5", "[1, 2, 3]", "None", "{}"])
@pytest.mark.parametrize("first", ["", "import json\n"])
@pytest.mark.parametrize("tests", ["assert list(f(3)) == [9]", "try: list(f(3))\nexcept: pass"])
def test_a_program_that_answers_nonsense_has_passed_nothing(
    pool: Pool, said: str, first: str, tests: str
) -> None:
    """It has rewritten the end of the line that is in its own process."""
    outcome = _one(pool, MUTE.format(said=said), first + tests)
    assert (outcome.status, outcome.failure) == ("error", "no sense"), outcome


KILLER = """
import os, pickle
class A:
    def __reduce__(self): return {call}
def f(x): return pickle.dumps(A())
"""


@pytest.mark.parametrize("call", ["os._exit, (0,)", "os.abort, ()"])
def test_a_process_of_tests_that_dies_has_passed_nothing(pool: Pool, call: str) -> None:
    """Tests that unpickle an answer do what the program likes; their end is no verdict all the same."""
    outcome = _one(pool, KILLER.format(call=call), "import pickle\nassert pickle.loads(f(3)) == 9")
    assert (outcome.status, outcome.failure, outcome.judged) == (
        "failed",
        "no verdict",
        "separate_process",
    ), outcome
    assert "ended with code" in outcome.stderr


@pytest.mark.slow
def test_tests_that_hang_a_judge_are_run_again_apart() -> None:
    """Their judge is ended from outside, and what waited behind them is judged all the same."""
    began = time.process_time()
    sum(range(20_000_000))
    slow = SLOW.format(size=int(20_000_000 * 5 / (time.process_time() - began)))  # 5 s in one operation
    f = "def f(n): return n"
    quick = Program(f, "assert f(2) == 2")
    stuck = [Program(f, SWALLOW, cpu_seconds=0.1), Program(f, ENDLESS, cpu_seconds=0.1), Program(f, slow)]
    with open_sandbox(2) as pool:
        outcomes = list(pool.run([quick, *(each for one in stuck for each in (one, quick))]))
    expected = [
        ("timeout", "separate_process"),
        ("timeout", "separate_process"),
        ("passed", "separate_process"),
    ]
    assert [(o.status, o.judged) for o in outcomes[1::2]] == expected
    assert [(o.status, o.judged) for o in outcomes[::2]] == [("passed", "inline")] * 4


def test_every_worker_gives_a_value_the_same_digest() -> None:
    """Else no answer would be found known, and every reference would run again."""
    says = Program(
        "from box.messages.codec import digest\nprint(digest('x' * 9000), digest([1, 2.5, {'a': None}]))"
    )
    said = []
    for _ in range(2):
        with open_sandbox(1) as pool:
            said += [outcome.stdout for outcome in pool.run([says])]
    assert said[0] == said[1] and said[0].split()[0] not in ("", "None")
