"""Mechanical changes to loops, comprehensions and conditions, each keeping what the program does."""

from __future__ import annotations

import ast

from .transforms import edited_blocks, names_of, replaced, statements, stored


def while_loops(module: ast.Module, _name: str) -> bool:
    """``for i in range(...)`` as a while loop.

    Only with literal steps, no ``continue`` or ``else``, the loop variable read only inside and never
    assigned there, and no name of the bounds assigned in the body.
    """
    uses: dict[str, int] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            uses[node.id] = uses.get(node.id, 0) + 1

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        if (
            not isinstance(statement, ast.For)
            or statement.orelse
            or not isinstance(statement.target, ast.Name)
        ):
            return None
        bounds = _range_bounds(statement.iter)
        name = statement.target.id
        if bounds is None or name in stored(statement.body) or _escapes(statement):
            return None
        start, stop, step = bounds
        if name in names_of(stop) or set(names_of(stop)) & stored(statement.body) or not _steady(stop):
            return None
        if sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(statement)) != uses[name]:
            return None
        sign = "<" if step > 0 else ">"
        head = statements(
            f"{name} = {ast.unparse(start)}\nwhile {name} {sign} {ast.unparse(stop)}:\n    pass"
        )
        loop = head[1]
        assert isinstance(loop, ast.While)
        statement.body.extend(statements(f"{name} {'+' if step > 0 else '-'}= {abs(step)}"))
        loop.body = statement.body  # the same list: loops inside it are still to be visited
        return head

    changed = replaced(module, change)
    left = [n for n in ast.walk(module) if isinstance(n, ast.For | ast.comprehension)]
    return changed and not any(_range_bounds(n.iter) for n in left)


def _range_bounds(node: ast.expr) -> tuple[ast.expr, ast.expr, int] | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "range":
        return None
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args) or not 1 <= len(node.args) <= 3:
        return None
    step = 1
    if len(node.args) == 3:
        try:
            step = ast.literal_eval(node.args[2])
        except (ValueError, TypeError):
            return None
        if type(step) is not int or step == 0:
            return None
    start = node.args[0] if len(node.args) > 1 else ast.Constant(0)
    return start, node.args[0] if len(node.args) == 1 else node.args[1], step


def _steady(stop: ast.expr) -> bool:
    """Whether a bound can be read again on every turn: names, numbers and arithmetic on them only."""
    allowed = (ast.Name, ast.Constant, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.expr_context)
    return all(isinstance(node, allowed) for node in ast.walk(stop))


def _escapes(loop: ast.For) -> bool:
    """Whether the body jumps on, or keeps the loop variable beyond a turn in a closure."""
    kinds = (
        ast.Continue,
        ast.Lambda,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.GeneratorExp,
        ast.Global,
        ast.Nonlocal,
    )
    return any(isinstance(node, kinds) for statement in loop.body for node in ast.walk(statement))


def plain_ifs(module: ast.Module, _name: str) -> bool:
    """``return a if c else b`` and ``x = a if c else b`` as if statements."""

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        value = getattr(statement, "value", None)
        if not isinstance(value, ast.IfExp):
            return None
        if isinstance(statement, ast.Return):
            arms: list[ast.stmt] = [ast.Return(value.body), ast.Return(value.orelse)]
        elif isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
            arms = [ast.Assign(statement.targets, arm, lineno=0) for arm in (value.body, value.orelse)]
        else:
            return None
        return [ast.If(value.test, [arms[0]], [arms[1]])]

    return replaced(module, change) and not _any(module, ast.IfExp)


def explicit_loops(module: ast.Module, _name: str) -> bool:
    """``x = [e for v in it if c]`` and its ``return`` as a loop that appends.

    Only one ``for`` over a plain name that occurs nowhere else in the module.
    """
    taken = [n.id for n in ast.walk(module) if isinstance(n, ast.Name)]

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        value = getattr(statement, "value", None)
        if not isinstance(value, ast.ListComp) or len(value.generators) != 1:
            return None
        turn = value.generators[0]
        if turn.is_async or not isinstance(turn.target, ast.Name):
            return None
        if taken.count(turn.target.id) != sum(n == turn.target.id for n in names_of(value)):
            return None
        if isinstance(statement, ast.Return):
            into = "collected"
        elif (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        ):
            into = statement.targets[0].id
        else:
            return None
        if into in names_of(value) or (into == "collected" and "collected" in taken):
            return None
        made = statements(f"{into} = []\nfor {turn.target.id} in {ast.unparse(turn.iter)}:\n    pass")
        loop, add = made[1], statements(f"{into}.append({ast.unparse(value.elt)})")
        assert isinstance(loop, ast.For)
        for test in reversed(turn.ifs):
            add = [ast.If(test, add, [])]
        loop.body = add
        return [*made, ast.Return(ast.Name(into))] if isinstance(statement, ast.Return) else made

    return replaced(module, change) and not _any(module, ast.ListComp)


def _any(module: ast.Module, kind: type[ast.AST]) -> bool:
    return any(isinstance(node, kind) for node in ast.walk(module))


def comprehensions(module: ast.Module, _name: str) -> bool:
    """``xs = []`` followed by a loop that only appends to ``xs``, as one list comprehension.

    Only where the loop variable occurs nowhere else.
    """
    taken = names_of(module)
    if _any(module, ast.ClassDef):
        return False  # a class body's names are not seen from inside a comprehension

    def change(block: list[ast.stmt], index: int) -> int:
        made = _as_comprehension(block[index], block[index + 1] if index + 1 < len(block) else None, taken)
        if made is None:
            return 0
        block[index : index + 2] = [made]
        return 1

    return edited_blocks(module, change)


def _as_comprehension(first: ast.stmt, loop: ast.stmt | None, taken: list[str]) -> ast.stmt | None:
    if not isinstance(first, ast.Assign) or ast.unparse(first.value) != "[]" or len(first.targets) != 1:
        return None
    target = first.targets[0]
    if not isinstance(target, ast.Name) or not isinstance(loop, ast.For) or loop.orelse:
        return None
    body, tests = loop.body, []
    while len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
        tests.append(body[0].test)
        body = body[0].body
    added = _appended(body, target.id)
    if added is None or not isinstance(loop.target, ast.Name) or names_of(loop).count(target.id) != 1:
        return None
    awkward = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    leaves = taken.count(loop.target.id) != names_of(loop).count(loop.target.id)
    if leaves or any(isinstance(node, awkward) for node in ast.walk(loop)):
        return None
    turn = ast.comprehension(loop.target, loop.iter, tests, 0)
    return ast.Assign([target], ast.ListComp(added, [turn]), lineno=0)


def _appended(body: list[ast.stmt], name: str) -> ast.expr | None:
    """The value that a block appends to ``name``, where that is all it does."""
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != f"{name}.append":
        return None
    if call.keywords or len(call.args) != 1 or isinstance(call.args[0], ast.Starred):
        return None
    return call.args[0]
