"""Mechanical changes to Python programs on the syntax tree that keep what the program does.

Every function takes a module and the name of the function it is about ("" for a script), edits the
tree in place and returns whether it changed anything. A change that might alter behaviour is not made; each
function states its conditions.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from .describe import Function, inside, parameters, required

Change = Callable[[ast.Module, str], bool]
_KNOWN_TYPES: dict[type[ast.expr], str] = {
    ast.List: "list", ast.ListComp: "list", ast.Dict: "dict", ast.DictComp: "dict",
    ast.Set: "set", ast.SetComp: "set", ast.Tuple: "tuple", ast.JoinedStr: "str",
}  # fmt: skip


def top_function(module: ast.Module, name: str) -> Function | None:
    """The top-level function called ``name``; None where there is none or it is defined twice."""
    found = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    return found[0] if len(found) == 1 else None


def statements(text: str) -> list[ast.stmt]:
    """Statements of source text that we wrote ourselves."""
    return ast.parse(text).body


def blocks_of(root: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every block of statements under a node."""
    for node in ast.walk(root):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def replaced(module: ast.Module, change: Callable[[ast.stmt], list[ast.stmt] | None]) -> bool:
    """Replace every statement by ``change(statement)`` if that is not None."""
    changed = False
    for block in list(blocks_of(module)):
        for statement in list(block):
            new = change(statement)
            if new is not None:
                where = next(i for i, other in enumerate(block) if other is statement)
                block[where : where + 1] = new
                changed = True
    return changed


def edited_blocks(module: ast.Module, change: Callable[[list[ast.stmt], int], int]) -> bool:
    """Run ``change(block, index)`` over every place; it edits the block and returns the number of edits."""
    edits = 0
    for block in list(blocks_of(module)):
        index = 0
        while index < len(block):
            edits += change(block, index)
            index += 1
    return edits > 0


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that are assigned or deleted anywhere under the nodes."""
    found = (n for root in nodes for n in ast.walk(root) if isinstance(n, ast.Name))
    return {n.id for n in found if not isinstance(n.ctx, ast.Load)}


def names_of(node: ast.AST) -> list[str]:
    """The names under a node, as often as they occur."""
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


def _after_docstring(function: Function) -> int:
    return 1 if ast.get_docstring(function, clean=False) is not None else 0


def add_import(module: ast.Module, text: str) -> None:
    """Add an import after the module's docstring and ``__future__`` imports, unless it is there."""
    if any(ast.unparse(node) == text for node in module.body):
        return
    position = 0
    for index, node in enumerate(module.body):
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (future or docstring):
            break
        position = index + 1
    module.body[position:position] = statements(text)


# constraints


def annotate(module: ast.Module, name: str) -> bool:
    """Type hints on every parameter and the result; ``Any`` where a default does not settle it."""
    function = top_function(module, name)
    if function is None:
        return False
    arguments = function.args
    defaults = dict(
        zip(reversed([*arguments.posonlyargs, *arguments.args]), reversed(arguments.defaults), strict=False)
    )
    defaults |= {
        a: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
    }
    bare = [
        a for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.annotation is None
    ]
    bare = [a for a in bare if a.arg not in ("self", "cls")]
    if not bare and function.returns is not None:
        return False
    for argument in bare:
        argument.annotation = ast.Name(_type_of(defaults.get(argument)))
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None and extra.annotation is None:
            extra.annotation = ast.Name("Any")
    if function.returns is None:
        function.returns = _result_type(function)
    if any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(function)):
        add_import(module, "from typing import Any")
    return True


def _type_of(value: ast.expr | None) -> str:
    if isinstance(value, ast.Constant) and type(value.value) in (int, float, str, bool, bytes):
        return type(value.value).__name__
    return _KNOWN_TYPES.get(type(value), "Any") if value is not None else "Any"


def _result_type(function: Function) -> ast.expr:
    nodes = list(inside(function))
    if isinstance(function, ast.AsyncFunctionDef) or any(
        isinstance(n, ast.Yield | ast.YieldFrom) for n in nodes
    ):
        return ast.Name("Any")
    returns = [n for n in nodes if isinstance(n, ast.Return)]
    values = [n.value for n in returns if n.value is not None]
    if not values:
        return ast.Constant(None)
    types = {_type_of(value) for value in values}
    certain = len(types) == 1 and len(values) == len(returns) and isinstance(function.body[-1], ast.Return)
    return ast.Name(types.pop() if certain else "Any")


def refuse_none(module: ast.Module, name: str) -> bool:
    """ValueError, naming the argument, where a required one is None; not where None is dealt with."""
    function = top_function(module, name)
    if function is None or not required(function) or isinstance(function, ast.AsyncFunctionDef):
        return False
    nodes = list(inside(function))
    if any(isinstance(n, ast.Constant) and n.value is None for n in nodes):
        return False
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in nodes):
        return False
    checks = [
        f"if {argument} is None:\n    raise ValueError('{argument} must not be None')"
        for argument in required(function)
    ]
    position = _after_docstring(function)
    function.body[position:position] = statements("\n".join(checks))
    return True


def document(module: ast.Module, name: str) -> bool:
    """A docstring that lists the parameters. Only where there is none yet."""
    function = top_function(module, name)
    if function is None or ast.get_docstring(function) is not None or not parameters(function):
        return False
    lines = "\n".join(f"    {argument}: a parameter." for argument in parameters(function))
    text = f"{name.replace('_', ' ').strip().capitalize()}.\n\n    Parameters:\n{lines}\n    "
    function.body.insert(0, ast.Expr(ast.Constant(text)))
    return True


def keyword_only(module: ast.Module, name: str) -> bool:
    """Everything after the first parameter by keyword only. Only where the module does not call it."""
    function = top_function(module, name)
    if function is None or function.args.vararg or function.args.posonlyargs or len(function.args.args) < 2:
        return False
    if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(module)):
        return False
    arguments = function.args
    moved, defaults = arguments.args[1:], arguments.defaults
    if len(defaults) > len(moved):
        arguments.defaults, defaults = defaults[:1], defaults[1:]
    else:
        arguments.defaults = []
    filled = [None] * (len(moved) - len(defaults)) + list(defaults)
    arguments.args = arguments.args[:1]
    arguments.kwonlyargs = moved + arguments.kwonlyargs
    arguments.kw_defaults = filled + arguments.kw_defaults
    return True


def main_guard(module: ast.Module, _name: str) -> bool:
    """A script's statements in ``main``, behind the usual guard; not where functions use its names."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    moved = [node for node in module.body if not isinstance(node, kept)]
    stay = [node for node in module.body if isinstance(node, kept)]
    bound = {
        n.id for m in moved for n in ast.walk(m) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    used = {n.id for s in stay for n in ast.walk(s) if isinstance(n, ast.Name)}
    awkward = (ast.Global, ast.Nonlocal, ast.Await, ast.Yield, ast.Lambda, ast.Delete)
    if not moved or bound & used or any(isinstance(n, awkward) for m in moved for n in ast.walk(m)):
        return False
    if any(getattr(node, "name", "") == "main" for node in stay) or _imports_star(module):
        return False
    if isinstance(moved[0], ast.Expr) and isinstance(moved[0].value, ast.Constant) and len(moved) == 1:
        return False
    shell = statements("def main():\n    pass\nif __name__ == '__main__':\n    main()")
    assert isinstance(shell[0], ast.FunctionDef)
    shell[0].body = moved
    module.body[:] = [*stay, *shell]
    return True


def _imports_star(module: ast.Module) -> bool:
    return any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(module))
