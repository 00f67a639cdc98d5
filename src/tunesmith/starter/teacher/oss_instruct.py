"""``oss_instruct``: a problem inspired by a code fragment. Facts: ``fragment``, ``language``."""

from __future__ import annotations

import orjson

from ...code.facts import code_facts
from ...code.markdown import language_name, parse
from ...requests import Request
from .. import world
from .rng import pick, rng


def reply(request: Request) -> str | None:
    """JSON: a starter task whose solution has a trait in common with the fragment, and that solution."""
    facts = code_facts(_dedented(str(request.facts.get("fragment", ""))))
    if facts is None or language_name(str(request.facts.get("language", ""))) not in ("", "python"):
        return None
    chosen = rng(request)
    for _ in range(20):
        task = pick(world.tasks("train"), chosen)
        solution = world.solution(task, pick(world.STYLES, chosen))
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
