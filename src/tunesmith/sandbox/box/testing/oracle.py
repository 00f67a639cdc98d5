"""Compares a program with a reference on given inputs: the tests of HumanEval+ and MBPP+.

Tests import it as ``box.testing.oracle``; plain tests may. What it is given of a problem: the reference as a
function, the inputs as JSON with the Python types that JSON lost (``shape``), a tolerance, and an
oracle where more than one answer is right. What the reference gives may be known already (``known``):
short values as they are, long ones by a digest. A long answer stays where it is and only its digest
is sent; where that does not fit, it is fetched and the reference run after all. Of short ones the program
sends a digest of many; where that does not fit, it is run anew and asked for each (``remote.confirmed``).
So knowing changes the speed, and never whether a program passes that gives the same answers each time.

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
"""Types of which only equals have the same image."""
_NUMBERS = {float, complex}
"""Types of which this holds but for nan, which alone does not equal itself."""
_LONGEST = 4096
"""Bytes of the longest answer that is known as it is, where there is room."""


def compare(
    candidate: Callable[..., Any],
    reference: Callable[..., Any],
    *,
    inputs: str,
    shape: str = "",
    atol: float = 0.0,
    oracle: str = "equal",
    known: str = "",
) -> None:
    """Call ``candidate`` on every input; raise AssertionError at the first answer that is not right."""
    values, digests = unpacked(known)
    fits = ORACLES[oracle]
    calls = read(inputs, shape)
    for_reference, untouched = (_Later(inputs, shape) for _ in range(2))
    sure = 0
    for place, arguments in enumerate(calls):
        if place < sure:
            continue
        if place in digests:
            found, fetch = remote.digested(candidate, arguments)
            if found == digests[place]:
                continue
            answer = fetch()
        else:
            if place == 0 or place - 1 in digests:
                end = _until(digests, place, len(calls))
                right = [values[each] for each in range(place, end) if each in values]
                if oracle in _EXACT and remote.confirmed(candidate, calls[place:end], right):
                    sure = end
                    continue
                remote.announce(candidate, calls[place:end])
            answer = candidate(*arguments)
        expected = values[place] if place in values else plain(oracle, reference(*for_reference[place]))
        original = untouched[place] if oracle in _NEED_INPUT else []
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


def _until(digests: dict[int, int], place: int, end: int) -> int:
    """The first place from ``place`` on whose answer is not sent but its digest; else ``end``."""
    return next((later for later in range(place, end) if later in digests), end)


def read(inputs: str, shape: str = "") -> list[list[Any]]:
    """The arguments of every call, from JSON, with their types put right."""
    calls: list[list[Any]] = json.loads(inputs)
    return [SHAPES[shape](call) for call in calls] if shape else calls


def packed(reference: Callable[..., Any], inputs: str, shape: str, oracle: str, room: int) -> str:
    """What the reference gives on every input, as text of at most ``room`` characters.

    The text begins with ``=`` where every answer stands in it, so that the reference need not.
    """
    answers = [_kept(plain(oracle, reference(*arguments))) for arguments in read(inputs, shape)]
    for longest in (_LONGEST, 256, 64, 0):
        values = {place: answer for place, (size, _, answer) in enumerate(answers) if 0 <= size <= longest}
        digests = {p: found for p, (_, found, _) in enumerate(answers) if found and p not in values}
        text = base64.b64encode(zlib.compress(marshal.dumps((values, digests), 2), 6)).decode()
        text = ("=" if len(values) == len(answers) else "") + text
        if len(text) <= room:
            return text
    return ""


def unpacked(known: str) -> tuple[dict[int, Any], dict[int, int]]:
    """(values, digests) by the input's number."""
    if not known:
        return {}, {}
    values, digests = marshal.loads(zlib.decompress(base64.b64decode(known.lstrip("="))))
    return values, digests


def _kept(answer: Any) -> tuple[int, int | None, Any]:
    """Bytes, digest, and the answer where it is short: a reference may give gigabytes in the end.

    It is a copy, since a reference may change what it gave. (-1, None, None) of an answer that others than
    its equals may share the image of.
    """
    image = codec.image(answer)
    if image is None or not _is_imaged(answer):
        return -1, None, None
    return len(image), codec.digest_of([image]), marshal.loads(image) if len(image) <= _LONGEST else None


def _is_imaged(value: Any) -> bool:
    """Whether only equals have the same image: not so nan, and bytes have that of all that shares memory."""
    if isinstance(value, dict):
        return all(map(_is_imaged, value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        kinds = {*map(type, value)}
        if kinds <= _NUMBERS | _SURE:
            return kinds.isdisjoint(_NUMBERS) or all(map(operator.eq, value, value))
        return all(map(_is_imaged, value))
    return type(value) in _SURE or (type(value) in _NUMBERS and not cmath.isnan(value))


def plain(oracle: str, expected: Any) -> Any:
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


def _root(answer: Any, expected: Any, atol: float, arguments: Sequence[Any]) -> bool:
    """HumanEval/32: any root of the polynomial will do."""
    root = float(answer)  # once: an object might say something else each time
    value = sum(factor * math.pow(root, power) for power, factor in enumerate(arguments[0]))
    return bool(abs(value) <= atol)


def _slant(answer: Any, expected: Any, atol: float, arguments: Sequence[Any]) -> bool:
    """Mbpp/581: the pyramid's height may also be read as that of its apex above the base."""
    edge, height = arguments
    other = round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))
    return equal(answer, expected, atol) or abs(answer - other) <= atol


def _padded(answer: Any, expected: Any, atol: float, arguments: Sequence[Any]) -> bool:
    """Mbpp/558: the shorter number may be padded with zeros."""
    first, second = map(str, arguments)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width), strict=True)
    return equal(answer, expected, atol) or answer == sum(abs(int(a) - int(b)) for a, b in pairs)


def _not_none(answer: Any, expected: Any, atol: float, arguments: Sequence[Any]) -> bool:
    return bool(answer == expected) if isinstance(answer, bool) else expected == (answer is not None)


Oracle = Callable[[Any, Any, float, Sequence[Any]], bool]
ORACLES: dict[str, Oracle] = {
    "equal": lambda answer, expected, atol, arguments: equal(answer, expected, atol),
    "exact": lambda answer, expected, atol, arguments: bool(answer == expected),
    "same_items": lambda answer, expected, atol, arguments: set(answer) == set(expected),
    "not_none": _not_none,
    "or_zero": lambda answer, expected, atol, arguments: answer == 0 or equal(answer, expected, atol),
    "anything": lambda answer, expected, atol, arguments: True,
    "root": _root,
    "slant": _slant,
    "padded": _padded,
}
_EXACT = ("equal", "exact")
"""Those that take every answer that equals itself and the reference's."""
_NEED_INPUT = ("root", "slant", "padded")


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
