"""Compares a program with a reference on given inputs: the tests of HumanEval+ and MBPP+.

Tests import it as ``box.testing.oracle``; inline tests may. Of a problem it gets the reference as a
function, the inputs as JSON with the Python types that JSON lost (``shape``), a tolerance, and an oracle
where more than one answer is right. The reference's answers may be known already (``known``): short values
as they are, long ones by a digest. Where a digest does not fit, the reference is run after all. So knowing
the answers changes the speed and never the verdict.

Liu et al. 2023 (EvalPlus), Section 2; tolerances and oracles as evalplus 0.3.1 has them.
"""

import base64
import cmath
import json
import marshal
import math
import operator
import reprlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from ..messages import codec, remote

_RELATIVE = 1e-7
_FLOATS = 1e-6
_SURE = {int, str, bool, type(None)}
"""Types of which only equal values have the same image."""
_NUMBERS = {float, complex}
"""Types of which this holds but for nan, which does not equal itself."""
_LONGEST = 4096
"""Bytes of the longest answer that is known as a value, where there is room."""

Oracle = Callable[[Any, Any, float, Sequence[Any]], bool]
"""Whether an answer is right, from the answer, the reference's answer, a tolerance and the arguments."""


def compare(
    candidate: Callable[..., Any],
    reference: Callable[..., Any],
    *,
    inputs: str,
    shape: str = "",
    atol: float = 0.0,
    oracle: str | Oracle = "equal",
    known: str = "",
    seconds: float = 0.0,
) -> None:
    """Call ``candidate`` on every input; raise AssertionError at the first answer that is not right.

    oracle: a name in ORACLES, or a function of the benchmark's own.  seconds: CPU time for each answer.
    """
    values, digests = unpacked(known)
    fits = ORACLES[oracle] if isinstance(oracle, str) else oracle
    calls = read(inputs, shape)
    # A candidate may change its arguments, so the reference and the oracle get copies.
    for_reference, untouched = (_Later(inputs, shape) for _ in range(2))
    remote.announce(candidate, calls)
    if seconds:
        remote.limit_answers(candidate, seconds)
    for place, arguments in enumerate(calls):
        answer = candidate(*arguments)
        if place in digests and codec.digest(answer) == digests[place]:
            continue
        expected = values[place] if place in values else plain(oracle, reference(*for_reference[place]))
        original = [] if isinstance(oracle, str) else untouched[place]
        if not fits(answer, expected, atol, original):
            raise AssertionError(f"input {place}: gave {_shown(answer)}, not {_shown(expected)}")


class _Later:
    """The arguments of every call, read when the first is asked for."""

    def __init__(self, inputs: str, shape: str) -> None:
        self._inputs, self._shape = inputs, shape
        self._calls: list[list[Any]] = []

    def __getitem__(self, place: int) -> list[Any]:
        self._calls = self._calls or read(self._inputs, self._shape)
        return self._calls[place]


def read(inputs: str, shape: str = "") -> list[list[Any]]:
    """The arguments of every call, from JSON, with their types put right."""
    calls: list[list[Any]] = json.loads(inputs)
    return [SHAPES[shape](call) for call in calls] if shape else calls


def packed(reference: Callable[..., Any], inputs: str, shape: str, oracle: str | Oracle, room: int) -> str:
    """The reference's answers on every input, as text of at most ``room`` characters.

    The text begins with ``=`` where it holds every answer, so that the tests need no reference.
    """
    answers = [_kept(plain(oracle, reference(*arguments))) for arguments in read(inputs, shape)]
    for longest in (_LONGEST, 256, 64, 0):
        values = {place: answer for place, (size, _, answer) in enumerate(answers) if 0 <= size <= longest}
        digests = {p: found for p, (_, found, _) in enumerate(answers) if found and p not in values}
        message = bytes(codec.encode((values, digests), _refuse))[codec.HEAD.size :]
        text = base64.b64encode(zlib.compress(message, 6)).decode()
        text = ("=" if len(values) == len(answers) else "") + text
        if len(text) <= room:
            return text
    return ""


def unpacked(known: str) -> tuple[dict[int, Any], dict[int, int]]:
    """(values, digests) by the input's number. Tests of anybody may call this with any text, so the bytes are
    read as strictly as a program's."""
    if not known:
        return {}, {}
    packed_bytes = base64.b64decode(known.lstrip("="))
    message = zlib.decompressobj().decompress(packed_bytes, codec.LARGEST)
    values, digests = codec.decode(message, codec.BUILDERS)
    return values, digests


def _refuse(value: Any) -> codec.Reduced:
    raise TypeError(f"{type(value).__name__} is not plain data")


def _kept(answer: Any) -> tuple[int, int | None, Any]:
    """Size of the image, digest, and a copy of the answer where it is short (a reference may give gigabytes,
    and may change what it gave). (-1, None, None) where an unequal value may have the same image."""
    image = codec.image(answer)
    if image is None or not _is_imaged(answer):
        return -1, None, None
    return len(image), codec.digest(answer), marshal.loads(image) if len(image) <= _LONGEST else None


def _is_imaged(value: Any) -> bool:
    """Whether only equal values have the same image: not so nan, and bytes share theirs with arrays."""
    if isinstance(value, dict):
        return all(map(_is_imaged, value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        kinds = {*map(type, value)}
        if kinds <= _NUMBERS | _SURE:
            return kinds.isdisjoint(_NUMBERS) or all(map(operator.eq, value, value))
        return all(map(_is_imaged, value))
    return type(value) in _SURE or (type(value) in _NUMBERS and not cmath.isnan(value))


def plain(oracle: str | Oracle, expected: Any) -> Any:
    """What is kept of a reference's answer: for ``not_none`` only whether there was one."""
    return expected is not None if oracle == "not_none" else expected


def equal(answer: Any, expected: Any, atol: float) -> bool:
    """Equal, or near enough where the problem has a tolerance or the reference gives floats."""
    if bool(answer == expected):
        return True
    tolerance = _FLOATS if atol == 0 and _is_floats(expected) else atol
    if tolerance == 0 or type(answer) is not type(expected):
        return False
    return near(answer, expected, tolerance)


def _is_floats(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def near(answer: Any, expected: Any, atol: float) -> bool:
    """Whether numbers, alone or in equal nests of lists and tuples, are within the tolerance."""
    if isinstance(expected, list | tuple):
        if not isinstance(answer, list | tuple) or len(answer) != len(expected):
            return False
        return all(near(a, e, atol) for a, e in zip(answer, expected, strict=True))
    if isinstance(expected, int | float | complex) and isinstance(answer, int | float | complex):
        if isinstance(expected, float) and math.isinf(expected):
            return bool(answer == expected)
        return bool(abs(answer - expected) <= atol + _RELATIVE * abs(expected))
    return bool(answer == expected)


def _not_none(answer: Any, expected: Any, atol: float, arguments: Sequence[Any]) -> bool:
    return bool(answer == expected) if isinstance(answer, bool) else expected == (answer is not None)


ORACLES: dict[str, Oracle] = {
    "equal": lambda answer, expected, atol, arguments: equal(answer, expected, atol),
    "exact": lambda answer, expected, atol, arguments: bool(answer == expected),
    "same_items": lambda answer, expected, atol, arguments: set(answer) == set(expected),
    "not_none": _not_none,
    "or_zero": lambda answer, expected, atol, arguments: answer == 0 or equal(answer, expected, atol),
    "anything": lambda answer, expected, atol, arguments: True,
}


def deep(value: Any) -> Any:
    """Every list, at any depth, as a tuple."""
    return tuple(map(deep, value)) if isinstance(value, list) else value


def tuples(values: Any) -> list[Any]:
    """A list whose lists are tuples."""
    return [tuple(value) if isinstance(value, list) else value for value in values]


Shape = Callable[[list[Any]], list[Any]]
SHAPES: dict[str, Shape] = {
    "tuples": lambda call: [tuple(value) for value in call],
    "lists of tuples": lambda call: [tuples(value) for value in call],
    "tuples of tuples": lambda call: [tuple(tuples(value)) for value in call],
    "first a tuple": lambda call: [tuple(call[0]), *call[1:]],
    "first a list of tuples": lambda call: [tuples(call[0]), *call[1:]],
    "first a dict of tuples": lambda call: [{k: tuple(v) for k, v in call[0].items()}, *call[1:]],
    "second a tuple": lambda call: [call[0], tuple(call[1])],
    "deep": lambda call: [deep(value) for value in call],
    "sets": lambda call: [[set(item) if isinstance(item, list) and item else {} for item in call[0]]],
    "complex": lambda call: [complex(call[0])],
    "float and complex": lambda call: [float(call[0]), complex(call[1])],
}


def _shown(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer too long to write down
        return f"a long {type(value).__name__}"
