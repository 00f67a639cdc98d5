"""``verification.repair``: a repair row's bug must show, and its fix must be one, both by execution.

WaveCoder (arXiv 2312.14187) takes repair data on trust. Here the faulty program (``meta.information``),
the answer and the raw code that the row was made from run side by side on the same arguments, drawn
from plain values. Where the raw code returns normally, the faulty one must differ somewhere and the
answer nowhere. Code that cannot run alone, or returns on too few arguments, is left unknown. Rows with
tests are held to these instead: the faulty program must fail them and the answer pass. Tests are few, so
where the raw code passes them too, the answer must also return what it returns on more inputs of the types
that the tests use (``differential``), as far as that can be told.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from ..chance import number
from ..code.markdown import code_of, parse
from ..results import Outcome, Program
from ..sample import Json, Sample, Verdict
from ..step import Context, Limits, Step, Yield
from ._differential import Plan, findings, plan

_NO_FIX = "the fix is none"


class Repair(Limits, Step):
    """Marks repair rows: passed where the bug is proven and the fix agrees with the original code."""

    renamed: ClassVar[Mapping[str, str]] = {"arguments": "max_inputs", "informative": "min_inputs"}
    version: ClassVar[str] = "2"

    max_inputs: int = Field(default=200, ge=10)
    """Most combinations of arguments to try."""
    min_inputs: int = Field(default=3, ge=1)
    """Fewest combinations on which the original must return for anything to be claimed."""

    def batch(self, samples: Sequence[Sample], ctx: Context) -> Yield:
        plans = [self._side_by_side(sample) for sample in samples]
        outcomes = iter(ctx.sandbox.run([each for each in plans if each])) if any(plans) else iter(())
        tested = [self._tests(sample) for sample in samples]
        runs = [program for pair in tested for program in pair]
        verdicts = iter(ctx.sandbox.run(runs)) if runs else iter(())
        on_tests = [[next(verdicts) for _ in pair] for pair in tested]
        departing = self._departing(samples, on_tests, ctx)
        for sample, program, told in zip(samples, plans, on_tests, strict=True):
            compared = next(outcomes) if program else None
            if sample.task != "repair":
                yield sample
            elif sample.id in departing:
                yield sample.judged(Verdict(ctx.step, passed=False, reason=_NO_FIX))
            else:
                yield self._marked(sample, ctx.step, compared, told)

    def _departing(
        self, samples: Sequence[Sample], on_tests: Sequence[Sequence[Outcome]], ctx: Context
    ) -> set[str]:
        """Ids of rows whose answer and raw code both pass the tests and yet return otherwise."""
        passing = [
            sample
            for sample, told in zip(samples, on_tests, strict=True)
            if told and told[1].passed and sample.code.strip() and sample.language == "python"
        ]
        if not passing:
            return set()
        runs = [Program(row.code, tests=row.tests, **self.limits()) for row in passing]
        right = [row for row, told in zip(passing, ctx.sandbox.run(runs), strict=True) if told.passed]
        found = findings([self._comparison(row, ctx) for row in right], ctx.sandbox, self.min_inputs)
        return {row.id for row, one in zip(right, found, strict=True) if one.passed is False}

    def _comparison(self, sample: Sample, ctx: Context) -> Plan | str:
        answer = code_of(sample.answer, "python")
        hints = [sample.tests, str(sample.meta.get("docstring") or "")]
        chance = ctx.chance(sample)
        return plan(sample.code, answer, "python", hints, chance, self.max_inputs, self.limits())

    def _side_by_side(self, sample: Sample) -> Program | None:
        faulty = code_of(str(sample.meta.get("information", "")), "python")
        fixed, original = code_of(sample.answer, "python"), sample.code
        if sample.task != "repair" or sample.language != "python" or not original.strip():
            return None
        if any(len(_functions(code)) != 1 for code in (faulty, fixed, original)):
            return None
        given = json.dumps([original, faulty, fixed])
        call = f"_tunesmith_compare({given!r}, {_nonce(sample)!r}, {self.max_inputs})"
        return Program(f"{COMPARE}\n{call}\n", **self.limits())

    def _tests(self, sample: Sample) -> list[Program]:
        """The faulty program and the answer, each with the row's tests."""
        if sample.task != "repair" or not sample.tests.strip():
            return []
        codes = (str(sample.meta.get("information", "")), sample.answer)
        return [Program(code_of(code, "python"), tests=sample.tests, **self.limits()) for code in codes]

    def _marked(
        self, sample: Sample, step: str, compared: Outcome | None, on_tests: Sequence[Outcome]
    ) -> Sample:
        told = _told(compared.stdout, _nonce(sample)) if compared else {}
        passed: bool | None = None
        reason = "no way to run it alone"
        if on_tests and None not in (on_tests[0].passed, on_tests[1].passed):
            passed, reason = _judged(bool(on_tests[0].passed), bool(on_tests[1].passed))
        elif told and told["informative"] >= self.min_inputs:
            passed, reason = _judged(not told["faulty"], not told["fixed"])
        elif told:
            reason = "the original returns on too few arguments"
        noted = sample.noted(compared=told) if told else sample
        return noted.judged(Verdict(step, passed=passed, reason=reason))


def _judged(faulty_passes: bool, fixed_passes: bool) -> tuple[bool, str]:
    if faulty_passes:
        return False, "the bug does not show"
    return (True, "") if fixed_passes else (False, _NO_FIX)


def _functions(code: str) -> list[ast.stmt]:
    tree = parse(code)
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []


def _nonce(sample: Sample) -> str:
    return f"compared-{number(0, 'repair', sample.id):016x} "


def _told(stdout: str, nonce: str) -> dict[str, Json]:
    """What the comparison printed: counts under ``informative``, ``faulty`` and ``fixed``."""
    line = next((line for line in reversed(stdout.splitlines()) if line.startswith(nonce)), "")
    try:
        told = json.loads(line.removeprefix(nonce)) if line else {}
    except (ValueError, RecursionError):
        return {}
    wanted = ("informative", "faulty", "fixed")
    counts = {key: told.get(key) for key in wanted} if isinstance(told, dict) else {}
    whole = counts and all(type(count) is int and 0 <= count < 2**31 for count in counts.values())
    return counts if whole else {}


COMPARE = """
def _tunesmith_compare(given, nonce, most):
    import copy, inspect, itertools, json, random, sys

    class TooMuch(BaseException):
        pass

    values = [
        0, 1, 2, 3, -1, 7, 10, 100, 0.5, -2.5, "", "a", "abc", "Hello, World", "12", "a b\\nc", None,
        [], [1], [3, 1, 2], [1, 2, 2, 5], ["b", "a"], (), (1, 2), {}, {"a": 1, "b": 2}, {1, 2}, b"", b"ab",
    ]

    def loaded(code):
        world = {"__name__": "compared"}
        exec(compile(code, "compared", "exec"), world)
        found = [v for v in world.values() if inspect.isfunction(v)]
        return found[-1]

    def outcome(function, arguments):
        left = [50000]

        def trace(frame, event, argument):
            left[0] -= 1
            if left[0] < 0:
                raise TooMuch
            return trace

        own = copy.deepcopy(arguments)
        sys.settrace(trace)
        try:
            result = function(*own)
            if inspect.isgenerator(result):
                result = list(itertools.islice(result, 1000))
            return "value", repr(result), repr(own)
        except TooMuch:
            return "endless", "", ""
        except Exception as error:
            return "raised", type(error).__name__, ""
        finally:
            sys.settrace(None)

    original, faulty, fixed = map(loaded, json.loads(given))
    needed = [
        p for p in inspect.signature(original).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    chance = random.Random(1)
    if len(values) ** len(needed) <= most:
        tried = list(itertools.product(values, repeat=len(needed)))
    else:
        kinds = [[v for v in values if isinstance(v, t)] for t in (int, str, list)]
        tried = []
        for turn in range(most):
            pool = values if turn % 2 else chance.choice(kinds)
            tried.append(tuple(chance.choice(pool) for _ in needed))
    told = {"informative": 0, "faulty": 0, "fixed": 0}
    for arguments in tried:
        right = outcome(original, arguments)
        if right[0] != "value" or " at 0x" in right[1]:
            continue
        told["informative"] += 1
        told["faulty"] += outcome(faulty, arguments) != right
        told["fixed"] += outcome(fixed, arguments) != right
    print()
    print(nonce + json.dumps(told))
"""
