"""``discriminate``: a verdict on a row, rule by rule.

Facts: ``instruction``, ``answer``, ``language``, ``task``, ``rules``.
Only the default rules of ``selection.discriminate`` can be checked by reading. A rule holds unless something
in the row breaks it; the reason then states that nothing was found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from ...code.find_program import code_of
from ...code.markdown import blocks, language_name
from ...replies import prose, sentences, words
from ...requests import Request
from .judge import right
from .python import describe

_LANGUAGE = re.compile(r"\b(?:python|javascript|java|go|rust|ruby|php|typescript|sql)\b|c\+\+", re.IGNORECASE)
_UNSEEN = re.compile(
    r"\b(?:above|following|below|this|given) (?:\w+ )?(?:code|function|method|snippet|program)\b", re.I
)
_MOST_PROSE = 20  # words beside the code of an answer that should be code only
_LONGEST_LINE = 200


def reply(request: Request) -> str | None:
    """JSON with a verdict on every rule; None if one of them cannot be checked by reading."""
    rules = request.facts.get("rules", ())
    if not rules or not all(rule in _CHECKS for rule in rules):
        return None
    return _verdict({rule: _CHECKS[rule](request.facts) for rule in rules})


def mistake(request: Request) -> str | None:
    """The opposite overall verdict, with reasons to suit."""
    truth = reply(request)
    if truth is None:
        return None
    rules, passed = list(request.facts["rules"]), orjson.loads(truth)["overall"]
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
    codes = [block.code for block in blocks(facts["instruction"])]
    if facts.get("task") in ("repair", "translation", "summarisation") and not codes:
        return "the code to work on is missing"
    return "" if all(map(_has_statements, codes)) else "the given code is only comments"


def _has_statements(code: str) -> bool:
    return any(line.strip() and not line.strip().startswith(("#", "//")) for line in code.split("\n"))


def _unanswered(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation":
        return "" if sentences(facts["answer"]) else "there is no summary"
    if right(facts["instruction"], facts["answer"], facts.get("language", "")) is False:
        return "the answer is wrong"
    code = code_of(facts["answer"], facts.get("language", ""))
    shown = {block.code.strip() for block in blocks(facts["instruction"])}
    return "the answer is the given code unchanged" if code.strip() in shown else ""


def _chatter(facts: Mapping[str, str]) -> str:
    coded = facts.get("task") in ("generation", "repair", "translation") and blocks(facts["answer"])
    long = coded and len(words(prose(facts["answer"]))) > _MOST_PROSE
    return "there is prose beside the code" if long else ""


def _unreadable(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation":
        return ""
    code = code_of(facts["answer"], facts.get("language", ""))
    long = any(len(line) > _LONGEST_LINE for line in code.split("\n"))
    return f"a line is over {_LONGEST_LINE} characters long" if long else ""


def _undefined(facts: Mapping[str, str]) -> str:
    if facts.get("task") == "summarisation" or language_name(facts.get("language", "")) not in ("", "python"):
        return ""
    mentioned = set(re.findall(r"\w+", facts["instruction"]))
    names = describe.outside_names(code_of(facts["answer"], "python"))
    missing = [name for name in names if name not in mentioned]
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
"""The default rules of ``selection.discriminate``, each with what would break it."""
