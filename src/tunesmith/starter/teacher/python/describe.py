"""Describe a Python function from its syntax tree and docstring alone.

Nothing is run and nothing is guessed. What cannot be read from the text is left out.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from .... import replies
from ....code.markdown import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class SourceText:
    """Python source that holds exactly one top-level function, and that function."""

    code: str
    function: Function

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def kind(self) -> str:
        """``method`` where the first parameter is ``self`` or ``cls``, else ``function``."""
        names = parameters(self.function)
        return "method" if names[:1] in (["self"], ["cls"]) else "function"

    @property
    def signature(self) -> str:
        """``name(parameters)`` as a caller reads it, without the word ``def``."""
        returns = f" -> {ast.unparse(self.function.returns)}" if self.function.returns else ""
        return f"{self.name}({ast.unparse(self.function.args)}){returns}"


def one_function(code: str) -> SourceText | None:
    """``code`` as a ``SourceText``; None unless its only function or class at top level is one function."""
    tree = parse(code)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in tree.body if isinstance(node, kinds)] if tree else []
    if len(found) != 1 or isinstance(found[0], ast.ClassDef):
        return None
    return SourceText(code, found[0])


def parameters(function: Function) -> list[str]:
    """Names of the parameters, without ``*args`` and ``**kwargs``."""
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def required(function: Function) -> list[str]:
    """Parameters without a default, ``self`` and ``cls`` left out."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    bare = positional[: len(positional) - len(arguments.defaults)]
    keyword = [a for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is None]
    return [a.arg for a in (*bare, *keyword) if a.arg not in ("self", "cls")]


def inside(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes nested in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def without_docstring(source: SourceText) -> str:
    """The code with the function's docstring cut out; layout and comments elsewhere untouched."""
    first = source.function.body[0]
    if not ast.get_docstring(source.function, clean=False) or len(source.function.body) == 1:
        return source.code
    lines = source.code.split("\n")
    start, end = first.lineno - 1, first.end_lineno or first.lineno
    if source.function.body[1].lineno <= end or source.function.lineno - 1 == start:
        return source.code
    return "\n".join(lines[:start] + lines[end:])


def purpose(docstring: str) -> str:
    """The first sentence of a docstring on one line, or empty text if it is too short."""
    first_paragraph = re.split(r"\n\s*\n", inspect.cleandoc(docstring).strip(), maxsplit=1)[0]
    if ">>>" in first_paragraph:
        first_paragraph = first_paragraph.split(">>>")[0]
    found = replies.sentences(" ".join(first_paragraph.split()))
    if not found or len(replies.words(found[0])) < 3 or len(found[0]) > 400:
        return ""
    sentence = found[0].rstrip(" :;,-")
    return sentence if sentence[-1] in ".!?" else sentence + "."


def outside_names(code: str) -> list[str]:
    """Names that Python code uses and neither defines, imports nor finds among the builtins."""
    tree = parse(code)
    if tree is None:
        return []
    bound, used = set(dir(builtins)), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
    globals_ = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    return sorted((used - bound) | globals_)


def listed(names: list[str], limit: int = 5) -> str:
    """``a``, ``a and b``, ``a, b and c``; past ``limit``, "and others"."""
    shown = [f"`{name}`" for name in names[:limit]] + (["others"] if len(names) > limit else [])
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def account(source: SourceText) -> str:
    """What a function takes, does, gives and raises, in a few sentences; only what the text shows."""
    function = source.function
    named = [name for name in parameters(function) if name not in ("self", "cls")]
    sentences = [f"It takes {listed(named)}." if named else "It takes no arguments."]
    sentences.append(_gives(function))
    raised = _raised(function)
    if raised:
        sentences.append(f"It raises {listed(raised)} where it cannot go on.")
    called = [name for name in _called(function) if name not in raised]
    if called:
        sentences.append(f"On the way it calls {listed(called)}.")
    if source.name in called:
        sentences.append("It is recursive.")
    return " ".join(sentences)


def _gives(function: Function) -> str:
    nodes = list(inside(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return "It is a generator and yields its results one by one."
    values = [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    if not values and isinstance(function.body[-1], ast.Raise):
        return "It never returns normally."
    if not values:
        return "It returns nothing; it works by its effects."
    texts = list(dict.fromkeys(ast.unparse(value) for value in values))
    short = [text for text in texts if len(text) <= 40 and "`" not in text]
    if len(texts) == 1 and short:
        return f"It returns `{short[0]}`."
    if len(short) == len(texts) <= 3:
        return f"Depending on the case it returns {listed(short).replace(' and ', ' or ')}."
    return (
        "It returns a value that depends on the case." if len(texts) > 1 else "It returns a computed value."
    )


def _raised(function: Function) -> list[str]:
    names = []
    for node in inside(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            names.append(_dotted(what))
    return [name for name in dict.fromkeys(names) if name and name.split(".")[-1][:1].isupper()]


def _called(function: Function) -> list[str]:
    names = [_dotted(node.func) for node in inside(function) if isinstance(node, ast.Call)]
    return [name for name in dict.fromkeys(names) if name]


def _dotted(node: ast.AST) -> str:
    """``a.b.c`` for an attribute chain that starts at a name, else empty text."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def examples(docstring: str) -> list[tuple[str, str]]:
    """The doctest examples of a docstring whose result is a literal: (call, value) as source text.

    Only single expressions: an example that prints, raises or needs another example's names is left out.
    """
    import doctest

    found = []
    try:
        parsed = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return []
    for example in parsed:
        call, value = example.source.strip(), example.want.strip()
        if example.exc_msg is not None or not _is_literal(value) or not _is_call_on_literals(call):
            continue
        found.append((call, value))
    return found


def _is_literal(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return False
    return True


def _is_call_on_literals(text: str) -> bool:
    tree = parse(text)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return False
    call = tree.body[0].value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return False
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(_is_literal(ast.unparse(argument)) for argument in arguments)
