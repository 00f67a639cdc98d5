"""The client against a real HTTP server that misbehaves: one bad answer costs one row, an outage none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from llm_world import answered, ask_all, failed, served

from mock_server import Asked, Behaviour, Mock, RateLimit, Reply, failure
from tunesmith.errors import ProviderRefused
from tunesmith.llm.costs import Costs
from tunesmith.requests import Failure

PROMPTS = [f"prompt {number}" for number in range(400)]


def unlucky(seed: int = 1, **shares: float) -> Behaviour:
    """Each fault in its share of requests, whatever the prompt."""
    chance = random.Random(seed)
    kinds = {
        "error": failure(500, "internal"),
        "malformed": Reply(body=b'{"choices": [{"mess'),
        "dropped": Reply(drop=True),
        "hang": Reply(hang=True),
    }

    def behave(_: Asked) -> Reply:
        rng = chance.random()
        for name, share in shares.items():
            if rng < share:
                return kinds[name]
            rng -= share
        return Reply()

    return behave


def test_a_prompt_that_is_always_refused_costs_its_own_row_only() -> None:
    prompts = [f"prompt {number}" for number in range(500)]
    with Mock(lambda a: failure(400, "too long") if a.prompt == "prompt 123" else Reply()) as server:
        answers = ask_all(served(server.url), prompts)
        assert len(answered(answers)) == 499
        assert answers[123] == Failure("refused 400", "HTTP 400: too long", 1)
        assert len(server.asked) == 500


def test_errors_and_malformed_bodies_are_asked_again_until_answered() -> None:
    bill = Costs()
    with Mock(unlucky(error=0.20, malformed=0.05)) as server:
        # With the usual 6 tries, one of 400 rows would be lost in every eleventh run: 400 * 0.25**6.
        answers = ask_all(served(server.url, tries=10), PROMPTS, bill=bill)
        assert len(answered(answers)) == len(PROMPTS)
        assert bill.total().retries == len(server.asked) - len(PROMPTS) > 50


def test_hangs_and_dropped_connections_lose_no_row() -> None:
    with Mock(unlucky(hang=0.01, dropped=0.04)) as server:
        answers = ask_all(served(server.url, timeout=0.5), PROMPTS)
        assert len(answered(answers)) == len(PROMPTS)


@pytest.mark.parametrize("rows", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_under_a_rate_limit_every_row_is_kept_and_few_requests_are_refused(rows: int) -> None:
    limit = RateLimit(10, retry_after=1.0)
    with Mock(limit) as server:
        answers = ask_all(served(server.url), PROMPTS[:rows])
        assert len(answered(answers)) == rows
        began = server.asked[0].at
        later = [asked for asked in server.asked if asked.at > began + 1.0]
        refused_later = [at for at in limit.refused if at > began + 1.0]
        assert len(refused_later) < 0.15 * len(later)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_stops_at_once_and_says_what_to_do(status: int) -> None:
    with Mock(lambda _: failure(status, "no")) as server:
        with pytest.raises(ProviderRefused, match=r"Check .* run the same command to go on"):
            ask_all(served(server.url, in_flight=8), PROMPTS)
        assert len(server.asked) <= 8


def test_spent_credit_stops_the_run_although_it_is_a_429() -> None:
    with Mock(lambda _: failure(429, "You exceeded your quota", "insufficient_quota")) as server:
        with pytest.raises(ProviderRefused, match="Add credit"):
            ask_all(served(server.url, in_flight=4), PROMPTS)
        assert len(server.asked) <= 4


def test_one_of_three_endpoints_dying_loses_nothing() -> None:
    with Mock() as one, Mock() as two, Mock() as three:
        three.behaviour = lambda a: (
            (three.die(), Reply(drop=True))[1] if a.number > 50 else Reply(delay=0.002)
        )
        one.behaviour = two.behaviour = lambda _: Reply(delay=0.002)
        answers = ask_all(served(one.url, two.url, three.url), PROMPTS)
        assert len(answered(answers)) == len(PROMPTS)
        assert min(len(one.asked), len(two.asked)) > 100


def test_a_server_that_is_not_there_stops_the_run_and_blames_no_row() -> None:
    with Mock() as server:
        url = server.url
    with pytest.raises(ProviderRefused, match=f"nothing answers at {url}"):
        ask_all(served(url), PROMPTS[:20])


def test_an_outage_stops_the_run_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with Mock(lambda a: failure(500, "down") if a.number >= 100 else Reply()) as server:
        with pytest.raises(ProviderRefused, match="answers nothing"):
            ask_all(served(server.url, in_flight=8), PROMPTS, store=tmp_path / "answers.sqlite")
        server.behaviour = lambda _: Reply()
        asked = len(server.asked)
        answers = ask_all(served(server.url), PROMPTS, store=tmp_path / "answers.sqlite")
        assert len(answered(answers)) == len(PROMPTS)
        assert len(server.asked) - asked == len(PROMPTS) - 100


def test_rows_that_break_the_server_are_given_up_even_when_nothing_else_is_left() -> None:
    with Mock(lambda a: failure(500, "boom") if a.prompt.startswith("prompt") else Reply()) as server:
        answers = ask_all(served(server.url), PROMPTS[:5])
        assert {(answer.kind, answer.attempts) for answer in failed(answers)} == {("server error", 6)}


def test_requests_that_are_all_refused_stop_the_run_before_the_bin_fills() -> None:
    with Mock(lambda _: failure(400, "temperature is not supported")) as server:
        with pytest.raises(ProviderRefused, match="temperature is not supported"):
            ask_all(served(server.url, in_flight=8), PROMPTS)
        assert len(server.asked) < 40


def test_an_answer_that_the_filter_withheld_is_paid_once_and_binned(tmp_path: Path) -> None:
    body = b'{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}'
    with Mock(lambda _: Reply(body=body)) as server:
        for _ in range(2):
            (answer,) = ask_all(served(server.url), ["x"], store=tmp_path / "answers.sqlite")
            assert isinstance(answer, Failure) and answer.kind == "content filter"
        assert len(server.asked) == 1


def test_the_same_words_are_asked_once_even_at_once(tmp_path: Path) -> None:
    bill = Costs()
    with Mock(lambda _: Reply(delay=0.02)) as server:
        answers = ask_all(served(server.url), ["same"] * 20, store=tmp_path / "answers.sqlite", bill=bill)
        assert len(server.asked) == 1
        assert [answer.cached for answer in answered(answers)].count(False) == 1
        assert (bill.total().answers, bill.total().stored_answers) == (1, 19)
