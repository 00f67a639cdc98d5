"""What the starter teacher can truly say of an answer: right, wrong, or that it does not know.

It runs nothing. It knows the answers of the starter world and of its own evolved tasks by their
programs, and knows that code which does not parse is wrong. Anything else it leaves open.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import lru_cache

import orjson

from ...code.facts import code_facts
from ...code.markdown import code_of, comments, fingerprint, language_name, parse
from ...replies import fenced
from ...requests import Request
from .. import world
from . import rework


def right(instruction: str, answer: str, language: str = "python") -> bool | None:
    """Whether an answer solves an instruction; None where no rule can tell."""
    if language_name(language) not in ("", "python"):
        return None
    code = code_of(answer, "python")
    if parse(code) is None or not code.strip():
        return False if language_name(language) == "python" else None
    shape = fingerprint(code)
    if shape in _right_shapes(instruction):
        return True
    return False if shape in _wrong_shapes(instruction) else None


@lru_cache(maxsize=4096)
def _right_shapes(instruction: str) -> set[str]:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        styles = ("loop",) if reading.one_pass else world.STYLES
        return {fingerprint(world.solution(reading.task, style)) for style in styles}
    program = rework.solved(task) if task else None
    return {fingerprint(program)} if program else set()


@lru_cache(maxsize=4096)
def _wrong_shapes(instruction: str) -> set[str]:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        near = world.near_misses(reading.task)
        return {fingerprint(world.solution(other, style)) for other in near for style in world.STYLES}
    if task is None:
        return set()
    skipped = (replace(task, requirements=task.requirements[:n]) for n in range(len(task.requirements)))
    programs = [rework.solved(less) if less.requirements else less.code for less in skipped]
    return {fingerprint(program) for program in programs if program}


def _facts(request: Request) -> tuple[str, str, str]:
    facts = request.facts
    return str(facts.get("instruction", "")), str(facts.get("answer", "")), str(facts.get("language", ""))


def judge(request: Request) -> str | None:
    """``passed`` or ``not passed``."""
    known = right(*_facts(request))
    return None if known is None else _WORDS[known]


def misjudge(request: Request) -> str | None:
    """The other verdict."""
    known = right(*_facts(request))
    return None if known is None else _WORDS[not known]


_WORDS = {True: "passed", False: "not passed"}


def hindsight(request: Request) -> str | None:
    """What the answer's code really uses and the instruction does not say."""
    instruction, answer, language = _facts(request)
    facts = code_facts(code_of(answer, "python")) if language_name(language) in ("", "python") else None
    if facts is None or not (facts.functions or facts.traits or facts.imports):
        return None
    said = ["Answer with a Python program."]
    told = [name for name in sorted(facts.traits) if name not in instruction.lower()]
    if told:
        said.append(f"Build it on these means: {', '.join(told)}.")
    if facts.imports:
        said.append(f"It imports {' and '.join(f'`{name}`' for name in sorted(facts.imports)[:3])}.")
    if facts.functions:
        said.append(f"Put the work into `{facts.functions[0]}`.")
    return " ".join(said)


def false_hindsight(request: Request) -> str | None:
    """A preface that claims something the answer does not do."""
    _, answer, _ = _facts(request)
    facts = code_facts(code_of(answer, "python"))
    if facts is None:
        return None
    unused = next((name for name in ("recursion", "binary search", "heap") if name not in facts.traits), None)
    return f"Answer with a Python program that relies on {unused}." if unused else None


def smells(code: str) -> list[str]:
    """What a reader would mend in Python code that parses: habits known to mislead or to hide mistakes."""
    tree = parse(code)
    found = []
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append("name the exceptions that `except` catches")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += _function_smells(node)
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) and side.value is None for side in sides):
                found.append("compare with None by `is`")
        elif isinstance(node, ast.Assign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in _SHADOWED for target in targets):
                found.append("do not give a variable the name of a builtin")
    return list(dict.fromkeys(found))


_SHADOWED = {
    "list",
    "dict",
    "set",
    "str",
    "sum",
    "max",
    "min",
    "input",
    "type",
    "id",
    "len",
    "sorted",
    "filter",
}


def _function_smells(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    found = []
    if any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in function.args.defaults):
        found.append("do not use a mutable default argument")
    if (function.end_lineno or 0) - function.lineno > 40:
        found.append(f"split `{function.name}`, which is long")
    if ast.get_docstring(function) is None:
        found.append(f"say in a docstring what `{function.name}` does")
    return found


def review(request: Request) -> str | None:
    """Correctness where it is known, clarity by its smells, and the right program where that is known."""
    return _review(request, honest=True)


def misreview(request: Request) -> str | None:
    """A review whose correctness is the opposite of the truth."""
    return _review(request, honest=False)


def _review(request: Request, *, honest: bool) -> str | None:
    instruction, answer, language = _facts(request)
    known = right(instruction, answer, language)
    if known is None:
        return None
    code = code_of(answer, "python")
    advice = smells(code)
    better = code if known else _known_answer(instruction)
    if better is None:
        return None
    if not known:
        advice.insert(0, "correct the program: it does not do what is asked")
    clarity = max(1, 9 - 2 * len(advice) + bool(comments(code)))
    return orjson.dumps({
        "correctness": 9 if known == honest else 2,
        "clarity": clarity if parse(code) else 1,
        "suggestions": "; ".join(advice) or "none",
        "refined": fenced(better, "python"),
    }).decode()  # fmt: skip


def _known_answer(instruction: str) -> str | None:
    reading, task = world.read(instruction), rework.read_back(instruction)
    if reading:
        return world.solution(reading.task, "loop" if reading.one_pass else world.STYLES[0])
    return rework.solved(task) if task else None
