"""Two programs, maybe in two languages, called with the same plain inputs; what they return is compared.

Each program runs in a sandbox run of its own and tells, input by input, what it returned, as JSON; so the
one never knows what the other said. Only inputs on which the first returns plain data count. Errors are
not compared: languages differ in them. Sequences of all kinds are lists, whole numbers equal their
floating forms up to 2**53, and where nothing is returned the arguments are compared as the call left them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ..code.markdown import defined
from ..results import Outcome, Program
from ..sample import Json
from ..step import ProgramLimits, Sandbox
from ._inputs import entry, inputs_for

_NOT_OURS = {"wall time": "out of wall time", "worker died": "the sandbox lost it"}
_MISSING = {
    "ModuleNotFoundError": "needs what is not installed",
    "ImportError": "needs what is not installed",
}
_DECLARED = re.compile(
    r"^(?:export\s+(?:default\s+)?)?(?:function\s*\*?\s*|(?:const|let|var)\s+)([A-Za-z_$][\w$]*)", re.M
)
_EXPORT = re.compile(r"^export\s+(?:default\s+)?(?=(?:function|const|let|var)\b)", re.M)


@dataclass(frozen=True, slots=True)
class Plan:
    """Two programs to run and the mark by which their lines are known."""

    source: Program
    target: Program
    nonce: str


@dataclass(frozen=True, slots=True)
class Finding:
    """passed: the two agree; None where nothing can be said.  facts: counts of inputs."""

    passed: bool | None
    reason: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)


def plan(
    source: str,
    target: str,
    language: str,
    hints: Iterable[str],
    chance: Random,
    most: int,
    limits: ProgramLimits,
) -> Plan | str:
    """How to compare Python ``source`` with ``target`` in ``language``, or why it cannot be done.

    hints: tests and docstrings with literal calls.  most: inputs to try.  limits: of each program.
    """
    function = entry(source)
    if function is None:
        return "no single function to call"
    if language not in WRITERS:
        return f"no comparison for {language or 'an unnamed language'}"
    inputs = inputs_for(function, hints, chance, most)
    if not inputs:
        return "no honest inputs"
    name = called(target, language, function.name)
    nonce = f"told-{chance.getrandbits(64):016x} "
    first = Program(WRITERS["python"](source, function.name, inputs, nonce), **limits)
    second = WRITERS[language](target, name, inputs, nonce)
    return Plan(first, Program(second, language=language, **limits), nonce)


def called(code: str, language: str, wanted: str) -> str:
    """The function of ``code`` that answers to ``wanted``: by name in any case style, or the only one."""
    names = defined(code) if language == "python" else _DECLARED.findall(code)
    plain = {name.replace("_", "").lower(): name for name in names}
    same = wanted if wanted in names else plain.get(wanted.replace("_", "").lower(), "")
    return same or (names[0] if len(names) == 1 else wanted)


def findings(plans: Sequence[Plan | str], sandbox: Sandbox, informative: int) -> list[Finding]:
    """What each plan comes to, in order. informative: fewest inputs on which the source must return."""
    programs = [program for each in plans if isinstance(each, Plan) for program in (each.source, each.target)]
    outcomes = iter(sandbox.run(programs)) if programs else iter(())
    found = []
    for each in plans:
        if isinstance(each, str):
            found.append(Finding(None, each))
        else:
            source, target = next(outcomes), next(outcomes)
            found.append(_finding(each.nonce, source, target, informative))
    return found


def _finding(nonce: str, source: Outcome, target: Outcome, informative: int) -> Finding:
    for outcome in (source, target):
        unclear = _NOT_OURS.get(outcome.failure) or _MISSING.get(outcome.failure)
        if outcome.status == "refused" or unclear:
            return Finding(None, unclear or outcome.failure)
    right = {place: said for place, said in _told(source.stdout, nonce).items() if _speaks(said)}
    facts = {"informative": len(right)}
    if len(right) < informative:
        return Finding(None, "the source returns on too few inputs", facts)
    said = _told(target.stdout, nonce)
    facts["differ"] = sum(place not in said or not _same(right[place], said[place]) for place in right)
    if not said:
        return Finding(False, "the answer does not run", facts)
    return Finding(not facts["differ"], "returns otherwise" if facts["differ"] else "", facts)


def _told(stdout: str, nonce: str) -> dict[int, list[Json]]:
    """The lines of a program: number of the input -> [returned, arguments afterwards], or [] for an error."""
    told: dict[int, list[Json]] = {}
    for line in stdout.splitlines():
        if not line.startswith(nonce):
            continue
        try:
            place, *said = json.loads(line.removeprefix(nonce))
        except (ValueError, TypeError, RecursionError):
            continue
        if type(place) is int and len(said) in (0, 3):
            told[place] = said
    return told


def _speaks(said: Sequence[Json]) -> bool:
    """Whether something came of a call: a value, or changed arguments (third item: the arguments before)."""
    return bool(said) and (said[0] is not None or said[1] != said[2])


def _same(right: Sequence[Json], said: Sequence[Json]) -> bool:
    if not said:
        return False
    return alike(right[0], said[0]) and (right[0] is not None or alike(right[1], said[1]))


def alike(one: Json, other: Json) -> bool:
    """Whether two JSON values are equal; numbers to 9 digits, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return bool(type(one) is type(other) and one == other)


def _python(code: str, name: str, inputs: Sequence[Json], nonce: str) -> str:
    given = json.dumps(inputs)
    return f"{code}\n{PYTHON}\n_tunesmith_tell(lambda *a: {name}(*a), {given!r}, {nonce!r})\n"


def _javascript(code: str, name: str, inputs: Sequence[Json], nonce: str) -> str:
    bare = _EXPORT.sub("", code)
    given = json.dumps(json.dumps(inputs))
    return f"{bare}\n;({JAVASCRIPT})((...a) => {name}(...a), {given}, {json.dumps(nonce)});\n"


WRITERS = {"python": _python, "javascript": _javascript}
"""By language: the program that tells what its function returns on each input."""

PYTHON = """
def _tunesmith_tell(function, given, nonce):
    import inspect, itertools, json

    def plain(value):
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            if value != value or abs(value) > 2**53:
                raise ValueError
            return value
        if isinstance(value, dict):
            return {k if isinstance(k, str) else json.dumps(plain(k)): plain(v) for k, v in value.items()}
        if inspect.isgenerator(value):
            value = list(itertools.islice(value, 1000))
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        raise ValueError

    for place, arguments in enumerate(json.loads(given)):
        before = json.loads(json.dumps(arguments))
        try:
            result = plain(function(*arguments))
            line = json.dumps([place, result, plain(arguments), before])
        except (Exception, SystemExit):
            line = json.dumps([place])
        print("\\n" + nonce + (line if len(line) < 5000 else json.dumps([place])), flush=True)
"""
JAVASCRIPT = """function (call, given, nonce) {
  const plain = (value) => {
    if (value === undefined || value === null) return null;
    if (typeof value === "bigint") value = Number(value);
    if (typeof value === "number") {
      if (Number.isNaN(value) || Math.abs(value) > 2 ** 53) throw new Error("not plain");
      return value;
    }
    if (typeof value === "boolean" || typeof value === "string") return value;
    if (value instanceof Map) return plain(Object.fromEntries(value));
    if (Array.isArray(value) || typeof value.next === "function") return [...value].map(plain);
    if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
    }
    throw new Error("not plain");
  };
  JSON.parse(given).forEach((args, place) => {
    const before = JSON.parse(JSON.stringify(args));
    let line = JSON.stringify([place]);
    try {
      const result = plain(call(...args));
      const told = JSON.stringify([place, result, plain(args), before]);
      if (told.length < 5000) line = told;
    } catch (error) { /* told as an error */ }
    console.log("\\n" + nonce + line);
  });
}"""
