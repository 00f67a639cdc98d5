"""Money: what is counted, what a budget promises, what is estimated before anything is spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_world import answered, ask_all, in_no_time, served

from mock_server import Mock, Reply
from tunesmith.errors import BudgetReached, SetupError
from tunesmith.llm import prices
from tunesmith.llm.costs import Charge, Costs
from tunesmith.llm.prices import Price
from tunesmith.llm.store import AnswerStore
from tunesmith.llm.tokens import most_tokens, tokens_of
from tunesmith.models.openai import OpenAI
from tunesmith.models.starter import StarterTeacher
from tunesmith.requests import Request, Sampling, Usage
from tunesmith.runs.plan import estimate

EACH = (250 * 1 + 20 * 2) / 1e6
PRICE = {"input": 1, "output": 2}
PROMPTS = [f"prompt {number}".ljust(250, ".") for number in range(100)]


def test_a_budget_stops_cleanly_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    store, budget = tmp_path / "a.sqlite", 40.5 * EACH
    with Mock() as server:
        model = served(server.url, price=PRICE, in_flight=16)
        bill = Costs(budget, run="r")
        with pytest.raises(BudgetReached, match="raise the budget and run the same command"):
            ask_all(model, PROMPTS, store=store, bill=bill)
        assert budget - EACH < bill.usd <= budget + EACH
        assert len(server.asked) == bill.total().answers
        kept = AnswerStore(store)
        again = kept.charges("r")
        kept.close()
        assert again.usd == pytest.approx(bill.usd)
        again.budget = 1.0
        assert len(answered(ask_all(model, PROMPTS, store=store, bill=again))) == 100
        assert len(server.asked) == 100
        assert again.usd == pytest.approx(100 * EACH)
        assert again.total().stored_answers == bill.total().answers


@pytest.mark.parametrize("in_flight", [1, 7, 64])
@pytest.mark.parametrize("budget", [0.5 * EACH, 3 * EACH, 30 * EACH])
def test_a_budget_is_never_overrun_by_more_than_one_answer(in_flight: int, budget: float) -> None:
    with Mock() as server:
        bill = Costs(budget)
        with pytest.raises(BudgetReached):
            ask_all(served(server.url, price=PRICE, in_flight=in_flight), PROMPTS, bill=bill)
        assert budget <= bill.usd < budget + EACH


def test_a_server_that_bills_more_than_was_sent_overruns_by_its_first_answers_only() -> None:
    with Mock() as server:
        bill = Costs(60 * EACH)
        with pytest.raises(BudgetReached):
            ask_all(served(server.url, price=PRICE, in_flight=8), [str(n) for n in range(1000)], bill=bill)
        assert bill.usd < (60 + 8) * EACH


def test_a_budget_without_a_known_price_is_refused_before_anything_is_sent() -> None:
    with Mock() as server:
        with pytest.raises(SetupError, match="price of 'mock' is not known"):
            ask_all(served(server.url), PROMPTS, bill=Costs(1.0))
        assert not server.asked


def test_what_earlier_sessions_spent_counts() -> None:
    spent = Costs(1.0)
    spent.charge(Charge("", "earlier", "", Usage(), 1.0))
    with Mock() as server, pytest.raises(BudgetReached):
        ask_all(served(server.url, price=PRICE), PROMPTS, bill=spent)
    assert not server.asked


def test_money_is_told_by_step_and_intent_and_unknown_prices_are_said() -> None:
    bill = Costs()
    bill.charge(Charge("", "evolved", "evolve.reason", Usage(10, 5, 4), 0.5))
    bill.charge(Charge("", "evolved", "evolve.replace", Usage(1, 1), 0.25))
    assert bill.priced
    bill.charge(Charge("", "answered", "answer", Usage(1, 1), None))
    bill.reuse("answered", "answer", Usage(7, 8))
    evolved = bill.of_step("evolved")
    assert (evolved.usd, evolved.answers, evolved.cached_input) == (0.75, 2, 4)
    assert bill.intents("evolved")["evolve.reason"].usd == 0.5
    assert (bill.of_step("answered").stored_input, bill.of_step("answered").input) == (7, 1)
    assert not bill.priced and bill.usd == 0.75


def test_waiting_for_money_goes_on_when_some_is_given_back() -> None:
    import asyncio

    async def run() -> float:
        bill = Costs(10.0)
        await bill.reserve(8.0)
        second = asyncio.create_task(bill.reserve(8.0))
        await asyncio.sleep(1)
        assert not second.done()
        bill.charge(Charge("", "s", "", Usage(), 1.0))
        bill.settle(8.0)
        await second
        bill.settle(8.0)
        return bill.usd

    assert in_no_time(run()) == 1.0


def test_the_provider_s_cache_is_priced_apart() -> None:
    price = Price(input=2.0, cached_input=0.5, output=10.0)
    assert (
        price.cost(Usage(input=1_000_000, output=100_000, cached_input=400_000)) == 0.6 * 2 + 0.4 * 0.5 + 1.0
    )
    assert price.times(0.5).cost(Usage(1_000_000)) == 1.0


def test_the_table_is_dated_and_every_entry_is_a_price() -> None:
    assert prices.dated().count("-") == 2
    for host, models in prices._table()["hosts"].items():
        for model in models:
            price = prices.listed(host, model)
            assert price is not None and 0 <= price.input <= price.output
    assert prices.listed("api.openai.com", "gpt-4o-mini-2024-07-18") == prices.listed(
        "api.openai.com", "gpt-4o-mini"
    )


def test_a_price_is_known_only_where_it_is_sold() -> None:
    assert OpenAI(model="gpt-4o-mini", base_url="https://api.openai.com/v1").token_price() is not None
    assert OpenAI(model="gpt-4o-mini", base_url="http://127.0.0.1:9/v1").token_price() is None
    given_price = OpenAI(model="x", price=Price(input=1, output=1))
    assert given_price.token_price() == Price(input=1, output=1)
    assert StarterTeacher().token_price() == prices.FREE


def test_an_estimate_counts_prompts_and_stated_answers() -> None:
    model = OpenAI(model="m", price=Price(input=1, output=2), max_tokens=300)
    prompts = [Request.of("add two numbers " * 90), Request.of("x " * 30, sampling=Sampling(max_tokens=100))]
    expected = estimate(model, prompts, answer_tokens=200)
    assert (expected.requests, expected.tokens_out) == (2, 300)
    assert expected.tokens_in == 90 * 3 + 30 + 2 * 4
    assert expected.usd == pytest.approx((expected.tokens_in + 2 * 300) / 1e6)
    assert estimate(served("http://127.0.0.1:1/v1"), prompts, 200).usd is None


COUNTED = [
    ("Write a function to find the maximum difference between two numbers in a list.", 15),
    ("def add(a, b):\n    return a + b\n", 12),
    ('Generate a random 12-digit number, then print "it\'s done!"', 14),
    ("for i in range(100):\n    if i % 3 == 0 and i % 5 == 0:\n        print('FizzBuzz')", 31),
]


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_tokens_are_counted_about_as_a_tokenizer_does(text: str, tokens: int) -> None:
    """``tokens``: by o200k_base."""
    assert tokens_of(text) == pytest.approx(tokens, rel=0.2)


@given(st.text())
def test_no_text_has_more_tokens_than_reserved(text: str) -> None:
    assert tokens_of(text) <= most_tokens(Request.of(text)).input


def test_usage_that_a_server_leaves_out_is_estimated() -> None:
    bill = Costs()
    body = json.dumps({"choices": [{"message": {"content": "word " * 100}}]}).encode()
    with Mock(lambda _: Reply(body=body)) as server:
        ask_all(served(server.url), ["a word " * 100], bill=bill)
    assert (bill.total().input, bill.total().output) == (200 + 4, 100)
