"""JSON in replies: read where it stands, never completed, never made up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.replies.structured import Unreadable, departs, one_object, read
from tunesmith.requests import Completion
from tunesmith.sample import Drop, Sample
from tunesmith.selection.discriminate import Discriminate
from tunesmith.step import Context
from tunesmith.synthesis.comprehend import Comprehend
from tunesmith.synthesis.four_tasks import FourTasks
from tunesmith.synthesis.oss_instruct import OssInstruct

WANTED = {"a": 1, "b": ["x", "it's"]}
WRITTEN = json.dumps(WANTED)

READABLE = [
    WRITTEN,
    f"```json\n{WRITTEN}\n```",
    f"```\n{WRITTEN}\n```",
    f"Sure! Here's what you asked for:\n\n```json\n{WRITTEN}\n```\nLet me know if it isn't right {{really}}.",
    f"The answer, in {{braces}}, isn't hard: {WRITTEN} and that's that.",
    '{"a": 1, "b": ["x", "it\'s",],}',
    "{'a': 1, 'b': ['x', \"it's\"]}",
    "Here you are: {'a': 1, 'b': ['x', 'it\\'s']}. Don't mention it.",
    f"  {json.dumps(WANTED, indent=4)}  ",
    f"First [1, 2], then {WRITTEN}",
    f"```json\n{WRITTEN}\n",
    '{"a": 1, "b": ["x", "it\'s"]}}',
]


@pytest.mark.parametrize("reply", READABLE)
def test_an_object_is_found_however_it_is_wrapped(reply: str) -> None:
    assert one_object(reply) == WANTED


UNREADABLE = [
    "", "No JSON here.", "{", WRITTEN[:-1], WRITTEN[:9], f"```json\n{WRITTEN[:-3]}",
    '{"outer": {"inner": 1}, "rest": "cut o', '{"a": NaN}', '{"a": 1 "b": 2}', '{"a": undefined}',
    "{'a': open('x')}", '[{"a": 1}, {"b": 2', "{1: 2}", '{"a": {"b": 1}, bad}',
]  # fmt: skip


@pytest.mark.parametrize("reply", UNREADABLE)
def test_what_is_cut_off_or_broken_is_not_mended(reply: str) -> None:
    assert one_object(reply) is None


def test_newlines_and_fences_inside_strings_are_text() -> None:
    code = "```python\nprint('{')\n```"
    assert one_object('{"code": "' + code.replace("\n", "\\n") + '"}') == {"code": code}
    assert one_object('{"text": "two\nlines"}') == {"text": "two\nlines"}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["x", "y"]}, "n": {"type": "integer"},
        "of": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["kind", "n"],
    "additionalProperties": False,
}  # fmt: skip

DEPARTING = [
    ({"kind": "x"}, "lacks n"), ({"kind": "z", "n": 1}, "none of"),
    ({"kind": "x", "n": "1"}, "reply.n: expected integer"),
    ({"kind": "x", "n": True}, "expected integer"), ({"kind": "x", "n": 1, "more": 0}, "unexpected more"),
    ({"kind": "x", "n": 1, "of": ["a", 2]}, r"reply.of\[1\]: expected string"), ([], "expected object"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "why"), DEPARTING)
def test_a_departure_from_the_schema_is_named(value: Any, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(json.dumps(value), SCHEMA)


def test_the_first_that_follows_the_schema_is_taken() -> None:
    good = {"kind": "y", "n": 2, "of": ["a"]}
    assert read(f'For example {{"kind": "q"}} is wrong; {json.dumps(good)}', SCHEMA) == good
    assert departs(good, SCHEMA) == ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from(["{}", "```json\n{}\n```", "Well: {} ."])
)
def test_every_object_is_read_as_it_was_written(value: dict[str, Any], around: str) -> None:
    assert one_object(around.replace("{}", json.dumps(value), 1)) == value


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=3), st.data())
def test_a_cut_off_object_is_never_read(value: dict[str, Any], data: st.DataObject) -> None:
    written = json.dumps(value)
    cut = data.draw(st.integers(1, len(written) - 1))
    assert one_object(written[:cut]) is None


@settings(max_examples=200)
@given(st.text(alphabet="{}[]\"':,\\ab1\n` ", max_size=200))
def test_no_text_can_raise_or_yield_what_json_cannot_hold(text: str) -> None:
    value = one_object(text)
    assert value is None or json.loads(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize(
    "text", ["{" * 50_000, '{"a":' * 20_000, "['" * 50_000, '{"' * 50_000, "'" * 90_000, "[" * 90_000]
)
def test_a_hostile_reply_costs_no_more_than_its_length(text: str) -> None:
    """Quadratic work on these would take minutes; the suite's own time limit is the judge."""
    assert one_object(text) is None


@pytest.mark.parametrize("step", [OssInstruct(), Comprehend(), FourTasks(), Discriminate()])
def test_what_cannot_be_read_goes_to_the_bin_with_the_raw_text_and_no_field_is_made_up(step: Any) -> None:
    code = "def add(a, b):\n    '''Add two numbers up.'''\n    return a + b\n"
    answer = f"```python\n{code}```"
    row = Sample.born("s", instruction="Add two numbers.", answer=answer, code=code, language="python")
    ctx = Context("s", seed=1)
    raw = '{"instruction": "Add two numbers", "cut off'
    asked = step.ask(row, ctx)
    (drop,) = step.read(row, [Completion(raw)] * len(asked), ctx)
    assert isinstance(drop, Drop) and drop.sample.meta["reply"] == raw
    assert (drop.sample.instruction, drop.sample.answer) == (row.instruction, row.answer)
