"""What a program really uses: imports, algorithms, constructs. The measure for claims about code.

A claim ("uses recursion", "with the re module") is words; a fact is read off the syntax tree. Each
trait below has both: how to see it in Python code, and the words by which prose claims it. Prefaces,
reviews and strategies are checked against the same list, so that they mean the same thing by it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from .markdown import parse, unparsed

_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """imports: top-level packages.  traits: keys of ``TRAITS`` seen.  calls: builtins and methods called.

    functions: names defined at the top level.  depth: deepest nesting of loops and comprehensions.
    """

    imports: frozenset[str]
    traits: frozenset[str]
    calls: frozenset[str]
    functions: tuple[str, ...]
    depth: int

    @property
    def strategy(self) -> str:
        """The way of solving, as one string: traits, loop depth and imports; wording and names left out."""
        parts = [*sorted(self.traits - _MANNERS), *sorted(f"import {name}" for name in self.imports)]
        return "; ".join([f"depth {self.depth}", *parts])


_MANNERS = frozenset({"type hints", "exceptions", "class", "main guard"})
"""Traits of how code is dressed, not of how it solves."""


def code_facts(code: str) -> CodeFacts | None:
    """The facts of Python code; None where it does not parse."""
    tree = parse(code)
    if tree is None:
        return None
    nodes = list(ast.walk(tree))
    imports = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return CodeFacts(
        imports=frozenset(name.split(".")[0] for name in imports if name),
        traits=frozenset(name for name, trait in TRAITS.items() if trait.seen(nodes)),
        calls=frozenset(name for name in map(_called, nodes) if name),
        functions=tuple(node.name for node in tree.body if isinstance(node, _SCOPES)),
        depth=_depth(tree),
    )


@dataclass(frozen=True, slots=True)
class Trait:
    """seen: whether a list of nodes shows it.  claimed: a pattern over prose that claims it."""

    seen: Callable[[list[ast.AST]], bool]
    claimed: re.Pattern[str]


def claims(prose: str) -> frozenset[str]:
    """The traits that prose claims of a program; a negated mention ("without recursion") claims nothing."""
    bare = _NEGATED.sub(" ", prose)
    return frozenset(name for name, trait in TRAITS.items() if trait.claimed.search(bare))


def claimed_imports(prose: str) -> frozenset[str]:
    """The packages that prose says are used: ``the re module``, ``library `numpy```, ``imports heapq``."""
    said = [word.strip(".").lower() for word in re.findall(r"[\w.]+", _NEGATED.sub(" ", prose))]
    near = set()
    for place, word in enumerate(said):
        if word in ("module", "library", "package"):
            near |= set(said[max(0, place - 1) : place] + said[place + 1 : place + 2])
        elif word in ("import", "imports", "importing"):
            near |= set(said[place + 1 : place + 2])
    return frozenset(name.split(".")[0] for name in near) & _KNOWN_MODULES


_NEGATED = re.compile(
    r"\b(?:without|no|not|avoid(?:ing|s)?|instead of|rather than|never|free of)\s+(?:\w+\s+){0,2}?[\w`.-]+",
    re.IGNORECASE,
)
_KNOWN_MODULES = frozenset(name.lower() for name in sys.stdlib_module_names) | {
    "numpy", "pandas", "scipy", "sklearn", "torch", "tensorflow", "requests", "matplotlib", "flask", "django",
    "sympy", "networkx", "bs4", "nltk", "yaml", "pytest",
}  # fmt: skip


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _calls(*names: str) -> Callable[[list[ast.AST]], bool]:
    return lambda nodes: any(_called(node) in names for node in nodes)


def _has(*kinds: type[ast.AST]) -> Callable[[list[ast.AST]], bool]:
    return lambda nodes: any(isinstance(node, kinds) for node in nodes)


def _imports(*names: str) -> Callable[[list[ast.AST]], bool]:
    def seen(nodes: list[ast.AST]) -> bool:
        for node in nodes:
            if isinstance(node, ast.Import) and any(
                alias.name.split(".")[0] in names for alias in node.names
            ):
                return True
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in names:
                return True
        return False

    return seen


def _recursive(nodes: list[ast.AST]) -> bool:
    functions = [node for node in nodes if isinstance(node, _SCOPES)]
    return any(_called(inner) == function.name for function in functions for inner in ast.walk(function))


def _memoised(nodes: list[ast.AST]) -> bool:
    marks = [
        unparsed(mark) or "" for node in nodes if isinstance(node, _SCOPES) for mark in node.decorator_list
    ]
    return any("cache" in mark for mark in marks) or any(
        isinstance(node, ast.Name) and re.fullmatch(r"_?(?:memo|cache)\w*", node.id) for node in nodes
    )


def _halves(nodes: list[ast.AST]) -> bool:
    """Binary search: a while loop over two bounds that computes a middle, or bisect."""
    for node in nodes:
        if isinstance(node, ast.While) and isinstance(node.test, ast.Compare):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.BinOp)]
            halved = [n for n in inner if isinstance(n.op, ast.FloorDiv | ast.RShift)]
            if any(unparsed(n.right) in ("2", "1") and isinstance(n.left, ast.BinOp) for n in halved):
                return True
    return _imports("bisect")(nodes)


def _annotated(nodes: list[ast.AST]) -> bool:
    return any(
        isinstance(n, _SCOPES) and (n.returns or any(a.annotation for a in n.args.args)) for n in nodes
    )


def _guarded(nodes: list[ast.AST]) -> bool:
    return any(isinstance(n, ast.If) and "__name__" in (unparsed(n.test) or "") for n in nodes)


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


def _dictionary(nodes: list[ast.AST]) -> bool:
    return _has(ast.Dict, ast.DictComp)(nodes) or _calls("dict", "defaultdict", "Counter")(nodes)


def _set(nodes: list[ast.AST]) -> bool:
    return _has(ast.Set, ast.SetComp)(nodes) or _calls("set", "frozenset")(nodes)


_SEEN: tuple[tuple[str, Callable[[list[ast.AST]], bool], str], ...] = (
    ("recursion", _recursive, r"recursion|recursive(?:ly)?|calls itself"),
    ("memoisation", _memoised, r"memoi[sz]\w+|cach(?:e|es|ing)"),
    ("loop", _has(*_LOOPS), r"loops?|iterat\w+|looping"),
    ("while loop", _has(ast.While), r"while[- ]loops?"),
    ("list comprehension", _has(ast.ListComp), r"list comprehensions?"),
    ("generator", _has(ast.GeneratorExp, ast.Yield, ast.YieldFrom), r"generators?|yields?"),
    ("sorting", _calls("sorted", "sort"), r"sort(?:s|ed|ing)?"),
    ("binary search", _halves, r"binary search|bisection"),
    ("dictionary", _dictionary, r"dictionar(?:y|ies)|dicts?|hash ?(?:map|table)s?"),
    ("sets", _set, r"(?:a|the|python) set|hash ?sets?|sets"),
    ("regular expression", _imports("re", "regex"), r"regex(?:es|p)?|regular expressions?"),
    ("heap", _imports("heapq"), r"heaps?|heapq|priority queues?"),
    ("queue", _calls("deque", "Queue"), r"queues?|deques?|breadth[- ]first"),
    ("lambda", _has(ast.Lambda), r"lambdas?|anonymous functions?"),
    ("class", _has(ast.ClassDef), r"class(?:es)?|object[- ]oriented"),
    ("exceptions", _has(ast.Try, ast.Raise), r"exceptions?|raises?|try[ /-]except|error handling"),
    ("f-string", _has(ast.JoinedStr), r"f-?strings?"),
    ("type hints", _annotated, r"type[- ](?:hints?|annotations?)|annotated"),
    ("main guard", _guarded, r"main guard|__main__"),
    ("slicing", _has(ast.Slice), r"slic(?:e|es|ing)"),
)
TRAITS = {name: Trait(seen, re.compile(rf"\b(?:{said})\b", re.IGNORECASE)) for name, seen, said in _SEEN}
"""By name; the name itself is how we claim a trait in prose."""


def _depth(tree: ast.AST) -> int:
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += isinstance(node, _LOOPS)
        inner = depth + len(getattr(node, "generators", ()))
        deepest = max(deepest, inner)
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]
    return deepest
