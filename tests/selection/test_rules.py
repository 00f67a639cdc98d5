"""``selection.rules`` and ``selection.where``: a row stays, or goes with the one reason that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from real_data import real_data
from tables import apart, context, ids_in_order

from tunesmith.code.grammars import has_grammar
from tunesmith.sample import Sample, Verdict
from tunesmith.selection.rules import RULES, Rules
from tunesmith.selection.where import Where
from tunesmith.sources.jsonl import Jsonl


def judge(step, **columns) -> str:
    """The reason a row is dropped for, or nothing."""
    kept, drops = apart(step.row(Sample.born("seeds", **columns), context()))
    assert len(kept) + len(drops) == 1
    return drops[0].reason if drops else ""


RULE_TABLE = [
    ({"min_chars": 5}, "abcd", "under 5 characters"),
    ({"min_chars": 4}, "abcd", ""),
    ({"max_chars": 3}, "abcd", "over 3 characters"),
    ({"max_chars": 4}, "abcd", ""),
    ({"min_words": 3}, "two words", "under 3 words"),
    ({"min_words": 2, "max_words": 2}, "two words", ""),
    ({"min_lines": 2, "max_lines": 2}, "a\n\nb", ""),
    ({"max_words": 1}, "two words", "over 1 words"),
    ({"min_lines": 2}, "a\n\n \n", "under 2 lines"),
    ({"max_lines": 1}, "a\n\nb", "over 1 lines"),
    ({"forbid": ["password", "to do"]}, "my PASSWORD", "forbidden word: password"),
    ({"forbid": ["password", "to do"]}, "what To Do now", "forbidden word: to do"),
    ({"forbid": ["pass"]}, "my password", ""),
    ({"forbid": ["c++"]}, "in C++.", "forbidden word: c++"),
    ({"max_line": 3}, "abc\nabcd", "a line over 3 characters"),
    ({"max_line": 4}, "abc\nabcd", ""),
    ({"max_mean_line": 3}, "abc\nabcd", "mean line over 3 characters"),
    ({"min_alnum": 0.5}, "a---", "under 0.5 letters and digits"),
    ({"min_alnum": 0.25}, "é---", ""),
    ({"docstring": True}, "def f():\n    'Says.'", ""),
    ({"docstring": True}, "def f():\n    return 'Says.'", "no docstring"),
    ({"docstring": True}, "def f(:", "no docstring"),
    ({"parses": True}, "def f(): pass", ""),
    ({"parses": True}, "So:\n```python\nx = 1\n```\nDone it is.", ""),
    ({"parses": True}, "def f(: pass", "does not parse"),
    ({"min_chars": 1}, " \n ", "code is empty"),
]


@pytest.mark.parametrize(("rule", "text", "reason"), RULE_TABLE)
def test_each_rule_drops_what_breaks_it_with_its_own_reason(rule, text, reason):
    assert judge(Rules(field="code", **rule), code=text, language="python") == reason


def test_the_first_broken_rule_names_the_reason():
    everything = Rules(field="code", min_chars=9, forbid=["x"], max_line=1, min_alnum=1, parses=True)
    assert judge(everything, code="x (", language="python") == "under 9 characters"
    assert len(RULES) == 9


def test_code_in_a_language_we_cannot_parse_is_not_taken_for_right():
    rule = Rules(field="code", parses=True)
    assert judge(rule, code="fn f() {}", language="zig") == "cannot be parsed here: zig"
    assert judge(rule, code="x = 1") == "cannot be parsed here: language unknown"
    if has_grammar("go"):
        assert judge(rule, code="package p\nfunc F() {}", language="golang") == ""
        assert judge(rule, code="package p\nfunc F( {}", language="go") == "does not parse"
        assert judge(rule, code="function f($a) { return $a; }", language="php") == ""
        assert judge(rule, code="function f($a { return $a; }", language="php") == "does not parse"


def test_rules_without_a_rule_and_where_without_a_condition_are_refused():
    with pytest.raises(ValidationError, match="no rule is set"):
        Rules(field="code")
    with pytest.raises(ValidationError, match="no condition is set"):
        Where()
    with pytest.raises(ValidationError, match="Extra inputs"):
        Where(passed="x", soruce="y")


@given(st.text(max_size=40), st.integers(0, 9), st.integers(0, 40), st.floats(0, 1))
def test_every_text_comes_out_once_whatever_it_is(text, least, most, share):
    rules = Rules(
        field="answer", min_chars=least, max_words=most, max_line=7, min_alnum=share, forbid=["a", "."]
    )
    row = Sample.born("seeds", answer=text)
    assert ids_in_order(rules.row(row, context())) == [row.id]


PASSED, FAILED, UNKNOWN = (Verdict("executed", passed) for passed in (True, False, None))


@pytest.mark.parametrize(
    ("keys", "row", "reason"),
    [
        ({"source": "starter"}, {"source": "stdlib"}, "source is stdlib"),
        ({"source": ["starter", "stdlib"]}, {"source": "stdlib"}, ""),
        ({"task": "repair"}, {}, "task is empty"),
        ({"language": "python", "license": ["MIT"]}, {"language": "python"}, "license is empty"),
        ({"passed": "executed"}, {"verdicts": (PASSED,)}, ""),
        ({"passed": "executed"}, {"verdicts": (FAILED,)}, "executed: failed"),
        ({"passed": ["executed"]}, {"verdicts": (UNKNOWN,)}, "executed: unknown"),
        ({"passed": ["parsed", "executed"]}, {"verdicts": (PASSED,)}, "parsed: no verdict"),
    ],
)
def test_where_keeps_what_meets_every_condition(keys, row, reason):
    assert judge(Where(**keys), **row) == reason


def test_the_rules_of_wavecoder_account_for_every_real_seed():
    path = str(real_data("instructions/code_alpaca_2k.json.gz"))
    seeds = list(Jsonl(path=path, language="python").source(context("seeds")))
    rules = Rules(field="answer", min_chars=50, max_chars=800, parses=True)
    things = [thing for seed in seeds for thing in rules.row(seed, context())]
    kept, drops = apart(things)
    assert ids_in_order(things) == [seed.id for seed in seeds]
    reasons = {drop.reason for drop in drops}
    assert reasons == {"under 50 characters", "over 800 characters", "does not parse", "answer is empty"}
    assert 200 < len(kept) < 1000
