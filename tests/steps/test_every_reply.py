"""Every step that asks a model, fed every kind of reply: each row comes out again, with a reason if not kept.

The steps are found by scan. A new one fails here until ``READINGS`` says what a good reply to it looks like,
and what it makes of a reply in the wrong form and of one in the wrong language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import orjson
import pytest
from hostile_texts import CODE, FENCED, HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.engine.rowwise import accounted
from tunesmith.recipe.address import find_step, step_addresses
from tunesmith.requests import Completion
from tunesmith.rows import to_arrow
from tunesmith.sample import Drop, Json, Sample
from tunesmith.selection.discriminate import RULES
from tunesmith.step import Context

CTX = Context("asked", seed=3)
JAVASCRIPT = "```javascript\nfunction add(a, b) { return a + b; }\n```"
GERMAN = "Schreibe eine Funktion, die zwei Zahlen addiert und auch mit Text umgehen kann."
ROW = Sample.born(
    "seeds", instruction="Write a function that adds two numbers.", answer=FENCED, language="python",
    code=CODE, source="unit", license="mit", meta={"evolved_from": "Write a sum."},
)  # fmt: skip
SUMMARY = ROW.grow("s", task="summarisation", answer="It adds its arguments.")
NEAR = ROW.noted(
    near={"candidates": [{"benchmark": "b", "problem": "b/1", "similarity": 0.9, "text": "Sum."}]}
)
REFUSAL = "I'm sorry, but I cannot help with that."
KEPT = ""


@dataclass(frozen=True)
class Reading:
    """One way of using a step.

    good: a reply that is read into a row or a verdict.  malformed, foreign: a reply in the wrong form, and
    one in another language than the row's, each with what becomes of it: a drop's reason, the reason of an
    unknown verdict, or nothing where it is kept.
    """

    step: str
    good: str
    malformed: tuple[str, str]
    foreign: tuple[str, str]
    fields: dict[str, Any]
    row: Sample = ROW

    def read(self, text: str, finish: str = "stop", **facts: Any) -> list[Sample | Drop]:
        step: Any = find_step(self.step)(**self.fields)
        replies = [Completion(text, finish_reason=finish, **facts)] * len(step.ask(self.row, CTX))
        assert replies, "the example row is one the step asks about"
        return list(step.read(self.row, replies, CTX))


def json(**fields: Json) -> str:
    return orjson.dumps(fields).decode()


def record(task: str, **changes: Json) -> str:
    usual = {
        "task": task, "instruction": "Do this in Python.", "solution": FENCED,
        "information": f"```python\n{CODE.replace('+', '-')}\n```",
    }  # fmt: skip
    return json(**usual | changes)


def four(task: str, foreign: tuple[str, str], **changes: Json) -> Reading:
    good = record(task, **changes)
    shares = {"shares": {task: 1}, "targets": ["javascript"]}
    return Reading("synthesis.four_tasks", good, (f"[{good}, 3]", "not one record"), foreign, shares)


HARDER = "Write a function that adds any number of numbers, given as text in any base."
REVIEW = {"correctness": 9, "clarity": 7, "suggestions": "None.", "refined": FENCED}
VERDICT = {"rules": {name: {"holds": True, "reason": "so"} for name in RULES}, "overall": True}
TESTS = "```python\nassert add(1, 2) == 3\n```"
SURE = "verdict not understood"
UNCLEAR = ("Perhaps.", SURE)
LOOSE = {"rejected": "keep", "size": 1}
WAY = "Two numbers come in and their sum goes out.\n\n"
ONE = {"n": 1}

READINGS = [
    Reading("selection.discriminate", json(**VERDICT), ('{"overall": true}', "malformed verdict"),
            ("Alle Regeln gelten.", "malformed verdict"), {}),
    Reading("selection.leak_judge", "NO", UNCLEAR, ("Nein.", SURE), {}, NEAR),
    Reading("selection.no_gain", "Different.", UNCLEAR, ("verschieden", SURE), {}),
    Reading("synthesis.answer", FENCED, ("```python\nx = 1", "cut off"), (JAVASCRIPT, KEPT), {}),
    Reading("synthesis.comprehend", json(**REVIEW), ("9 of 10", "not one record"),
            (json(**REVIEW | {"refined": JAVASCRIPT}), "refined code does not parse"),
            {"kinds": ["review"]}),
    Reading("synthesis.diversify", FENCED, ("```python\nx = 1", "cut off"), (JAVASCRIPT, KEPT), ONE),
    *(Reading("synthesis.diversify", f"{WAY}{FENCED}", (FENCED, "no reasoning"), (f"{WAY}{JAVASCRIPT}", KEPT),
              {**ONE, "reasoning": reasoning}) for reasoning in ("taught", "apart")),
    Reading("synthesis.evolve", HARDER, (FENCED, "answered, not evolved"), (GERMAN, KEPT), {}),
    four("generation", (record("generation", solution=JAVASCRIPT), "wrong language"), information="none"),
    four("repair", (record("repair", solution=JAVASCRIPT), "wrong language")),
    four("translation", (record("translation"), "wrong language"), solution=JAVASCRIPT),
    four("summarisation", (record("summarisation", solution="Addiert."), KEPT), solution="It adds."),
    Reading("synthesis.hindsight", "Answer in Python.", (FENCED, "gives the answer away"),
            ("Answer in Rust.", "unfaithful: language"), {"rejected": "drop", "size": 1}),
    Reading("synthesis.hindsight", "Answer in Python.", (FENCED, "gives the answer away"),
            ("Answer in Rust.", "unfaithful: language"), LOOSE),
    Reading("synthesis.inverse", HARDER, (FENCED, "gives the answer away"), (GERMAN, KEPT),
            {"n": 1}),
    Reading("synthesis.oss_instruct", json(problem=HARDER, solution="```python\nprint(1)\n```"),
            ('{"problem": "Add."}', "missing field"),
            (json(problem=HARDER, solution=JAVASCRIPT), "solution does not parse"), {}),
    Reading("synthesis.round_trip", FENCED, ("1 + 1", "no function"), (JAVASCRIPT, "answer does not parse"),
            {}, SUMMARY),
    Reading("synthesis.self_evaluate", "passed", UNCLEAR, ("bestanden", SURE), {}),
    Reading("synthesis.self_instruct", json(tasks=[HARDER]), ("1. Count the words.", "no list of tasks"),
            (json(tasks=[GERMAN]), KEPT), {}),
    Reading("synthesis.write_tests", TESTS, ("```python\nadd(1, 2)\n```", "tests check nothing"),
            (JAVASCRIPT, "tests do not parse"), {}),
    Reading("synthesis.write_tests", TESTS, ("assert add(1 ==", "tests do not parse"),
            (JAVASCRIPT, "tests do not parse"), {"untested": "keep"}),
    Reading("verification.pass_probability", "passed", UNCLEAR, ("bestanden", SURE), {}),
    Reading("verification.yes_probability", "YES", UNCLEAR, ("Ja.", SURE), {}),
]  # fmt: skip


WAYS = ("rejected", "untested", "shares", "reasoning")


def name_of(reading: Reading) -> str:
    ways = [str(value) for key, value in reading.fields.items() if key in WAYS]
    return " ".join([reading.step, *ways])


every = pytest.mark.parametrize("reading", READINGS, ids=name_of)


def fates(made: Sequence[Sample | Drop]) -> list[str]:
    """Reasons of drops and of unknown verdicts; nothing for what is kept."""
    return [thing.reason if isinstance(thing, Drop) else doubt(thing) for thing in made]


def doubt(row: Sample) -> str:
    unknown = [verdict.reason for verdict in row.verdicts if verdict.passed is None]
    return unknown[0].removeprefix("no tests: ") if unknown else KEPT


def assert_accounted(reading: Reading, made: Sequence[Sample | Drop]) -> None:
    """The row is there, as itself, as a parent or in the bin; drops say why; all of it can be stored."""
    assert reading.row.id in accounted(made)
    assert all(0 < len(thing.reason) <= 80 for thing in made if isinstance(thing, Drop))
    rows = [thing for thing in made if isinstance(thing, Sample)]
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert all(verdict.reason for verdict in row.verdicts if verdict.passed is None)
    to_arrow([thing.sample if isinstance(thing, Drop) else thing for thing in made])


def refused(made: Sequence[Sample | Drop]) -> bool:
    """Whether something landed in the bin or was marked unknown."""
    return any(fates(made))


def test_every_step_that_asks_is_read_here() -> None:
    asking = {address for address in step_addresses() if find_step(address).kind == "ask"}
    assert {reading.step for reading in READINGS} == asking, "say in READINGS what a good reply looks like"


@every
def test_a_well_formed_reply_is_kept(reading: Reading) -> None:
    made = reading.read(reading.good)
    assert_accounted(reading, made)
    assert not refused(made), fates(made)


@every
def test_a_malformed_reply_leaves_by_name(reading: Reading) -> None:
    text, reason = reading.malformed
    made = reading.read(text)
    assert_accounted(reading, made)
    assert fates(made)[-1] == reason


@every
def test_a_reply_in_the_wrong_language_is_kept_or_leaves_by_name(reading: Reading) -> None:
    text, reason = reading.foreign
    made = reading.read(text)
    assert_accounted(reading, made)
    assert fates(made)[-1] == reason


@every
def test_a_truncated_reply_is_never_taken_for_a_whole_one(reading: Reading) -> None:
    for end in range(len(reading.good)):
        made = reading.read(reading.good[:end])
        assert_accounted(reading, made)
    words_count = reading.step.endswith(("probability", "no_gain", "self_evaluate"))  # one word says it all
    half = reading.read(reading.good[: len(reading.good) // 2], finish="length")
    assert_accounted(reading, half)
    assert words_count or fates(half)[-1] == "cut off"


@every
@pytest.mark.parametrize("text", [REFUSAL, "As an AI language model I do not do that."])
def test_a_refusal_is_binned_or_marked_as_one(reading: Reading, text: str) -> None:
    for finish in ("stop", "content_filter"):
        made = reading.read(text, finish=finish)
        assert_accounted(reading, made)
        assert fates(made)[-1] == "refused"


@every
@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\r\n\r\n"])
def test_an_empty_reply_is_binned_or_marked_as_one(reading: Reading, text: str) -> None:
    made = reading.read(text)
    assert_accounted(reading, made)
    assert fates(made)[-1] == "empty"


@every
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_reply_costs_no_more_than_its_row(reading: Reading, kind: str) -> None:
    for text in (HOSTILE[kind], f"{HOSTILE[kind]}\n{reading.good}", f"{reading.good}\n{HOSTILE[kind]}"):
        assert_accounted(reading, reading.read(text))


WRONG_VALUES: list[Json] = [None, True, 0, -1.5, 2**53, "", "\x00", [], [None], {}, {"x": {"y": []}}]


def spoilt(value: Json) -> Iterator[Json]:
    """``value`` with one part at a time, at any depth, replaced by something else or left out."""
    yield from WRONG_VALUES
    if isinstance(value, str):
        yield f"{value} \ud800\x00"  # what JSON's escapes can say and no store can hold
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            yield from ({**value, key: wrong} for wrong in spoilt(inner))


structured = [reading for reading in READINGS if reading.good.startswith("{")]


@pytest.mark.parametrize("reading", structured, ids=name_of)
def test_json_of_wrong_types_is_read_into_rows_or_the_bin(reading: Reading) -> None:
    for value in spoilt(orjson.loads(reading.good)):
        assert_accounted(reading, reading.read(dumps(value)))


ODD = st.text(st.characters(exclude_categories=()), max_size=60)
PIECES = ODD | st.sampled_from([text[:300] for text in HOSTILE.values()])


@every
@settings(max_examples=30)
@given(ODD)
def test_any_text_at_all_is_accounted_for(reading: Reading, text: str) -> None:
    assert_accounted(reading, reading.read(text))


@every
@pytest.mark.parametrize(
    "unit", ["<task>", "a", "a.", " ", "\n", "```\n", "no a ", "given prompt ", "{", "- a\n"]
)
def test_a_long_degenerate_reply_is_read_in_linear_time(reading: Reading, unit: str) -> None:
    """A reader that looked back at each place would need hours for these; the suite's own limit shows it."""
    assert_accounted(reading, reading.read(unit * (40_000 // len(unit))))


@every
def test_children_name_their_parent_and_keep_source_and_licence(reading: Reading) -> None:
    for thing in reading.read(reading.good):
        child = thing.sample if isinstance(thing, Drop) else thing
        assert child.id == reading.row.id or reading.row.id in child.parents
        assert (child.source, child.license) == ("unit", "mit")


@every
@settings(max_examples=20)
@given(PIECES, st.integers(0, 400))
def test_a_good_reply_with_anything_inside_is_accounted_for(reading: Reading, text: str, place: int) -> None:
    at = place % (len(reading.good) + 1)
    assert_accounted(reading, reading.read(reading.good[:at] + text + reading.good[at:]))


JUDGES = [reading for reading in READINGS if reading.step.endswith("probability")]


@pytest.mark.parametrize("reading", JUDGES, ids=name_of)
@pytest.mark.parametrize(
    "first", [{"": 0.0}, {"YES": -1e9}, {"yes": 1e9, "no": 1e9}, {"\ud800": -1.0}, {"passed": float("-inf")}]
)
def test_odd_log_probabilities_give_a_probability_or_none(reading: Reading, first: dict[str, float]) -> None:
    (made,) = reading.read("hm", first_logprobs=first)
    assert isinstance(made, Sample)
    score = made.verdicts[-1].score
    assert score is None or 0 <= score <= 1
