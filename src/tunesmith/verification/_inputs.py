"""Plain values to call a Python function with, where its types are known and not guessed.

The types come, in this order, from literal calls in tests or docstring examples, annotations, defaults,
and usage that leaves no choice (``n % 2`` is a number, ``s.lower()`` a text). A parameter whose type
stays open gets only the values of the literal calls; without these there are no honest inputs: programs
in two languages may rightly differ on a value that the function was never meant for.
"""

from __future__ import annotations

import ast
import doctest
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from ..code.markdown import parse, unparsed
from ..sample import Json

Kind = str
"""``int``, ``float``, ``str``, ``bool``, or ``list[...]`` of one of the first three."""

_WHOLE = [0, 1, 2, 3, 5, 7, 10, 12, 18, -1, -4]
_TEXTS = ["", "a", "ab", "Abc", "hello world", "12", "level", "a,b c", "Zebra 7 x"]
_NUMBERS = [0.5, 2.5, -1.5, 3.25]
_TEXT_METHODS = re.compile(
    r"(?:lower|upper|[lr]?strip|split(?:lines)?|replace|(?:start|end)swith|is(?:digit|alpha|alnum|upper|lower)"
    r"|title|capitalize|casefold|swapcase|zfill|encode)"
)
_ARITHMETIC = (ast.Sub, ast.Mod, ast.FloorDiv, ast.Pow, ast.Div, ast.LShift, ast.RShift, ast.BitAnd)
_ANNOTATED = re.compile(r"(?:typing\.)?(?:list|sequence|iterable|collection)\[(int|float|str)\]")


def entry(code: str) -> ast.FunctionDef | None:
    """The one top-level function of Python ``code`` that no other calls; None where there is no one such."""
    tree = parse(code)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    if len(found) > 1:
        called = {
            name
            for function in found
            for name in (n.id for n in ast.walk(function) if isinstance(n, ast.Name))
            if name != function.name
        }
        found = [function for function in found if function.name not in called]
    return found[0] if len(found) == 1 else None


def inputs_for(
    function: ast.FunctionDef, hints: Iterable[str], chance: Random, most: int
) -> list[list[Json]]:
    """At most ``most`` lists of arguments, those of the hints first, then small values first.

    hints: Python texts (tests) or docstrings that may hold literal calls of the function.
    """
    signature = function.args
    if signature.vararg or signature.kwarg or signature.kwonlyargs:
        return []
    given = list(_unique(call for hint in hints for call in _calls(hint, function.name)))
    parameters = [argument.arg for argument in (*signature.posonlyargs, *signature.args)]
    kinds = [_kind(function, place, name, given) for place, name in enumerate(parameters)]
    needed = len(parameters) - len(signature.defaults)
    if not parameters or None in kinds[:needed]:
        return given[:most]
    made = list(given)
    counts = [n for n in range(needed, len(parameters) + 1) if None not in kinds[:n] and n]
    for turn in itertools.count():
        if turn >= 4 * most or len(made) >= 4 * most:
            break
        count = counts[turn % len(counts)] if counts else 0
        if count:
            made.append([_value(kind or "", turn, chance) for kind in kinds[:count]])
    return list(_unique(made))[:most]


def _unique(calls: Iterable[list[Json]]) -> Iterator[list[Json]]:
    seen: set[str] = set()
    for call in calls:
        if repr(call) not in seen:
            seen.add(repr(call))
            yield call


def _calls(hint: str, name: str) -> Iterator[list[Json]]:
    """The literal, positional arguments of calls of ``name`` in a test program or docstring."""
    try:
        examples = [example.source for example in doctest.DocTestParser().get_examples(hint)]
    except ValueError:
        examples = []
    for text in examples or [hint]:
        tree = parse(text)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                arguments = None if node.keywords else _literals(node.args)
                if arguments is not None:
                    yield arguments


def _literals(nodes: Sequence[ast.expr]) -> list[Json] | None:
    try:
        values = [ast.literal_eval(node) for node in nodes]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return values if all(map(_plain, values)) else None


def _plain(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(inner) for key, inner in value.items())
    return value is None or isinstance(value, bool | int | float | str)


def _kind(function: ast.FunctionDef, place: int, name: str, given: Sequence[list[Json]]) -> Kind | None:
    """The type of one parameter, or None where it stays open."""
    seen = {_kind_of(call[place]) for call in given if place < len(call) and call[place] != []}
    if seen:
        return seen.pop() if len(seen) == 1 else ("float" if seen == {"int", "float"} else None)
    arguments = [*function.args.posonlyargs, *function.args.args]
    annotation = arguments[place].annotation
    if annotation is not None:
        return _annotated((unparsed(annotation) or "").lower().strip("'\""))
    from_end = place - (len(arguments) - len(function.args.defaults))
    if from_end >= 0:
        default = _literals([function.args.defaults[from_end]])
        return _kind_of(default[0]) if default and default[0] is not None else None
    return _used(function, name)


def _kind_of(value: Json) -> Kind | None:
    if isinstance(value, list):
        inner = {_kind_of(item) for item in value}
        return f"list[{inner.pop()}]" if len(inner) == 1 and inner <= {"int", "float", "str"} else None
    return type(value).__name__ if isinstance(value, bool | int | float | str) else None


def _annotated(text: str) -> Kind | None:
    if text in ("int", "float", "str", "bool"):
        return text
    found = _ANNOTATED.fullmatch(text)
    return f"list[{found[1]}]" if found else None


def _used(function: ast.FunctionDef, name: str) -> Kind | None:
    """What usage leaves no choice about; a sequence needs a sure type of its items too."""
    nodes = list(ast.walk(function))
    scalar = _scalar(nodes, name)
    items = [
        node.target.id
        for node in nodes
        if isinstance(node, ast.For | ast.comprehension)
        and isinstance(node.iter, ast.Name) and node.iter.id == name and isinstance(node.target, ast.Name)
    ]  # fmt: skip
    summed = any(_calls_on(node, name, ("sum",)) for node in nodes)
    inner = {kind for item in items if (kind := _scalar(nodes, item))} | ({"int"} if summed else set())
    if inner and scalar is None:
        return f"list[{inner.pop()}]" if len(inner) == 1 else None
    return None if inner else scalar


def _scalar(nodes: Sequence[ast.AST], name: str) -> Kind | None:
    number = any(_is_number(node, name) for node in nodes)
    text = any(_is_text(node, name) for node in nodes)
    fractions = any(isinstance(n, ast.Constant) and isinstance(n.value, float) for n in nodes)
    return (
        ("float" if fractions else "int") if number and not text else "str" if text and not number else None
    )


def _is_number(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.BinOp | ast.AugAssign):
        sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        if any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides):
            return False
        return isinstance(node.op, _ARITHMETIC) and any(_names(side, name) for side in sides)
    if isinstance(node, ast.Compare):
        compared = [node.left, *node.comparators]
        constants = [side.value for side in compared if isinstance(side, ast.Constant)]
        return any(type(c) in (int, float) for c in constants) and any(_names(c, name) for c in compared)
    return _calls_on(node, name, ("range", "abs", "divmod", "chr"))


def _is_text(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Attribute):
        return _TEXT_METHODS.fullmatch(node.attr) is not None and _names(node.value, name)
    return _calls_on(node, name, ("ord",))


def _calls_on(node: ast.AST, name: str, functions: Sequence[str]) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in functions and any(_names(argument, name) for argument in node.args)


def _names(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _value(kind: Kind, turn: int, chance: Random) -> Json:
    """A value of ``kind``: an edge now and then, else by chance, small at first."""
    if kind.startswith("list["):
        size = chance.randrange(min(9, 2 + turn // 2))
        items = [_value(kind[5:-1], turn, chance) for _ in range(size)]
        return items + items[:1] if size and chance.random() < 0.3 else items
    if kind == "bool":
        return chance.random() < 0.5
    if kind == "str":
        return chance.choice(_TEXTS)
    whole = chance.choice(_WHOLE) if chance.random() < 0.6 else chance.randint(-5, 30)
    return chance.choice(_NUMBERS) if kind == "float" and chance.random() < 0.4 else whole
