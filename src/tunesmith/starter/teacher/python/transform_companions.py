"""Mechanical changes that add a companion function, or save time or memory."""

from __future__ import annotations

import ast

from .describe import parameters
from .transforms import add_import, edited_blocks, names_of, statements, stored, top_function


def count_calls(module: ast.Module, name: str) -> bool:
    """The number of calls so far in the attribute ``calls`` of the function."""
    function = top_function(module, name)
    if function is None or function.decorator_list or "calls" in ast.unparse(function):
        return False
    if name in parameters(function) or parameters(function)[:1] in (["self"], ["cls"]):
        return False
    position = 1 if ast.get_docstring(function, clean=False) is not None else 0
    function.body[position:position] = statements(f"{name}.calls += 1")
    where = module.body.index(function) + 1
    module.body[where:where] = statements(f"{name}.calls = 0")
    return True


def each(module: ast.Module, name: str) -> bool:
    """A second function that applies the first to every item of an iterable."""
    return _companion(
        module, name, f"def {name}_each(items):\n    return [{name}(item) for item in items]", 1
    )


def fallback(module: ast.Module, name: str) -> bool:
    """A second function that gives a default where the first raises."""
    text = (
        f"def {name}_or(default, *args, **kwargs):\n    try:\n        return {name}(*args, **kwargs)\n"
        "    except Exception:\n        return default"
    )
    return _companion(module, name, text, None)


def _companion(module: ast.Module, name: str, text: str, arity: int | None) -> bool:
    function = top_function(module, name)
    if not isinstance(function, ast.FunctionDef):
        return False
    needed = [a.arg for a in function.args.args][: len(function.args.args) - len(function.args.defaults)]
    keyword = any(default is None for default in function.args.kw_defaults)
    if arity is not None and (len(needed) != arity or keyword or function.args.posonlyargs):
        return False
    made = statements(text)
    if needed[:1] in (["self"], ["cls"]) or getattr(made[0], "name", "") in ast.unparse(module):
        return False
    where = module.body.index(function) + 1
    module.body[where:where] = made
    return True


def remember(module: ast.Module, name: str) -> bool:
    """``functools.cache`` on a function that calls itself at least twice on plain numbers.

    Only where every parameter is used in arithmetic, comparisons and calls of itself alone, so that
    the arguments are hashable and the result depends on nothing else.
    """
    function = top_function(module, name)
    if not isinstance(function, ast.FunctionDef) or function.decorator_list or not parameters(function):
        return False
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call)]
    itself = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == name]
    awkward = (
        ast.Subscript, ast.Attribute, ast.For, ast.comprehension, ast.Yield, ast.YieldFrom, ast.Starred,
        ast.Global, ast.Nonlocal, ast.List, ast.Dict, ast.Set,
    )  # fmt: skip
    if (
        len(itself) < 2
        or len(calls) != len(itself)
        or any(isinstance(n, awkward) for n in ast.walk(function))
    ):
        return False
    if not set(names_of(function)) <= {*parameters(function), name, *stored(function.body)}:
        return False
    function.decorator_list = [ast.Name("cache")]
    add_import(module, "from functools import cache")
    return True


def generators(module: ast.Module, _name: str) -> bool:
    """No list only to sum, count or search it: ``sum([..])`` as ``sum(..)`` over a generator."""
    changed = False
    for node in ast.walk(module):
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Name)
            or len(node.args) != 1
            or node.keywords
        ):
            continue
        only = node.args[0]
        if node.func.id in ("sum", "min", "max", "any", "all") and isinstance(only, ast.ListComp):
            if node.func.id in ("any", "all") and any(isinstance(n, ast.Call) for n in ast.walk(only.elt)):
                continue  # stopping early would leave out effects
            node.args[0] = ast.GeneratorExp(only.elt, only.generators)
            changed = True
    return changed


def joined(module: ast.Module, _name: str) -> bool:
    """``s = ''`` and a loop that only adds to ``s`` at its end, as a list of parts joined once."""
    taken = names_of(module)

    def change(block: list[ast.stmt], index: int) -> int:
        first, loop = block[index], block[index + 1] if index + 1 < len(block) else None
        if not isinstance(first, ast.Assign) or ast.unparse(first.value) != "''" or len(first.targets) != 1:
            return 0
        target = first.targets[0]
        if not isinstance(target, ast.Name) or not isinstance(loop, ast.For | ast.While):
            return 0
        parts = f"{target.id}_parts"
        adds = [n for n in ast.walk(loop) if isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Add)]
        adds = [n for n in adds if isinstance(n.target, ast.Name) and n.target.id == target.id]
        if not adds or names_of(loop).count(target.id) != len(adds) or parts in taken:
            return 0
        if len(adds) != _added_to(module, target.id):
            return 0
        if any(isinstance(n, ast.Return | ast.Yield | ast.FunctionDef | ast.Lambda) for n in ast.walk(loop)):
            return 0
        block[index : index + 1] = statements(f"{parts} = []")
        _swap_adds(loop, adds, parts)
        block[index + 2 : index + 2] = statements(f"{target.id} = ''.join({parts})")
        return 1

    return edited_blocks(module, change)


def _added_to(module: ast.Module, name: str) -> int:
    found = (n.target for n in ast.walk(module) if isinstance(n, ast.AugAssign))
    return sum(isinstance(target, ast.Name) and target.id == name for target in found)


def _swap_adds(loop: ast.For | ast.While, adds: list[ast.AugAssign], parts: str) -> None:
    for node in ast.walk(loop):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                for index, statement in enumerate(block):
                    if any(statement is add for add in adds):
                        block[index] = statements(f"{parts}.append({ast.unparse(statement.value)})")[0]
