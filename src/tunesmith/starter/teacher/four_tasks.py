"""``four_tasks.TASK``: a record about one function, as the JSON that ``synthesis.four_tasks`` asks for.

Facts: ``code``, ``language``, ``docstring``, ``target``. Generation goes from docstring to function,
summarisation from function to what can be read off it, repair from a function with a bug back to the
function, translation from Python on numbers to JavaScript.
"""

from __future__ import annotations

import ast

import orjson

from ...code.markdown import language_name
from ...replies import fenced
from ...requests import Request
from .python import bugs, describe, to_javascript
from .rng import rng


def reply(request: Request) -> str | None:
    """The record, or None where the code is not one Python function or does not suit the task."""
    source, rule = _source(request), _RECORDS.get(request.intent.partition(".")[2])
    return rule(request, source) if source and rule else None


def mistake(request: Request) -> str | None:
    """A repair whose solution has another bug."""
    source = _source(request)
    if source is None or request.intent != "four_tasks.repair":
        return None
    faulty, other = _with_bug(request, source), bugs.injected(source.code, rng(request, "other bug"))
    return _repair_record(request, source, faulty, other[0]) if other and other[0] != faulty else None


def _source(request: Request) -> describe.SourceText | None:
    language = language_name(str(request.facts.get("language", "")))
    return describe.one_function(str(request.facts.get("code", ""))) if language in ("", "python") else None


def _record(task: str, instruction: str, information: str, solution: str) -> str:
    return orjson.dumps(
        {"task": task, "instruction": instruction, "information": information or "none", "solution": solution}
    ).decode()


def _purpose(request: Request, source: describe.SourceText) -> str:
    docstring = str(request.facts.get("docstring") or "") or ast.get_docstring(source.function) or ""
    return describe.purpose(docstring)


def _generation(request: Request, source: describe.SourceText) -> str | None:
    """The docstring's first sentence is the task; the function, unchanged, is the solution."""
    purpose = _purpose(request, source)
    if not purpose:
        return None
    names = describe.outside_names(source.code)
    hint = f"It may use {describe.listed(names, 12)}, defined elsewhere." if names else _examples(source)
    asked = f"Write the Python {source.kind} `{source.signature}`: {purpose}"
    return _record("generation", asked, hint, fenced(source.code, "python"))


def _examples(source: describe.SourceText) -> str:
    """The docstring's examples in one sentence; ``write_tests`` reads them back."""
    shown = [
        f"`{call}` gives `{value}`"
        for call, value in describe.examples(ast.get_docstring(source.function) or "")
        if "`" not in call + value and "\n" not in call + value
    ]
    return f"For example, {', '.join(shown[:3])}." if shown else ""


def _summarisation(request: Request, source: describe.SourceText) -> str:
    """The function without its docstring; the summary comes from the docstring and the syntax tree."""
    summary = f"{_purpose(request, source)} {describe.account(source)}".strip()
    asked = f"Explain briefly what this Python {source.kind} does, what it takes and what it gives."
    return _record("summarisation", asked, fenced(describe.without_docstring(source), "python"), summary)


def _repair(request: Request, source: describe.SourceText) -> str | None:
    """The function with one bug is the information; the function is the solution."""
    return _repair_record(request, source, _with_bug(request, source), source.code)


def _with_bug(request: Request, source: describe.SourceText) -> str | None:
    made = bugs.injected(source.code, rng(request))
    return made[0] if made else None


def _repair_record(
    request: Request, source: describe.SourceText, faulty: str | None, solution: str
) -> str | None:
    if faulty is None:
        return None
    purpose = _purpose(request, source)
    asked = f"This Python {source.kind} has a bug; find it and give the corrected code."
    asked += f" Its purpose: {purpose}" if purpose else ""
    return _record("repair", asked, fenced(faulty, "python"), fenced(solution, "python"))


def _translation(request: Request, source: describe.SourceText) -> str | None:
    """JavaScript for a function on numbers, where both languages are sure to agree."""
    if language_name(str(request.facts.get("target", ""))) != "javascript":
        return None
    translated = to_javascript.translated(source.function)
    if translated is None:
        return None
    asked = "Translate this Python function on finite numbers to JavaScript; whole numbers stay below 2**53."
    shown = fenced(describe.without_docstring(source), "python")
    return _record("translation", asked, shown, fenced(translated, "javascript"))


_RECORDS = {
    "generation": _generation,
    "summarisation": _summarisation,
    "repair": _repair,
    "translation": _translation,
}
