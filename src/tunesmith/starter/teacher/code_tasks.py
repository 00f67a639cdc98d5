"""What the starter teacher says about real code, as far as static analysis can tell. Nothing is run.

| intent                      | facts                          | reply                                      |
|-----------------------------|--------------------------------|--------------------------------------------|
| ``four_tasks.generation``   | code, language, docstring      | record: docstring -> function              |
| ``four_tasks.summarisation``| code, language, docstring      | record: function -> what can be read off   |
| ``four_tasks.repair``       | code, language                 | record: function with a bug -> function    |
| ``four_tasks.translation``  | code, language, target         | record: Python to JavaScript on numbers    |
| ``evolve.<heuristic>``      | instruction, answer            | a harder task in the form of starter_rework|
| ``answer``                  | instruction                    | a program, for such tasks only             |
| ``write_tests``             | instruction, code              | asserts, from requirements and examples    |
| ``hindsight``               | instruction, answer            | a preface of what the code really uses     |
| ``review``                  | instruction, answer            | JSON: correctness, clarity, advice, code   |
| ``judge``                   | instruction, answer            | passed, not passed                         |
| ``fits``                    | instruction, answer            | YES, NO                                    |
| ``same_task``               | parent, instruction            | equal, different                           |
| ``leak``                    | problem, instruction           | YES, NO                                    |
| ``discriminate``            | instruction, answer, rules     | JSON: rule by rule, overall                |
| ``oss_instruct``            | fragment                       | JSON: problem, solution                    |
| ``inverse``                 | code, docstring, opening       | an instruction                             |

A record is the JSON object that ``synthesis.four_tasks`` asks for.
``MISTAKES`` are the slips of a careless teacher: a repair with another bug, an answer that skips a
requirement, a preface that claims what is not there, a verdict turned round.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import orjson

from ...code.markdown import code_of, language_name, parse
from ...replies import fenced
from ...requests import Request
from .. import world
from . import bugs, describe, from_code, judgements, rework, to_javascript
from .rng import rng

Handler = Callable[[Request], str | None]
_EXAMPLE = re.compile(r"`(\w+\([^`\n]*\))` gives `([^`\n]+)`")


def _source(request: Request) -> describe.SourceText | None:
    """The one Python function in a request's facts."""
    language = language_name(str(request.facts.get("language", "")))
    return describe.one_function(str(request.facts.get("code", ""))) if language in ("", "python") else None


def _record(task: str, instruction: str, information: str, solution: str) -> str:
    return orjson.dumps(
        {"task": task, "instruction": instruction, "information": information or "none", "solution": solution}
    ).decode()


def _purpose(request: Request, source: describe.SourceText) -> str:
    given = str(request.facts.get("docstring") or "") or ast.get_docstring(source.function) or ""
    return describe.purpose(given)


def generation(request: Request) -> str | None:
    """The docstring's first sentence as the task; the function as it stands as the solution."""
    source = _source(request)
    purpose = _purpose(request, source) if source else ""
    if source is None or not purpose:
        return None
    names = describe.outside_names(source.code)
    given = f"It may use {describe.listed(names, 12)}, defined elsewhere." if names else _examples(source)
    asked = f"Write the Python {source.kind} `{source.signature}`: {purpose}"
    return _record("generation", asked, given, fenced(source.code, "python"))


def _examples(source: describe.SourceText) -> str:
    """The docstring's examples in one sentence; ``write_tests`` reads them back."""
    found = describe.examples(ast.get_docstring(source.function) or "")
    told = [
        f"`{call}` gives `{value}`"
        for call, value in found
        if "`" not in call + value and "\n" not in call + value
    ]
    return f"For example, {', '.join(told[:3])}." if told else ""


def summarisation(request: Request) -> str | None:
    """The function without its docstring; what its author and its syntax tree say of it."""
    source = _source(request)
    if source is None:
        return None
    purpose = _purpose(request, source)
    said = f"{purpose} {describe.account(source)}".strip()
    asked = f"Explain briefly what this Python {source.kind} does, what it takes and what it gives."
    return _record("summarisation", asked, fenced(describe.without_docstring(source), "python"), said)


def repair(request: Request) -> str | None:
    """The function with one bug, to be mended."""
    return _repair(request, mended=True)


def unrepaired(request: Request) -> str | None:
    """A repair whose solution has another bug."""
    return _repair(request, mended=False)


def _repair(request: Request, *, mended: bool) -> str | None:
    source = _source(request)
    chosen = rng(request)
    made = bugs.injected(source.code, chosen) if source else None
    if source is None or made is None:
        return None
    right: str | None = source.code
    if not mended:
        other = bugs.injected(source.code, rng(request, "other bug"))
        right = other[0] if other and other[0] != made[0] else None
    purpose = _purpose(request, source)
    asked = f"This Python {source.kind} has a bug; find it and give the corrected code."
    asked += f" Its purpose: {purpose}" if purpose else ""
    return _record("repair", asked, fenced(made[0], "python"), fenced(right, "python")) if right else None


def translation(request: Request) -> str | None:
    """JavaScript for a Python function on numbers, where both are sure to agree."""
    source = _source(request)
    if source is None or language_name(str(request.facts.get("target", ""))) != "javascript":
        return None
    translated = to_javascript.translated(source.function)
    if translated is None:
        return None
    asked = "Translate this Python function on finite numbers to JavaScript; whole numbers stay below 2**53."
    return _record(
        "translation",
        asked,
        fenced(describe.without_docstring(source), "python"),
        fenced(translated, "javascript"),
    )


def evolve_by(heuristic: str) -> Handler:
    """A handler that adds a requirement of one heuristic to a solved Python task."""

    def evolve(request: Request) -> str | None:
        if language_name(str(request.facts.get("language") or "python")) != "python":
            return None
        instruction = str(request.facts.get("instruction", ""))
        if world.recognise(instruction):
            return None  # that world has harder tasks of its own
        answer = code_of(str(request.facts.get("answer") or ""), "python")
        return rework.evolved(instruction, answer, heuristic, rng(request))

    return evolve


def answer(request: Request) -> str | None:
    """The starting version with every requirement carried out."""
    task = rework.read_back(str(request.facts.get("instruction", "")))
    program = rework.solved(task) if task else None
    return fenced(program, "python") if program else None


def careless_answer(request: Request) -> str | None:
    """The starting version without the last requirement: nearly what was asked."""
    task = rework.read_back(str(request.facts.get("instruction", "")))
    program = rework.solved(replace(task, requirements=task.requirements[:-1])) if task else None
    return fenced(program, "python") if program else None


def write_tests(request: Request) -> str | None:
    """What the requirements and the stated examples fix; never what a program happens to do."""
    instruction = str(request.facts.get("instruction", ""))
    task = rework.read_back(instruction)
    code = task.code if task else code_of(str(request.facts.get("code") or ""), "python")
    tree = parse(code)
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None) if tree else None
    found = [
        f"assert {call} == {value}"
        for call, value in _EXAMPLE.findall(instruction)
        if parse(f"{call} == {value}")
    ]
    if task:
        found += rework.tests(task, function)
    if function:
        told = describe.examples(ast.get_docstring(function) or "")
        found += [f"assert {call} == {value}" for call, value in told if call.startswith(f"{function.name}(")]
    return fenced("\n".join(found), "python") if found else None


HANDLERS: Mapping[str, Handler] = MappingProxyType({
    "four_tasks.generation": generation,
    "four_tasks.summarisation": summarisation,
    "four_tasks.repair": repair,
    "four_tasks.translation": translation,
    **{f"evolve.{how}": evolve_by(how) for how in rework.HEURISTICS},
    "answer": answer,
    "write_tests": write_tests,
    "hindsight": judgements.hindsight,
    "review": judgements.review,
    "judge": judgements.judge,
    "fits": from_code.fits,
    "same_task": from_code.same_task,
    "leak": from_code.leak,
    "discriminate": from_code.discriminate,
    "oss_instruct": from_code.oss_instruct,
    "inverse": from_code.inverse,
})  # fmt: skip

MISTAKES: Mapping[str, Handler] = MappingProxyType({
    "four_tasks.repair": unrepaired,
    "answer": careless_answer,
    "hindsight": judgements.false_hindsight,
    "review": judgements.misreview,
    "judge": judgements.misjudge,
    "discriminate": from_code.careless_discriminate,
})  # fmt: skip
