"""Keys of steps that change what a step does, each shown to do what its description says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from sandbox_only import SandboxOnly
from tables import table

from tunesmith.replies import fenced
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample, Verdict
from tunesmith.sandbox import open_sandbox
from tunesmith.selection.best import Best
from tunesmith.selection.discriminate import Discriminate
from tunesmith.selection.failed_evolution import FailedEvolution
from tunesmith.selection.mark import Mark
from tunesmith.sources.folder import Folder
from tunesmith.step import Context
from tunesmith.synthesis.answer import Answer
from tunesmith.synthesis.diversify import Diversify
from tunesmith.synthesis.evolve import Evolve
from tunesmith.synthesis.examples import Examples
from tunesmith.synthesis.hindsight import Hindsight
from tunesmith.synthesis.inverse import Inverse
from tunesmith.synthesis.round_trip import RoundTrip
from tunesmith.synthesis.self_evaluate import SelfEvaluate
from tunesmith.synthesis.write_tests import WriteTests
from tunesmith.verification.consensus import Consensus
from tunesmith.verification.execute import Execute
from tunesmith.verification.parse import Parse
from tunesmith.verification.round_trip import RoundTrip as Judge
from tunesmith.verification.translation import Translation
from tunesmith.verification.yes_probability import YesProbability

CTX = Context("fields", seed=2)
CODE = "def add(a: int, b: int):\n    return a + b"
ROW = Sample.born(
    "s",
    instruction="Add two numbers.",
    answer=fenced(CODE, "python"),
    code=CODE,
    language="python",
    source="a",
)
TESTED = ROW.grow("t", tests="assert add(1, 1) == 2")


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    with open_sandbox(1) as pool:
        yield Context("fields", seed=2, resources=SandboxOnly(pool))


def fates(made: Any) -> list[str]:
    return [thing.reason if isinstance(thing, Drop) else "kept" for thing in made]


def read(step: Any, *texts: str, row: Sample = ROW) -> list[str]:
    return fates(step.read(row, [Completion(text) for text in texts], CTX))


def asked(step: Any, row: Sample = ROW) -> Any:
    return step.ask(row, CTX)[0]


def verdicts(made: Any) -> list[bool | None]:
    return [row.verdicts[-1].passed for row in made]


# write_tests


def test_tests_name_the_solution_and_how_many_and_show_the_answer_only_if_told() -> None:
    prompt = asked(WriteTests(n=7)).messages[-1].content
    assert "at most 7 of them" in prompt and "return a + b" not in prompt
    shown = asked(WriteTests(show_answer=True))
    assert "return a + b" in shown.messages[-1].content and shown.facts["code"].strip() == CODE


def test_rows_with_tests_are_kept_as_they_are_or_tested_anew() -> None:
    assert WriteTests().ask(TESTED, CTX) == []
    (made,) = WriteTests(keep_tested=False).read(TESTED, [Completion("assert add(2, 2) == 4")], CTX)
    assert isinstance(made, Sample) and made.tests == "assert add(2, 2) == 4"
    assert WriteTests(keep_tested=False).ask(TESTED, CTX)


@pytest.mark.parametrize(
    ("row", "reply", "reason"),
    [
        (ROW, "Sorry, I cannot.", "refused"),
        (ROW, "add(1, 2)", "tests check nothing"),
        (ROW.grow("s", language="go"), None, "no tests for go"),
        (ROW.grow("s", instruction=" "), None, "no instruction"),
    ],
)
def test_a_row_without_tests_is_dropped_or_kept_unknown(row: Sample, reply: str | None, reason: str) -> None:
    given = [Completion(reply)] if reply is not None else []
    (dropped,) = WriteTests().read(row, given, CTX)
    assert isinstance(dropped, Drop) and dropped.reason == reason
    (kept,) = WriteTests(untested="keep").read(row, given, CTX)
    assert isinstance(kept, Sample) and kept.id == row.id
    assert kept.verdicts == (Verdict("fields", passed=None, reason=f"no tests: {reason}"),)


# examples


def raw(count: int) -> list[Sample]:
    return [Sample.born("raw", code=f"x = {n}") for n in range(count)]


def judged(parents: Sequence[Sample], **facts: Any) -> list[Sample]:
    return [
        row.grow("g", instruction=f"Do {row.code}.").noted(analysis={"r": "so"}, **facts) for row in parents
    ]


def test_each_wave_takes_raw_rows_that_none_was_made_from(tmp_path: Path) -> None:
    rows, taken = raw(10), set[str]()
    for turn in range(4):
        made = list(Examples(wave=3).table(table(tmp_path, [*rows, *judged(rows_of(rows, taken))]), CTX))
        going = {thing.id for thing in made if isinstance(thing, Sample)}
        assert len(going) == (3 if turn < 3 else 1) and not going & taken
        assert fates(made).count("not in this wave") == 10 - len(going)
        taken |= going
    assert taken == {row.id for row in rows}


def rows_of(rows: Sequence[Sample], ids: set[str]) -> list[Sample]:
    return [row for row in rows if row.id in ids]


def test_a_row_that_the_generator_refused_does_not_block_the_next_wave(tmp_path: Path) -> None:
    draws = []
    for place in ("one", "two", "three", "four"):
        ctx = Context("shown", seed=2, place=place)
        made = list(Examples(wave=1).table(table(tmp_path, raw(20)), ctx))
        draws.append(next(thing.id for thing in made if isinstance(thing, Sample)))
    assert len(set(draws)) > 1


def test_as_many_good_and_bad_cases_are_shown_as_asked(tmp_path: Path) -> None:
    rows = raw(12)
    cases = [*judged(rows[:5]), *judged(rows[5:9], dropped="rule broken")]
    for good, bad in ((0, 2), (3, 0), (9, 9)):
        made = Examples(good=good, bad=bad).table(table(tmp_path, [*rows[9:], *cases]), CTX)
        shown = [row.meta["examples"] for row in made if isinstance(row, Sample)]
        assert [(len(one["good"]), len(one["bad"])) for one in shown] == [(min(good, 5), min(bad, 4))] * 3


# judges and filters


def test_the_overall_verdict_alone_may_decide() -> None:
    rule = {"short": "It is short."}
    reply = orjson.dumps({"rules": {"short": {"holds": False, "reason": "long"}}, "overall": True}).decode()
    assert read(Discriminate(rules=rule), reply) == ["verdict contradicts itself"]
    assert read(Discriminate(rules=rule, keep_when="overall"), reply) == ["kept"]


@pytest.mark.parametrize(
    ("fields", "changes", "reason"),
    [
        ({"min_new_words": 2}, {"instruction": "Add two big numbers."}, "no gain over the parent"),
        ({"min_new_words": 1}, {"instruction": "Add two big numbers."}, ""),
        ({"max_instruction_words": 3}, {"instruction": "Add two huge numbers."}, "instruction too long"),
        ({"max_answer_words": 2}, {"answer": "x = one + two"}, "answer too long"),
        ({"parses": True}, {"answer": "def f(:"}, "answer does not parse"),
        ({"parses": False}, {"answer": "def f(:"}, ""),
    ],
)
def test_the_limits_of_a_failed_evolution_are_keys(
    fields: dict[str, Any], changes: dict[str, str], reason: str
) -> None:
    usual = {
        "instruction": "Add two huge numbers quickly.",
        "answer": "x = 1",
        "meta": {"evolved_from": "Add two numbers."},
    }
    row = Sample.born("e", language="python", **usual | changes)
    assert FailedEvolution(**fields).fault(row) == reason


def test_the_best_of_an_instruction_or_of_a_parent_and_as_many_as_asked(tmp_path: Path) -> None:
    rows = [
        Sample.born("s", parents=(f"p{n % 2}",), draw=n, instruction="Do.").judged(Verdict("j", True, n / 10))
        for n in range(4)
    ]
    same: dict[str, Any] = {"group_by": "instruction"}
    for fields, kept in (({}, [2, 3]), (same, [3]), ({**same, "n": 3}, [1, 2, 3])):
        made = list(Best(judge="j", **fields).table(table(tmp_path, rows), CTX))
        assert [row.draw for row in made if isinstance(row, Sample)] == kept


def test_marks_are_by_source_or_over_all_rows(tmp_path: Path) -> None:
    """Of 30 rows and 10, a tenth is 3 and 1; of all 40 together it is 4, whosever they are."""
    rows = [Sample.born("s", answer=str(n), source="big" if n % 4 else "small") for n in range(40)]
    counts = set()
    for seed in range(12):
        for by in (("source",), ()):
            step = Mark(size=0.1, group_by=by)  # type: ignore[arg-type]
            made = step.table(table(tmp_path, rows), Context("marked", seed=seed))
            marked = [row.source for row in made if isinstance(row, Sample) and row.meta.get("marks")]
            assert len(marked) == 4
            counts.add((by, marked.count("small")))
    assert {small for by, small in counts if by} == {1}
    assert len({small for by, small in counts if not by}) > 1


# what is asked, and what is too long


@pytest.mark.parametrize("kind", [Answer, Diversify])
def test_decoding_reaches_every_request(kind: Any) -> None:
    step = kind(n=2, temperature=0.3, max_tokens=77)
    assert [(r.sampling.temperature, r.sampling.max_tokens) for r in step.ask(ROW, CTX)] == [(0.3, 77)] * 2
    plain = kind(n=1).ask(ROW, CTX)[0].sampling
    assert (plain.temperature, plain.max_tokens) == (None, None), "the model's own"


def test_an_answer_is_asked_for_under_the_steps_prompt_or_the_rows_own() -> None:
    row = ROW.grow("s", system="Be kind.")
    assert asked(Answer(), row).messages[0].content == "Be kind."
    assert asked(Answer(system="Be brief."), row).messages[0].content == "Be brief."


def test_growth_is_told_and_longer_texts_are_dropped() -> None:
    assert "at most 13 words longer" in asked(Evolve(growth=13)).messages[-1].content
    text = "Add two numbers and then say what they are in words."
    assert read(Evolve(max_words=11), text) == ["kept"] and read(Evolve(max_words=10), text) == ["too long"]
    assert read(Inverse(n=1, max_words=11), text) == ["kept"]
    assert read(Inverse(n=1, max_words=10), text) == ["too long"]
    preface = "Answer in Python, please."
    assert read(Hindsight(size=1, rejected="drop", max_words=4), preface) == ["kept"]
    assert read(Hindsight(size=1, rejected="drop", max_words=3), preface) == ["too long"]
    assert "at most 3 words" in asked(Hindsight(size=1, max_words=3)).messages[-1].content


def test_log_probabilities_are_asked_for_and_the_threshold_is_a_key() -> None:
    assert asked(SelfEvaluate(logprobs=5)).logprobs == 5 and asked(YesProbability(logprobs=3)).logprobs == 3
    (made,) = SelfEvaluate(logprobs=5).read(
        ROW, [Completion("passed", first_logprobs={"passed": math.log(0.8), "not": math.log(0.2)})], CTX
    )
    assert isinstance(made, Sample) and made.meta["p_pass"] == pytest.approx(0.8)
    sure = Completion("YES", first_logprobs={"YES": math.log(0.6), "NO": math.log(0.4)})
    assert [verdicts(YesProbability(min_score=least).read(ROW, [sure], CTX)) for least in (0.6, 0.7)] == [
        [True],
        [False],
    ]


def test_a_summary_is_written_back_as_often_as_asked() -> None:
    summary = ROW.grow("s", task="summarisation", answer="It adds.")
    requests = RoundTrip(n=3).ask(summary, CTX)
    assert [request.draw for request in requests] == [0, 1, 2]
    made = list(RoundTrip(n=3).read(summary, [Completion(CODE)] * 3, CTX))
    assert len({thing.id for thing in made if isinstance(thing, Sample)}) == 4


# execution


def test_the_program_to_run_or_to_parse_is_the_answer_or_the_code(ctx: Context, tmp_path: Path) -> None:
    row = TESTED.grow("t", answer="```python\ndef add(:\n```")
    place = Context("fields", folder=tmp_path, resources=ctx.resources)
    for program, passed in (("answer", False), ("code", True)):
        assert verdicts(Execute(program=program).batch([row], place)) == [passed]  # type: ignore[arg-type]
        assert verdicts(Parse(program=program).row(row, place)) == [passed]  # type: ignore[arg-type]


def test_memory_and_time_of_a_program_are_keys(ctx: Context, tmp_path: Path) -> None:
    place = Context("fields", folder=tmp_path, resources=ctx.resources)
    hungry = ROW.grow(
        "h", answer="def big():\n    return len(bytearray(300 << 20))", tests="assert big() > 9"
    )
    assert verdicts(Execute(memory_mb=1024).batch([hungry], place)) == [True]
    assert verdicts(Execute(memory_mb=128).batch([hungry], place)) == [False]
    slow = ROW.grow("h", answer="while True:\n    pass", tests="assert True")
    (made,) = Execute(cpu_seconds=0.3).batch([slow], place)
    assert isinstance(made, Sample) and made.verdicts[-1].passed is False


DOUBLE = ["def f(x):\n    return 2 * x", "def f(x):\n    return x + x", "def f(x):\n    return x * x"]


def test_how_many_must_agree_and_how_many_tests_run_are_keys(ctx: Context, tmp_path: Path) -> None:
    tests = "assert f(3) == 6\nassert f(0) == 0\nassert f(2) == 5"
    rows = [Sample.born("s", instruction="Double.", answer=code, tests=tests) for code in DOUBLE]
    for fields, expected in (
        ({}, [True, True, False]),
        ({"min_answers": 3}, [None] * 3),
        ({"max_tests": 1}, [True, True, False]),
    ):
        made = list(Consensus(**fields).table(table(tmp_path, rows), ctx))
        assert verdicts(made) == expected, fields
    assert made[0].verdicts[-1].score == 1.0, "the third test, which is wrong, was not run"  # type: ignore[union-attr]
    assert made[0].meta["validated_tests"] == "assert f(3) == 6"  # type: ignore[union-attr]


def test_too_few_informative_inputs_claim_nothing(ctx: Context, tmp_path: Path) -> None:
    row = ROW.grow("s", task="translation", meta={"information": fenced(CODE, "python")})
    for fields, passed in (
        ({"max_inputs": 5, "min_inputs": 5}, True),
        ({"max_inputs": 5, "min_inputs": 6}, None),
    ):
        assert verdicts(Translation(**fields).batch([row], ctx)) == [passed]
    summary = ROW.grow("s", task="summarisation", answer="It adds.")
    (_, child) = RoundTrip().read(summary, [Completion(CODE)], CTX)
    assert isinstance(child, Sample)
    for fields, passed in (
        ({"max_inputs": 5, "min_inputs": 5}, True),
        ({"max_inputs": 5, "min_inputs": 6}, None),
    ):
        assert verdicts(Judge(**fields).table(table(tmp_path, [child]), ctx)) == [passed]


def test_folders_not_to_enter_are_a_key(tmp_path: Path) -> None:
    for name in ("a/one.py", "tests/two.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("def f(): pass\n")
    for fields, paths in (({}, ["a/one.py"]), ({"skip": ("a",)}, ["tests/two.py"])):
        made = Folder(path=str(tmp_path), **fields).source(CTX)
        assert [row.meta["path"] for row in made if isinstance(row, Sample)] == paths
