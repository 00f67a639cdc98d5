"""``hindsight``: a preface that states what an answer's code uses.

Facts: ``instruction``, ``answer``, ``language``.
"""

from __future__ import annotations

from ...code.facts import code_facts
from ...code.find_program import code_of
from ...code.markdown import language_name
from ...requests import Request
from .judge import shown


def reply(request: Request) -> str | None:
    """What the answer's code really uses and the instruction does not mention."""
    instruction, answer, language = shown(request)
    facts = code_facts(code_of(answer, "python")) if language_name(language) in ("", "python") else None
    if facts is None or not (facts.functions or facts.traits or facts.imports):
        return None
    preface = ["Answer with a Python program."]
    unmentioned = [name for name in sorted(facts.traits) if name not in instruction.lower()]
    if unmentioned:
        preface.append(f"Build it on these means: {', '.join(unmentioned)}.")
    if facts.imports:
        preface.append(f"It imports {' and '.join(f'`{name}`' for name in sorted(facts.imports)[:3])}.")
    if facts.functions:
        preface.append(f"Put the work into `{facts.functions[0]}`.")
    return " ".join(preface)


def mistake(request: Request) -> str | None:
    """A preface that claims something the answer does not do."""
    _, answer, _ = shown(request)
    facts = code_facts(code_of(answer, "python"))
    if facts is None:
        return None
    unused = next((name for name in ("recursion", "binary search", "heap") if name not in facts.traits), None)
    return f"Answer with a Python program that relies on {unused}." if unused else None
