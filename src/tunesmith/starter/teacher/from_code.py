"""What the starter teacher says about training data: compare tasks, check rows, turn code into tasks.

Like its judgements (``starter_judge``) these rest on reading alone. Where the starter world or its own
evolved tasks give certainty it uses it; a rule that nothing speaks against is said to hold in these words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from random import Random

import orjson

from ...code.facts import code_facts
from ...code.markdown import blocks, code_of, fingerprint, language_name, parse
from ...replies import prose, sentences, words
from ...requests import Request
from .. import world
from . import describe, judgements, rework
from .rng import rng

_LANGUAGE = re.compile(r"\b(?:python|javascript|java|go|rust|ruby|php|typescript|sql)\b|c\+\+", re.IGNORECASE)
_UNSEEN = re.compile(
    r"\b(?:above|following|below|this|given) (?:\w+ )?(?:code|function|method|snippet|program)\b", re.I
)


def same_task(request: Request) -> str | None:
    """``equal`` or ``different``, where both tasks are of the starter world or of our evolved form."""
    first, second = (str(request.facts.get(key, "")) for key in ("parent", "instruction"))
    if words(first) == words(second):
        return "equal"
    one, other = world.read(first), world.read(second)
    if one and other:
        same = one.task.results() == other.task.results() and one.one_pass == other.one_pass
        return "equal" if same and bool(one.misleading) == bool(other.misleading) else "different"
    evolved, parent = rework.read_back(second), rework.read_back(first)
    if evolved is None:
        return None
    return "different" if set(evolved.requirements) - set(parent.requirements if parent else ()) else "equal"


def leak(request: Request) -> str | None:
    """``YES`` or ``NO``: whether a task rewords a problem; by their programs, else by their words."""
    first, second = (str(request.facts.get(key, "")) for key in ("problem", "instruction"))
    one, other = world.read(first), world.read(second)
    if one and other:
        return "YES" if one.task.results() == other.task.results() else "NO"
    said, asked = set(words(first)), set(words(second))
    alike = len(said & asked) / len(said | asked) if said | asked else 0.0
    return "YES" if alike > _SAME else "NO" if alike < _OTHER else None


_SAME, _OTHER = 0.9, 0.4
"""Shares of common words above which two tasks are taken to be one, and below which to be two."""


def discriminate(request: Request) -> str | None:
    """A verdict on every rule that can be checked by reading; None if one cannot."""
    rules = request.facts.get("rules", ())
    if not rules or not all(rule in _CHECKS for rule in rules):
        return None
    faults = {rule: _CHECKS[rule](request.facts) for rule in rules}
    return _verdict(faults)


def careless_discriminate(request: Request) -> str | None:
    """The overall verdict turned round, with reasons to suit."""
    right = discriminate(request)
    if right is None:
        return None
    rules, passed = list(request.facts["rules"]), orjson.loads(right)["overall"]
    return _verdict({rule: "it seemed so" if passed and rule == rules[0] else "" for rule in rules})


def _verdict(faults: Mapping[str, str]) -> str:
    rules = {
        rule: {"holds": not fault, "reason": fault or "nothing speaks against it"}
        for rule, fault in faults.items()
    }
    return orjson.dumps({"rules": rules, "overall": not any(faults.values())}).decode()


def _unnamed_language(facts: Mapping[str, str]) -> str:
    named = _LANGUAGE.search(facts["instruction"]) or blocks(facts["instruction"])
    return "" if named else "no language is named"


def _no_code(facts: Mapping[str, str]) -> str:
    given = [block.code for block in blocks(facts["instruction"])]
    bare = [code for code in given if not _solid(code)]
    if facts.get("task") in ("repair", "translation", "summarisation") and not given:
        return "the code to work on is missing"
    return "the given code is only comments" if bare else ""


def _solid(code: str) -> bool:
    return any(line.strip() and not line.strip().startswith(("#", "//")) for line in code.split("\n"))


def _unanswered(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation":
        return "" if sentences(facts["answer"]) else "there is no summary"
    if judgements.right(facts["instruction"], facts["answer"], facts.get("language", "")) is False:
        return "the answer is wrong"
    code = code_of(facts["answer"], facts.get("language", ""))
    given = {block.code.strip() for block in blocks(facts["instruction"])}
    return "the answer is the given code unchanged" if code.strip() in given else ""


def _chatter(facts: Mapping[str, str]) -> str:
    coded = facts.get("task") in ("generation", "repair", "translation") and blocks(facts["answer"])
    return "there is prose beside the code" if coded and len(words(prose(facts["answer"]))) > 20 else ""


def _unreadable(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation":
        return ""
    code = code_of(facts["answer"], facts.get("language", ""))
    return "a line is over 200 characters long" if any(len(line) > 200 for line in code.split("\n")) else ""


def _undefined(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation" or language_name(facts.get("language", "")) not in ("", "python"):
        return ""
    told = set(re.findall(r"\w+", facts["instruction"]))
    missing = [n for n in describe.outside_names(code_of(facts["answer"], "python")) if n not in told]
    return f"{describe.listed(missing)} comes from nowhere" if missing else ""


def _unseen(facts: Mapping[str, str]) -> str:
    points = _UNSEEN.search(prose(facts["instruction"]))
    return "it speaks of code that is not there" if points and not blocks(facts["instruction"]) else ""


_CHECKS = {
    "language named": _unnamed_language,
    "input is code": _no_code,
    "answers the task": _unanswered,
    "only what is asked": _chatter,
    "readable": _unreadable,
    "imports present": _undefined,
    "about the input": _unseen,
}
"""The default rules of ``selection.discriminate``, each by what would break it."""


def fits(request: Request) -> str | None:
    """YES or NO, where it is known whether the answer is right, or by the purpose its docstring states."""
    instruction, answer, language = (
        str(request.facts.get(key, "")) for key in ("instruction", "answer", "language")
    )
    known = judgements.right(instruction, answer, language)
    source = describe.one_function(code_of(answer, "python")) if known is None else None
    purpose = describe.purpose(ast.get_docstring(source.function) or "") if source else ""
    if purpose:
        known = set(words(purpose)) <= set(words(instruction))
    return None if known is None else "YES" if known else "NO"


def oss_instruct(request: Request) -> str | None:
    """A task of the starter world whose solution has a trait in common with the fragment."""
    facts = code_facts(_dedented(str(request.facts.get("fragment", ""))))
    if facts is None or language_name(str(request.facts.get("language", ""))) not in ("", "python"):
        return None
    chosen = rng(request)
    tasks = world.tasks("train")
    for _ in range(20):
        task = tasks[int(chosen.random() * len(tasks))]
        solution = world.solution(task, _style(chosen))
        own = code_facts(solution)
        if own and (own.traits & facts.traits or own.calls & facts.calls):
            problem = world.instruction(task, chosen)
            return orjson.dumps({"problem": problem, "solution": f"```python\n{solution}```"}).decode()
    return None


def _dedented(fragment: str) -> str:
    """A fragment as code that parses, if it is whole statements: common indentation taken off."""
    lines = fragment.split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = "\n".join(line[margin:] for line in lines)
    return text if parse(text) is not None else text + "\n    pass"


def _style(chosen: Random) -> str:
    return world.STYLES[int(chosen.random() * len(world.STYLES))]


def inverse(request: Request) -> str | None:
    """The task of a starter program, or the docstring's of a real function, as an instruction."""
    code = str(request.facts.get("code", ""))
    if language_name(str(request.facts.get("language", ""))) not in ("", "python"):
        return None
    place = _programs().get(fingerprint(code))
    if place is not None:
        return world.instruction(world.tasks("train")[place], rng(request))
    source = describe.one_function(code)
    told = str(request.facts.get("docstring") or "")
    purpose = describe.purpose(told or ast.get_docstring(source.function) or "") if source else ""
    if source is None or not purpose:
        return None
    opening = str(request.facts.get("opening") or "Write")
    account = describe.account(source)
    return f"{opening} a Python {source.kind} `{source.signature}`: {purpose} {account}"


@cache
def _programs() -> Mapping[str, int]:
    """Every program of the starter world's training tasks, by fingerprint, and whose it is."""
    return {
        fingerprint(world.solution(task, style)): place
        for place, task in enumerate(world.tasks("train"))
        for style in world.STYLES
    }
