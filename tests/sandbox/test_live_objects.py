"""Tests that deal in objects have the verdict of plain Python, in one process; so have changed arguments."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunesmith.results import Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.testing import classify

POINT = (
    "class Point:\n    def __init__(self, x): self.x = x\n"
    "    def __eq__(self, other): return self.x == other.x\n"
)
BEFORE = "def last_first(xs):\n    xs.insert(0, xs.pop())\n    return xs\n"

OF_OBJECTS = {
    # what the tests name shows that they need the program's own objects
    "the same object": ("def keep(xs): return xs", "xs = [1]\nassert keep(xs) is xs"),
    "a copy": ("def copied(xs): return xs", "xs = [1]\nassert copied(xs) is not xs"),
    "one instance": (
        "class One:\n    it = None\n    def __new__(cls):\n        cls.it = cls.it or super().__new__(cls)\n"
        "        return cls.it\n",
        "assert One() is One()",
    ),
    "a set of equal ones": (
        POINT + "    def __hash__(self): return hash(self.x)",
        "assert len({Point(1), Point(1)}) == 1",
    ),
    "arithmetic": (
        POINT + "    def __mul__(self, n): return Point(self.x * n)",
        "p = Point(2)\np *= 3\nassert p == Point(6)",
    ),
    "an own exception": (
        "class Poor(Exception):\n    def __init__(self, by):\n        self.by = by\n"
        "        super().__init__('poor')\ndef pay(n): raise Poor(n)",
        "try:\n    pay(3)\n    assert False\nexcept Poor as e:\n    assert e.by == 3",
    ),
    "a cause": (
        "def f():\n    try: 1 / 0\n    except ZeroDivisionError as e: raise ValueError('no') from e",
        "try:\n    f()\n    assert False\n"
        "except ValueError as e:\n    assert isinstance(e.__cause__, ZeroDivisionError)",
    ),
    "two bases": (
        "class Both(KeyError, ValueError): pass\ndef f(): raise Both('x')",
        "try:\n    f()\n    assert False\nexcept ValueError:\n    pass",
    ),
    "methods of a subclass": (
        "class Stack(list):\n    def push(self, x): self.append(x)",
        "s = Stack()\ns.push(1)\nassert s == [1]",
    ),
    "members of an enumeration": (
        "from enum import Enum\nclass Color(str, Enum):\n    RED = 'red'\ndef f(): return Color.RED",
        "assert f() is Color.RED",
    ),
    "a context manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef quiet():\n    try: yield 3\n"
        "    except ValueError: pass",
        "with quiet() as n:\n    assert n == 3\n    raise ValueError",
    ),
    "a decorator": (
        "def twice(f):\n    def g(*a, **k): return f(*a, **k) * 2\n    g.__name__ = f.__name__\n    return g",
        "@twice\ndef three(*, n=3): return n\nassert three(n=4) == 8 and three.__name__ == 'three'",
    ),
    "a callback that keeps": (
        "def each(f, xs):\n    for x in xs: f(item=x)",
        "got = []\neach(lambda item: got.append(item), [1, 2])\nassert got == [1, 2]",
    ),
    "an observer": (
        "class Bell:\n    def __init__(self): self.heard = []\n    def on(self, f): self.heard.append(f)\n"
        "    def off(self, f): self.heard.remove(f)",
        "bell = Bell()\ndef f(): pass\nbell.on(f)\nbell.off(f)\nassert bell.heard == []",
    ),
    "a generator left and taken up": (
        "def count():\n    n = 0\n    while True:\n        yield n\n        n += 1",
        "c = count()\nfor n in c:\n    if n == 2: break\nassert next(c) == 3",
    ),
    "a generator given": ("def total(xs): return sum(xs)", "assert total(x * x for x in [1, 2]) == 5"),
    "inner state given away": (
        "_items = [1]\ndef items(): return _items",
        "xs = items()\nxs.append(2)\nassert items() == [1]",
    ),
    "inner state copied": (
        "_items = [1]\ndef items(): return list(_items)",
        "xs = items()\nxs.append(2)\nassert items() == [1]",
    ),
    "changed after it was given": (
        "def f(xs): return list(xs)",
        "m = [[1]]\nc = f(m)\nm[0][0] = 9\nassert c == [[1]]",
    ),
    "a library's exception": (
        "import json\ndef f(text): return json.loads(text)",
        "import json\ntry:\n    f('{')\n    assert False\nexcept json.JSONDecodeError:\n    pass",
    ),
    "a default of its own": (
        "def f(d): d['a'] += 1",
        "from collections import defaultdict\nd = defaultdict(lambda: 5)\nf(d)\nassert d == {'a': 6}",
    ),
    "what can be called": ("class A: pass\ndef make(): return A()", "assert callable(make())"),
    "what has a length": ("class A: pass\ndef make(): return A()", "assert hasattr(make(), '__len__')"),
    "an abstract class": (
        "def make(): return iter([1])",
        "from collections.abc import Iterator\nassert isinstance(make(), Iterator)",
    ),
    "a global that changes": (
        "n = 0\ndef step():\n    global n\n    n += 1",
        "step()\nstep()\nassert n == 2",
    ),
    "a seed": (
        "import random\ndef f(): return random.random()",
        "import random\nrandom.seed(1)\na = f()\nrandom.seed(1)\nassert f() == a",
    ),
    "a path": (
        "from pathlib import Path\ndef f(): return Path('a') / 'b'",
        "from pathlib import Path\nassert f() == Path('a/b')",
    ),
    "a class in unittest": (
        POINT,
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(Point(1).x, 1)\n"
        "unittest.main()",
    ),
}
OF_VALUES = {
    # no object of the program is needed: what a call did to its arguments is told
    "changed by keyword": (BEFORE, "xs = [1, 2]\nlast_first(xs=xs)\nassert xs == [2, 1]"),
    "not changed by keyword": ("def f(xs): xs.clear()", "xs = [1]\nf(xs=xs)\nassert xs == [1]"),
    "changed inside": (
        "def f(m):\n    for row in m: row.reverse()",
        "row = [1, 2]\nf([row])\nassert row == [2, 1]",
    ),
    "rows change places": (
        "def f(m):\n    m.reverse()\n    m[0].append(0)",
        "a, b = [1], [2]\nm = [a, b]\nf(m)\nassert a == [1] and b == [2, 0] and m == [[2, 0], [1]]",
    ),
    "wrong inside": ("def f(m):\n    m[0].append(9)\n    return 1", "row = [1]\nf([row])\nassert row == [1]"),
    "in a tuple": ("def f(t): t[0].append(2)", "xs = [1]\nf((xs, 3))\nassert xs == [1, 2]"),
    "in a dict": ("def f(d): d['a'].add(2)", "s = {1}\nf({'a': s})\nassert s == {1, 2}"),
    "twice the same": ("def f(a, b):\n    a.append(1)\n    return len(b)", "xs = []\nassert f(xs, xs) == 1"),
    "holds itself": ("def f(xs): xs.append(xs)", "xs = [1]\nf(xs)\nassert xs[1][1][0] == 1"),
    "before it raised": (
        "def f(xs):\n    xs.append(1)\n    raise ValueError('no')",
        "xs = []\ntry:\n    f(xs)\nexcept ValueError:\n    pass\nassert xs == [1]",
    ),
    "wrong before it raised": (
        "def f(xs):\n    xs.append(1)\n    raise ValueError('no')",
        "xs = []\ntry:\n    f(xs)\nexcept ValueError:\n    pass\nassert xs == []",
    ),
    "given and kept": (
        "def f(xs):\n    xs.append(1)\n    return [xs, xs]",
        "xs = []\nys = f(xs)\nf(xs)\nassert ys == [[1, 1], [1, 1]]",
    ),
    "an error of one, and then another": (
        "def g():\n    yield 1\n    yield 2\n    yield 3\n    raise ValueError('no')\ndef h(): yield 5",
        "for n, x in enumerate(g()):\n    if n == 1: break\nassert list(h()) == [5]",
    ),
    "given back unchanged": (
        "def f(xs, more):\n    xs += more\n    return xs",
        "xs = []\nys = f(xs, [])\nf(xs, [1])\nassert ys == [1]",
    ),
    "in another order": (
        "def f(d):\n    for k in sorted(d): d[k] = d.pop(k)",
        "d = {'b': 1, 'a': 2}\nf(d=d)\nassert list(d) == ['a', 'b']",
    ),
    "of another type": ("def f(d): d['a'] = True", "d = {'a': 1}\nf(d=d)\nassert d['a'] is True"),
    "a default of none": (
        "def f(d): d[1] = 2",
        "from collections import defaultdict\nd = defaultdict(None)\nf(d)\nassert d == {1: 2}",
    ),
    "many ways to one": (
        "def f():\n    t = ()\n    for _ in range(60): t = (t, t)\n    return 1, t\n",
        "assert f()[0] == 1",
    ),
    "all before an error": (
        "def g():\n    yield 1\n    yield 2\n    raise ValueError('no')",
        "got = []\ntry:\n    for x in g(): got.append(x)\nexcept ValueError:\n    pass\nassert got == [1, 2]",
    ),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(1) as opened:
        yield opened


def plainly(code: str, tests: str, folder: Path) -> bool:
    """Whether program and tests, one after the other in one file, end well."""
    file = folder / "whole.py"
    file.write_text(f"{code}\n{tests}\n")
    return subprocess.run([sys.executable, str(file)], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", [*OF_OBJECTS, *OF_VALUES])
def test_verdicts_are_those_of_one_process(name: str, pool: Pool, tmp_path: Path):
    code, tests = (OF_OBJECTS | OF_VALUES)[name]
    (outcome,) = pool.run([Program(code, tests)])
    assert outcome.passed == plainly(code, tests, tmp_path), outcome
    assert (outcome.judged == "same_process") == (name in OF_OBJECTS and name != "two bases")


VALUES_ALONE = {
    "calls": "assert f(1) == 2\nassert abs(f(2) - 1.5) < 1e-6\nassert f([1])[0] == 3",
    "a function with a capital": "assert Find_Max([1, 2]) == 2\nassert not Split('') and (Sum([1])) == 1",
    "check": "def check(candidate):\n    assert candidate(1) is None\n    x = candidate(2)\n"
    "    assert sorted(x) == [1]",
    "own containers": "xs = []\nxs.append(1)\nys = [f(x) for x in xs]\nys.sort()\nassert f(xs) == ys",
    "types": "import collections\nassert isinstance(f(1), (int, list)) and type(f(2)) is str\n"
    "assert isinstance(f(3), collections.Counter)",
    "errors": "try:\n    f(1)\n    assert False\n"
    "except ValueError as e:\n    assert 'no' in str(e) and e.args == ('no',)",
    "own errors": "try:\n    f(1)\n    assert False\nexcept Poor:\n    pass",
    "a key": "assert sorted([1, 2], key=lambda x: -f(x)) == [2, 1]\nassert max([1], key=f) == 1",
}


@pytest.mark.parametrize("name", VALUES_ALONE)
def test_tests_of_values_stay_away_from_the_program(name: str):
    tests = VALUES_ALONE[name]
    assert classify.classify(tests, "f" if "def check" in tests else "").where != "same_process"
