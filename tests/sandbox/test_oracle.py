"""What counts as the same answer, and what is kept of a reference's answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.sandbox.box.messages.codec import digest
from tunesmith.sandbox.box.testing.oracle import ORACLES, compare, equal, packed, read, unpacked

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=6,
)


@given(PLAIN)
def test_equal_values_pass_and_share_a_digest(value):
    assert equal(value, value, 0.0)
    assert digest(value) == digest(json.loads(json.dumps(value))) or not isinstance(value, str | int | None)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_floats_are_equal_within_the_tolerance_of_evalplus(answer, expected):
    near = abs(answer - expected) <= 1e-6 + 1e-7 * abs(expected)
    assert equal(answer, expected, 0.0) == (answer == expected or near)
    assert equal([answer, 1.0], [expected, 1.0], 0.0) == (answer == expected or near)


ORACLE_CASES = [
    ("equal", (1, 2), [1, 2], 0.0, [], False),
    ("equal", 2, 2.0, 0.0, [], True),
    ("equal", 2, 2.0000001, 0.0, [], False),
    ("equal", 2.05, 2.0, 0.1, [], True),
    ("equal", True, 1, 0.0, [], True),
    ("equal", [], [], 0.0, [], True),
    ("exact", 1.0, 1.0 + 1e-9, 0.1, [], False),
    ("same_items", [2, 1, 1], (1, 2), 0.0, [], True),
    ("same_items", [2], (1, 2), 0.0, [], False),
    ("not_none", "match", True, 0.0, [], True),
    ("not_none", None, True, 0.0, [], False),
    ("not_none", False, True, 0.0, [], False),
    ("or_zero", 0, 7, 0.0, [], True),
    ("or_zero", 6, 7, 0.0, [], False),
    ("anything", 1, 2, 0.0, [], True),
]


@pytest.mark.parametrize(("oracle", "answer", "expected", "atol", "arguments", "right"), ORACLE_CASES)
def test_an_oracle_takes_what_is_right_and_nothing_else(oracle, answer, expected, atol, arguments, right):
    assert ORACLES[oracle](answer, expected, atol, arguments) is right


def total(*xs: int) -> list[int]:
    """A reference whose answer is long for some inputs."""
    return [sum(xs)] * (1 + 200 * (len(xs) > 2))


@given(st.lists(st.lists(st.integers(-5, 5), max_size=4), min_size=1, max_size=8))
def test_what_a_reference_gives_is_known_again(inputs):
    values, digests = unpacked(packed(total, json.dumps(inputs), "", "equal", 100_000))
    assert sorted([*values, *digests]) == list(range(len(inputs)))
    answers = [total(*xs) for xs in inputs]
    assert all(answers[place] == value for place, value in values.items())
    assert all(digest(answers[place]) == kept for place, kept in digests.items())
    assert packed(total, json.dumps(inputs), "", "equal", 10) == ""


@given(st.lists(st.lists(st.integers(-5, 5), max_size=4), min_size=1, max_size=8), st.booleans())
def test_knowing_the_answers_never_changes_the_verdict(inputs, wrong):
    known = packed(total, json.dumps(inputs), "", "equal", 100_000)

    def candidate(*xs: int) -> list[int]:
        return total(*xs)[:-1] if wrong and len(xs) > 2 else total(*xs)

    verdicts = set()
    for text in ("", known):
        try:
            compare(candidate, total, inputs=json.dumps(inputs), known=text)
            verdicts.add("passed")
        except AssertionError as error:
            verdicts.add(str(error))
    assert len(verdicts) == 1


NAN = float("nan")


@pytest.mark.parametrize(
    "answer",
    [NAN, [1, NAN], (NAN,), {"a": [NAN]}, 1j * NAN, [[[NAN]]], [b"a"], [2.5, NAN], {1, 2j * NAN}, ...],
)
@pytest.mark.parametrize("longer", [0, 5000])
def test_an_answer_whose_image_says_too_little_is_not_known(answer, longer):
    known = packed(lambda: [answer, "x" * longer], "[[]]", "", "equal", 100_000)
    assert unpacked(known) == ({}, {})
    assert unpacked(packed(lambda: [1.5, "x" * longer], "[[]]", "", "equal", 100_000)) != ({}, {})


def test_a_candidate_cannot_spoil_the_inputs_for_the_reference():
    def spoils(xs: list) -> int:
        xs.clear()
        return 0

    with pytest.raises(AssertionError, match="input 0: gave 0, not 3"):
        compare(spoils, len, inputs="[[[1, 2, 3]]]")
    with pytest.raises(AssertionError):
        compare(
            spoils,
            len,
            inputs="[[[1, 2]]]",
            oracle=lambda answer, expected, atol, arguments: not arguments[0],
        )


def test_inputs_get_back_what_json_lost():
    given_types = read("[[[1, 2], [[3]]]]", "tuples of tuples")
    assert given_types == [[(1, 2), ((3,),)]]
    assert read('[["0", "1j"]]', "float and complex") == [[0.0, 1j]]
    assert read("[[[[1, 2], []]]]", "sets") == [[[{1, 2}, {}]]]
