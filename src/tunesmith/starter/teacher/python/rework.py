"""Evolved tasks that rules can answer: a program, and requirements that it does not meet yet.

The text of such a task has everything that is needed to answer it: the plain task, a starting version, and
requirements in fixed wordings. ``written`` makes the text, ``read_back`` parses it, and ``solved`` meets
the requirements. A task evolved twice lists the requirements of both rounds.
"""

from __future__ import annotations

import ast
import copy
import re
from dataclasses import dataclass, replace
from random import Random

from ....code.markdown import blocks, defined, parse
from ....replies import fenced
from . import bugs, transform_companions, transform_loops, transforms
from .describe import Function, outside_names, parameters, required


@dataclass(frozen=True, slots=True)
class Rework:
    """One kind of requirement. ``request`` may name the function as ``{name}``."""

    heuristic: str
    request: str
    change: transforms.Change
    test: str = ""
    """A test of the requirement alone, where one follows from its wording."""


_REFUSED = """\
try:
    {name}({nones})
except ValueError as error:
    assert any(word in str(error) for word in {names})
else:
    raise AssertionError("None was accepted")"""

HEURISTICS = ("constraints", "replace", "reason", "misdirect", "complexity")

CATALOGUE: tuple[Rework, ...] = (
    Rework(
        "constraints",
        "Annotate every parameter and the result of `{name}` with a type; write `Any` where the code does "
        "not settle one.",
        transforms.annotate,
        "assert set({names}) | {{'return'}} <= set({name}.__annotations__)",
    ),
    Rework(
        "constraints",
        "Let `{name}` raise a ValueError that names the argument when a required argument is None.",
        transforms.refuse_none,
        _REFUSED,
    ),
    Rework(
        "constraints",
        "Give `{name}` a docstring that lists its parameters, one on a line.",
        transforms.document,
        "assert all(word in {name}.__doc__ for word in {names})",
    ),
    Rework(
        "constraints",
        "Let callers of `{name}` pass everything after the first argument by keyword only.",
        transforms.keyword_only,
        "import inspect\n"
        "rest = list(inspect.signature({name}).parameters.values())[1:]\n"
        "assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in rest)",
    ),
    Rework(
        "constraints",
        "Put the program's statements into a function `main` that runs only when the file is run as "
        "a script.",
        transforms.main_guard,
        "assert callable(main)",
    ),
    Rework(
        "replace",
        "Use while loops over an index; no loop over range() may remain.",
        transform_loops.while_loops,
    ),
    Rework("replace", "Write every conditional expression as an if statement.", transform_loops.plain_ifs),
    Rework(
        "replace",
        "Build every list with an explicit loop; no list comprehension may remain.",
        transform_loops.explicit_loops,
    ),
    Rework(
        "replace",
        "Use a list comprehension wherever a loop does nothing but append to a fresh list.",
        transform_loops.comprehensions,
    ),
    Rework(
        "reason",
        "Keep the number of calls of `{name}` made so far in its attribute `calls`.",
        transform_companions.count_calls,
        "assert {name}.calls == 0",
    ),
    Rework(
        "reason",
        "Also define `{name}_each(items)`, which returns the list of the results of `{name}` for each item.",
        transform_companions.each,
        "assert {name}_each([]) == []",
    ),
    Rework(
        "reason",
        "Also define `{name}_or(default, *args, **kwargs)`, which returns what `{name}` returns for these "
        "arguments, or `default` where it raises.",
        transform_companions.fallback,
    ),
    Rework(
        "complexity",
        "Work out `{name}` at most once for each distinct argument, so that its time grows with the number "
        "of distinct arguments and not with the number of calls.",
        transform_companions.remember,
    ),
    Rework(
        "complexity",
        "Use constant extra memory: do not build a list only to sum, compare or search it.",
        transform_companions.generators,
    ),
    Rework(
        "complexity",
        "Build the text in time linear in its length: collect the parts and join them once.",
        transform_companions.joined,
    ),
)

_OTHER_LANGUAGE = re.compile(
    r"\b(?:java|javascript|js|node|typescript|html|css|sql|mysql|php|ruby|rust|golang|swift|kotlin|scala)\b"
    r"|\b(?:perl|bash|shell|regex|regular expression|haskell|matlab|lua)\b"
    r"|\bc(?:\+\+|#)|\b(?:c|r|go) (?:program|code|function|language)",
    re.IGNORECASE,
)
_FAULTY = "The version above is wrong: {hint}. Hand in a right one."
_START, _WANTED = "Start from this version:", "Requirements:"


@dataclass(frozen=True, slots=True)
class Reworked:
    """A task in this form: the plain task, the version to start from, the requirements in order."""

    plain: str
    code: str
    requirements: tuple[str, ...]


def written(task: Reworked) -> str:
    """The instruction's text."""
    wanted = "\n".join(f"- {requirement}" for requirement in task.requirements)
    return f"{task.plain}\n\n{_START}\n{fenced(task.code, 'python')}\n{_WANTED}\n{wanted}"


def read_back(instruction: str) -> Reworked | None:
    """The task whose text ``instruction`` is; None where it is not of this form."""
    head, _, wanted = instruction.strip().rpartition(f"\n{_WANTED}\n")
    plain, _, shown = f"\n{head}\n".partition(f"\n{_START}\n")
    code, lines = blocks(shown), wanted.strip().split("\n")
    if len(code) != 1 or not all(line.startswith("- ") for line in lines):
        return None
    requirements = tuple(line.removeprefix("- ").strip() for line in lines)
    return Reworked(plain.strip(), code[0].code.rstrip("\n"), requirements)


def solved(task: Reworked) -> str | None:
    """The program that meets every requirement; None where one is not understood or cannot be met."""
    code: str | None = task.code
    for requirement in sorted(task.requirements, key=lambda text: _hint(text) is None):
        code = _met(code, requirement) if code is not None else None
    return code


def _met(code: str, requirement: str) -> str | None:
    hint = _hint(requirement)
    if hint is not None:
        return bugs.undo(code, *hint)
    for rework in CATALOGUE:
        name = _named(rework, requirement)
        if name is not None:
            return changed(code, rework, name)
    return None


def changed(code: str, rework: Rework, name: str) -> str | None:
    """``code`` after one rework; None where it does not apply or changes nothing."""
    module = parse(code)
    if module is None:
        return None
    module = copy.deepcopy(module)
    if not rework.change(module, name):
        return None
    new = ast.unparse(ast.fix_missing_locations(module))
    return new if parse(new) is not None and new != ast.unparse(parse(code) or module) else None


def _named(rework: Rework, requirement: str) -> str | None:
    """The function that a requirement of this kind names, "" for none; None if it is of another kind."""
    pattern = re.escape(rework.request).replace(re.escape("{name}"), r"(?P<name>\w+)", 1)
    pattern = pattern.replace(re.escape("{name}"), "(?P=name)")
    found = re.fullmatch(pattern, requirement)
    return found.groupdict().get("name", "") if found else None


def _hint(requirement: str) -> tuple[str, int] | None:
    """The kind and line of the bug that a requirement names."""
    for kind, hint in bugs.HINTS.items():
        pattern = re.escape(_FAULTY.format(hint=hint)).replace(re.escape("{line}"), r"(\d+)")
        found = re.fullmatch(pattern, requirement)
        if found:
            return kind, int(found[1])
    return None


def evolved(instruction: str, answer: str, heuristic: str, chosen: Random) -> str | None:
    """A harder task made from a solved one by ``heuristic``; None where no rule applies.

    answer: the program that solves ``instruction``, not needed where that is of this form already.
    """
    task = read_back(instruction)
    if task is None:
        tree = parse(answer)
        if tree is None or not _is_program(tree) or _OTHER_LANGUAGE.search(instruction):
            return None
        if not defined(answer) and outside_names(answer):
            return None  # a snippet that cannot run, or another language's that happens to parse
        task = Reworked(instruction.strip(), answer.strip("\n"), ())
    harder = _faulty(task, chosen) if heuristic == "misdirect" else _required(task, heuristic, chosen)
    return written(harder) if harder and solved(harder) is not None else None


def _faulty(task: Reworked, chosen: Random) -> Reworked | None:
    if any(_hint(requirement) for requirement in task.requirements):
        return None
    made = bugs.injected(task.code, chosen)
    if made is None:
        return None
    wanted = (*task.requirements, _FAULTY.format(hint=made[1].hint))
    return replace(task, code=made[0], requirements=wanted)


def _required(task: Reworked, heuristic: str, chosen: Random) -> Reworked | None:
    now = solved(task)
    if now is None:
        return None
    name = next(iter(defined(now)), "")
    choices = [rework for rework in CATALOGUE if rework.heuristic == heuristic and not _asks(task, rework)]
    chosen.shuffle(choices)
    for rework in choices:
        if (name or "{name}" not in rework.request) and changed(now, rework, name) is not None:
            return replace(task, requirements=(*task.requirements, rework.request.format(name=name)))
    return None


def _asks(task: Reworked, rework: Rework) -> bool:
    return any(_named(rework, requirement) is not None for requirement in task.requirements)


def _is_program(tree: ast.Module) -> bool:
    """More than a value, a name or a line of prose that happens to parse."""
    kinds = (
        ast.Assign,
        ast.AugAssign,
        ast.Call,
        ast.FunctionDef,
        ast.ClassDef,
        ast.For,
        ast.While,
        ast.Import,
    )
    return any(isinstance(node, kinds) for node in ast.walk(tree))


def tests(task: Reworked, function: Function | None) -> list[str]:
    """Tests that follow from the wording of the requirements; they do not test the plain task.

    function: the first top-level function of the version to start from.
    """
    names = [name for name in parameters(function) if name not in ("self", "cls")] if function else []
    needed = required(function) if function else []
    found = []
    for rework in CATALOGUE:
        for name in [_named(rework, requirement) for requirement in task.requirements]:
            if name is not None and rework.test:
                nones = ", ".join(f"{argument}=None" for argument in needed)
                shown = needed if rework.test is _REFUSED else names
                found.append(rework.test.format(name=name, names=shown, nones=nones))
    return found
