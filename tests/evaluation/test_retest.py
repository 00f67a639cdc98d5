"""Whether a judge says the same again: the figures, the forms it is asked in, and judges of known bias."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunesmith import api
from tunesmith.code.markdown import blocks
from tunesmith.evaluation.retest import consistency, retested
from tunesmith.replies.verdict import QUESTION, question, rewrapped
from tunesmith.sample import Sample, Verdict
from tunesmith.scoring.intervals import paired_difference
from tunesmith.selection.discriminate import RULES, Discriminate
from tunesmith.step import Context
from tunesmith.verification.pass_probability import PassProbability

CTX = Context("asked")
FENCED = "So:\n```python\nx = 1\n```\nand\n~~~\n```\n~~~\ndone."
ROW = Sample.born("s", instruction="Set x.", answer=FENCED, language="python")
VERDICTS = st.lists(st.tuples(st.sampled_from([True, False, None]), st.sampled_from([True, False, None])))


@given(VERDICTS)
@example([(True, True)])
@example([])
def test_the_figures_are_those_of_plain_loops(pairs: list[tuple[bool | None, bool | None]]) -> None:
    found: Any = consistency(Counter(pairs))
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    assert found["compared"] == len(known)
    assert found["one_unknown"] == sum((a is None) != (b is None) for a, b in pairs)
    if not known:
        assert found["agreement"]["value"] is found["kappa"]["value"] is found["shift"]["value"] is None
        return
    same = sum(a == b for a, b in known) / len(known)
    by_chance = sum(a == b for a, _ in known for _, b in known) / len(known) ** 2
    assert found["agreement"]["value"] == pytest.approx(same)
    assert found["shift"]["value"] == pytest.approx(sum(b - a for a, b in known) / len(known))
    if by_chance == 1:
        assert found["kappa"] == {"value": None, "low": None, "high": None}
    else:
        assert found["kappa"]["value"] == pytest.approx((same - by_chance) / (1 - by_chance))
    for figure in ("agreement", "kappa", "shift"):
        if found[figure]["value"] is not None:
            assert found[figure]["low"] - 1e-9 <= found[figure]["value"] <= found[figure]["high"] + 1e-9


@given(st.tuples(*[st.integers(0, 200)] * 4))
def test_the_paired_interval_holds_the_difference_and_turns_with_the_runs(cells: Any) -> None:
    both, first, second, neither = cells
    low, high = paired_difference(both, first, second, neither)
    turned = paired_difference(both, second, first, neither)
    assert (-turned[1], -turned[0]) == pytest.approx((low, high))
    if sum(cells):
        assert -1 - 1e-9 <= low <= (second - first) / sum(cells) <= high <= 1 + 1e-9


def asked_twice(chance: Random, rows: int, noise: float, bias: float, right: float = 0.5) -> Any:
    """A judge that is turned round with probability ``noise`` at each asking, and the second time passes
    what it would have failed with probability ``bias``."""
    seen: Counter[tuple[bool | None, bool | None]] = Counter()
    for _ in range(rows):
        holds = chance.random() < right
        one, two = (holds != (chance.random() < noise) for _ in range(2))
        seen[one, two or chance.random() < bias] += 1
    return consistency(seen)


@pytest.mark.parametrize(("noise", "bias"), [(0.0, 0.1), (0.1, 0.0), (0.2, 0.3)])
def test_intervals_hold_the_known_noise_and_bias_of_a_judge_nineteen_times_in_twenty(
    noise: float, bias: float
) -> None:
    chance, times = Random(11), 600
    steady = noise**2 + (1 - noise) ** 2
    same = steady / 2 + (1 - bias) * steady / 2 + bias * noise * (1 - noise)
    passes = 0.5 + bias / 2
    truth = {"agreement": same, "shift": bias / 2, "kappa": 2 * same - 1}
    assert math.isclose(0.5 * passes + 0.5 * (1 - passes), 0.5), "half agree by chance, whatever the bias"
    held = Counter[str]()
    for _ in range(times):
        found = asked_twice(chance, 120, noise, bias)
        held.update(name for name, so in truth.items() if found[name]["low"] <= so <= found[name]["high"])
    print({name: held[name] / times for name in truth})  # noqa: T201 - figures
    assert all(held[name] / times >= 0.92 for name in truth), held


def test_noise_lowers_agreement_without_a_shift_and_bias_shows_as_one() -> None:
    noisy, biased = asked_twice(Random(1), 1000, 0.2, 0.0), asked_twice(Random(2), 1000, 0.0, 0.2)
    assert noisy["agreement"]["high"] < 0.8 and noisy["shift"]["low"] < 0 < noisy["shift"]["high"]
    assert noisy["p"] > 0.05
    assert biased["shift"]["low"] > 0.05 and biased["p"] < 1e-6 and biased["passed_first"] == 0


def test_each_asking_is_held_against_the_first_and_unknown_verdicts_are_counted() -> None:
    said = [(True, True, False), (False, False, None), (None, True, True), (True, True, True)]
    rows = []
    for number, verdicts in enumerate(said):
        row = ROW.grow("a", draw=number)
        for step, passed in zip(("first", "again", "turned"), verdicts, strict=True):
            row = row.judged(Verdict(step, passed))
        rows.append(row)
    found: Any = retested(rows, "first", ["again", "turned"])
    again, turned = found["retests"]
    assert (again["step"], again["compared"], again["one_unknown"], again["agreement"]["value"]) == (
        "again", 3, 1, 1.0,
    )  # fmt: skip
    assert (turned["compared"], turned["one_unknown"], turned["passed_first"]) == (2, 2, 1)


# the forms


@given(st.text("`~ \nxpy", max_size=40))
@example(FENCED)
@example("x = 1")
@example("```python\nx = 1")
def test_other_fences_hold_the_same_code(text: str) -> None:
    then = blocks(rewrapped(text))
    assert rewrapped(text) != text or not any(block.closed for block in blocks(text))
    if blocks(text):
        assert [(b.language, b.code, b.closed) for b in then] == [
            (b.language, b.code, b.closed) for b in blocks(text)
        ]
    else:
        assert [block.code.rstrip() for block in then] == [text.rstrip()]


def test_a_form_changes_order_or_wrapping_and_nothing_else() -> None:
    def prompt(**fields: Any) -> str:
        (request,) = PassProbability(**fields).ask(ROW, CTX)
        return request.messages[0].content

    plain = QUESTION.format(instruction=ROW.instruction, answer=FENCED)
    assert prompt() == question(ROW).messages[0].content == plain
    forms = [prompt(form=form) for form in ("answer_first", "turned", "rewrapped")]
    assert len({plain, *forms}) == 4
    assert sorted(forms[0].split("\n")) == sorted(plain.split("\n"))
    assert sorted(forms[1].replace(".", "").replace("?", "").split()) == sorted(
        plain.replace(".", "").replace("?", "").split()
    )
    assert forms[2] == plain.replace(FENCED, rewrapped(FENCED))
    (again,) = PassProbability(draw=1, temperature=0.5).ask(ROW, CTX)
    assert again.messages[0].content == plain and (again.draw, again.sampling.temperature) == (1, 0.5)


def test_a_discriminator_is_asked_again_with_rules_turned_or_the_answer_first() -> None:
    def asked(**fields: Any) -> Any:
        (request,) = Discriminate(**fields).ask(ROW, CTX)
        return request

    plain, turned, first = asked(), asked(form="turned", draw=2), asked(form="answer_first")
    assert turned.draw == 2 and turned.facts == {**plain.facts, "form": "turned"}
    places = [turned.messages[0].content.index(f"- {rule}:") for rule in RULES]
    assert places == sorted(places, reverse=True)
    assert turned.schema["properties"]["rules"]["required"] == [*RULES][::-1]
    said = [request.messages[0].content for request in (plain, first)]
    assert sorted(said[0].split("\n")) == sorted(said[1].split("\n"))
    assert [text.index("Answer:") < text.index("Instruction:") for text in said] == [False, True]


RECIPE = """\
name: steadiness
models: {judge: {use: starter, error_rate: 0.2}, sure: {use: starter, error_rate: 0}}
steps:
  rows:   {do: sources.starter, tasks: 200, answered: true}
  once:   {do: verification.pass_probability, with: judge}
  again:  {do: verification.pass_probability, with: judge, draw: 1}
  first:  {do: verification.pass_probability, with: judge, form: answer_first}
  kept:   {do: verification.pass_probability, with: judge}
  steady: {do: evaluation.retest, judge: once, retests: [again, first, kept]}
"""


def test_a_judge_wrong_on_a_fifth_is_found_out_by_asking_again(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
        folder = api.run(tmp_path / "r.yaml", out=tmp_path / "run").folder
    found = json.loads(next(folder.rglob("retest.json")).read_text())
    again, first, kept = found["retests"]
    assert again["compared"] == first["compared"] == 200
    expected = 0.2**2 + 0.8**2
    for one in (again, first):
        assert one["agreement"]["low"] < expected < one["agreement"]["high"]
    assert kept["agreement"]["value"] == 1.0, "without a draw of its own the kept reply is read"
    page = (folder / "report.html").read_text()
    assert "Does the judge repeat its verdict?" in page and "shift to passed" in page


DISCRIMINATED = """\
name: discriminated
seed: 2
models: {judge: {use: starter, error_rate: 0.2}}
steps:
  rows:     {do: sources.starter, tasks: 150, answered: true}
  accepted: {do: selection.discriminate, with: judge}
  again:    {do: selection.discriminate, from: [accepted, accepted.dropped], with: judge, draw: 1}
  turned:   {do: selection.discriminate, from: [again, again.dropped], with: judge, form: turned}
  steady:   {do: evaluation.retest, from: [turned, turned.dropped], judge: accepted, retests: [again, turned]}
"""


def test_a_discriminator_is_retested_on_what_it_kept_and_what_it_rejected(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(DISCRIMINATED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
        folder = api.run(tmp_path / "r.yaml", out=tmp_path / "run").folder
    for one in json.loads(next(folder.rglob("retest.json")).read_text())["retests"]:
        assert one["compared"] == 150 and one["passed_first"] > 0 < one["passed_then"]
        assert one["agreement"]["low"] < 0.2**2 + 0.8**2 < one["agreement"]["high"]
