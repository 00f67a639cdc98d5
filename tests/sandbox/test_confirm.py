"""Many answers are confirmed by a few digests; no verdict depends on it, and no program can make one up."""

from __future__ import annotations

import itertools
import json
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from tunesmith.benchmarks.differential import source
from tunesmith.benchmarks.problem import Cases
from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.box.messages import channel, codec, remote
from tunesmith.sandbox.box.program import answers
from tunesmith.sandbox.box.program import program as box_program
from tunesmith.sandbox.box.testing.oracle import packed

INPUTS = [[place, [place % 7, -place], f"w{place % 5}"] for place in range(120)]
REFERENCE = "def f(n, xs, word):\n    return [n * 0.1, sum(xs), word * 2, {word: (n, None)}]\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


def judged(pool: Pool, code: str, reference: str = REFERENCE, atol: float = 0.0) -> Outcome:
    """The outcome, which must be the same whether the reference's answers are known or not."""
    scope: dict = {}
    exec(reference, scope)
    cases = Cases(reference, "f", json.dumps(INPUTS), atol=atol)
    known = packed(scope["f"], cases.inputs, "", "equal", 1 << 20)
    assert known
    programs = [Program(code, source(cases, text), entry_point="f") for text in ("", known)]
    beside, sure = pool.run(programs)
    assert (beside.status, beside.failure) == (sure.status, sure.failure)
    return sure


def before(line: str) -> str:
    """The reference with a line of its own before what it returns."""
    return REFERENCE.replace("    return", f"    {line}\n    return")


def around(line: str) -> str:
    """The reference as ``g``, and ``f`` made of it."""
    return f"{REFERENCE}g = f\n{line}\n"


PROGRAMS = {
    "right": (REFERENCE, "passed"),
    "right, and prints": (before("print(n)"), "passed"),
    "near, where it must be equal": (REFERENCE.replace("n * 0.1", "n / 10"), "failed"),
    "a subclass of list": (around("class L(list): pass\ndef f(*a): return L(g(*a))"), "passed"),
    "true for one": (
        before("if sum(xs) == 1: return [n * 0.1, True, word * 2, {word: (n, None)}]"),
        "passed",
    ),
    "wrong once": (REFERENCE.replace("sum(xs)", "sum(xs) + (n == 77)"), "failed"),
    "raises once": (before("[1][n == 99]"), "failed"),
    "leaves": (before("if n == 60: raise SystemExit"), "failed"),
    "dies": (before("if n == 60: __import__('os')._exit(0)"), "error"),
    "counts its calls": ("calls = []\n" + before("calls.append(n); assert len(calls) == n + 1"), "passed"),
    "spoils what it is given": (
        around("def f(n, xs, w):\n  a = g(n, xs, w)\n  xs[:] = []\n  return a"),
        "passed",
    ),
    "gives one list again and again": (around("k = []\ndef f(*a):\n  k[:] = g(*a)\n  return k"), "passed"),
    "gives a generator": (around("def f(*a): yield from g(*a)"), "failed"),
    "gives nothing": ("def f(n, xs, word): pass\n", "failed"),
    "is wrong and then spins": ("def f(n, xs, word):\n    while n > 3: pass\n    return n\n", "failed"),
    "is right and then spins": (before("while n > 3: pass"), "timeout"),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_no_verdict_depends_on_what_is_known(what: str, pool: Pool):
    code, status = PROGRAMS[what]
    assert judged(pool, code).status == status


@pytest.mark.parametrize("wrong_at", random.Random(7).sample(range(len(INPUTS)), 6))
def test_the_first_wrong_answer_is_named(wrong_at: int, pool: Pool):
    code = REFERENCE.replace("sum(xs)", f"sum(xs) + (n >= {wrong_at})")
    assert f"input {wrong_at}: gave" in judged(pool, code).stderr


def test_a_nudge_within_a_print_loses_nothing(pool: Pool):
    code = (
        "import time\ndef f(n, xs, word):\n    until = time.monotonic() + 0.6 * (n == 60)\n"
        f"    while time.monotonic() < until: print('x' * 1000)\n{REFERENCE.split(chr(10))[1]}\n"
    )
    assert all(judged_alone(pool, code).passed for _ in range(3))


def test_what_a_program_printed_before_it_died_is_told(pool: Pool):
    code = before("print(n, flush=False)\n    if n == 30: __import__('os')._exit(1)")
    assert judged_alone(pool, code).stdout.split() == [str(n) for n in range(30)]


BYTES = "def f(n, xs, word): return b'ab%d' % n\n"
OTHERS = {
    "array": f"{BYTES}import array\ng = f\nf = lambda *a: array.array('b', g(*a))\n",
    "memoryview": f"{BYTES}g = f\nf = lambda *a: memoryview(g(*a))\n",
    "a subclass": f"{BYTES}class B(bytes):\n  __eq__ = lambda a, b: False\ng = f\nf = lambda *a: B(g(*a))\n",
    "the same": BYTES,
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_shares_an_image_with_bytes_is_not_taken_for_them(what: str, pool: Pool):
    assert judged(pool, OTHERS[what], BYTES).passed is (what == "the same")


def test_an_answer_is_known_as_it_was_when_it_was_given(pool: Pool):
    reference = "kept = []\ndef f(n, xs, word):\n    kept[:] = [n]\n    return kept\n"
    assert judged(pool, "def f(n, xs, word): return [n]\n", reference).passed


@pytest.mark.parametrize("nudged_at", range(1, 6))
@pytest.mark.parametrize("whole", (True, False))
def test_a_nudge_at_any_moment_keeps_answers_whole(nudged_at: int, whole: bool, monkeypatch):
    ours, theirs = socket.socketpair()
    waiting = answers.Answers(lambda value: pytest.fail(f"{value} is plain"))
    waiting.line = theirs.fileno()
    clock = itertools.count(1)

    def now() -> float:
        if next(clock) == nudged_at:
            waiting.send()
        return 1.0

    monkeypatch.setattr(answers, "_now", now)
    for number in range(4):
        waiting.add(("value", number, None)) if whole else waiting.confirm(codec.image(number) or b"")
    waiting.send()
    theirs.close()
    said: list[Any] = []
    with ours, pytest.raises(channel.Gone):
        while True:
            message = channel.read_message(ours.fileno())
            assert message
            reader = codec.Reader(message, codec.BUILDERS)
            while reader.more():
                said.append(reader.take()[1])
    assert said == [0, 1, 2, 3] if whole else sum(count for count, _ in said) == 4


def test_answers_within_the_tolerance_are_right(pool: Pool):
    reference = "def f(n, xs, word): return n / 3\n"
    assert judged(pool, "def f(n, xs, word): return n / 3 + 1e-9\n", reference).passed
    assert not judged(pool, "def f(n, xs, word): return n / 3 + 1e-3\n", reference).passed


def test_what_does_not_equal_itself_is_not_confirmed(pool: Pool):
    reference = "def f(n, xs, word): return float('nan') if n == 5 else n\n"
    assert judged(pool, reference, reference).status == "failed"  # as it does in one process


def instead(reply: str) -> str:
    """What has a program say ``reply`` in place of each digest."""
    return f"answers.Answers.confirm = lambda self, image: self.add({reply})"


FORGERS = {
    "digests of nothing": "codec.digest_of = lambda images: 0",
    "one digest for all": "codec.image = lambda value: b'N'",
    "silence": "answers.Answers.confirm = lambda self, image: None",
    "more than there are": instead("('value', (10**9, 0), None)"),
    "none at a time": instead("('value', (0, hash(b'')), None)"),
    "less than none": instead("('value', (-1, 0), None)"),
    "words for numbers": instead("('value', (1, 'x'), None)"),
    "a stop at once": instead("('stopped', None, None)"),
    "an error": instead("('raised', ('E',), (), '', None)"),
}


@pytest.mark.parametrize("what", FORGERS)
def test_a_program_that_has_no_answers_cannot_have_them_confirmed(what: str, pool: Pool):
    imports = "from box.messages import codec\nfrom box.program import answers"
    code = f"{imports}\n{FORGERS[what]}\ndef f(n, xs, word): return None\n"
    outcome = judged_alone(pool, code)
    told = outcome.status, outcome.failure
    assert told == (("timeout", "wall time") if what == "silence" else ("failed", "AssertionError"))


def judged_alone(pool: Pool, code: str) -> Outcome:
    scope: dict = {}
    exec(REFERENCE, scope)
    cases = Cases(REFERENCE, "f", json.dumps(INPUTS))
    known = packed(scope["f"], cases.inputs, "", "equal", 1 << 20)
    (outcome,) = pool.run([Program(code, source(cases, known), entry_point="f", cpu_seconds=1.0)])
    return outcome


def test_images_tell_types_apart_and_digests_tell_order():
    images = [codec.image(value) for value in (1, 1.0, True, "1", b"1", [1], (1,), None, {1: 2}, 0.0, -0.0)]
    assert None not in images and len(set(images)) == len(images)
    assert codec.digest_of(images) != codec.digest_of(images[::-1])
    assert codec.image(object()) is None


def test_few_answers_are_not_worth_it():
    class Never:
        confirms = True

    live = remote.Live(Never(), 0, "function")
    assert not remote.confirmed(live, [[1]] * 3, [1] * 3)


@contextmanager
def session_with(code: str) -> Iterator[tuple[remote.Session, Callable[..., Any], list[int]]]:
    """A session with a program in a thread of this process, its ``f``, and the sizes of what it answers."""
    ours, theirs = socket.socketpair()
    program = Thread(target=box_program.Program().serve, args=(theirs.fileno(),))
    program.start()
    sizes: list[int] = []

    def receive() -> codec.Message:
        message = channel.read_message(ours.fileno())
        sizes.append(len(message))
        return message

    def exchange(message: memoryview) -> codec.Message:
        channel.write_all(ours.fileno(), message)
        return receive()

    session = remote.Session(exchange, receive, confirms=True)
    with ours, theirs:
        try:
            yield session, session.run(code, "", False, ["f"], [])["f"], sizes
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            program.join()


def test_a_thousand_right_answers_take_a_few_words():
    with session_with("def f(n): return [n] * 20") as (session, f, sizes):
        before = sum(sizes)
        assert remote.confirmed(f, [[n] for n in range(1000)], [[n] * 20 for n in range(1000)])
        assert not session.unsure and sum(sizes) - before < 5000


@pytest.mark.parametrize("place", (0, 500, 999))
def test_one_wrong_answer_makes_it_unsure(place: int):
    with session_with("def f(n): return n") as (session, f, _):
        with pytest.raises(remote.Unsure):
            remote.confirmed(f, [[n] for n in range(1000)], [n + (n == place) for n in range(1000)])
        assert session.unsure
