"""The window, in a clock that leaps: how many, how fast, and what it learns from being pushed back."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_world import in_no_time

from tunesmith.llm.rate_limit import Flow, RateLimiter
from tunesmith.machine import gc_paused


class Limited:
    """A server in simulated time. ``allows`` says whether it takes a request now."""

    def __init__(
        self, latency: float, allows: Callable[[Limited, float], bool], retry_after: float | None
    ) -> None:
        self.latency, self.allows, self.retry_after = latency, allows, retry_after
        self.under_way = 0
        self.taken: deque[float] = deque()
        self.refused: list[float] = []

    async def ask(self, window: RateLimiter) -> None:
        loop = asyncio.get_running_loop()
        again, wait = False, 0.0
        while True:
            await asyncio.sleep(wait)
            sent = await window.enter(again=again)
            now, again = loop.time(), True
            try:
                if not self.allows(self, now):
                    self.refused.append(now)
                    await asyncio.sleep(0.01)
                    wait = window.refused(sent, self.retry_after)
                    continue
                self.taken.append(now)
                self.under_way += 1
                await asyncio.sleep(self.latency)
                self.under_way -= 1
                window.accepted()
                return
            finally:
                window.leave()


def per_second(rate: int) -> Callable[[Limited, float], bool]:
    return lambda server, now: sum(at > now - 1.0 for at in list(server.taken)[-rate:]) < rate


def bucket(rate: float, size: float) -> Callable[[Limited, float], bool]:
    level, at = size, 1000.0

    def allows(_: Limited, now: float) -> bool:
        nonlocal level, at
        level, at = min(size, level + rate * (now - at)), now
        if level < 1:
            return False
        level -= 1
        return True

    return allows


def at_once(most: int) -> Callable[[Limited, float], bool]:
    return lambda server, _: server.under_way < most


def seconds_for(count: int, server: Limited, most: int = 64, flow: Flow | None = None) -> float:
    """Simulated seconds until ``count`` requests are answered."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        window = RateLimiter(most, flow or Flow(), loop.time)
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(server.ask(window))
        assert window.under_way == 0
        return loop.time() - began

    return in_no_time(run())


@pytest.mark.parametrize("rate", [2, 10, 60])
@pytest.mark.parametrize("latency", [0.005, 0.5])
@pytest.mark.parametrize("retry_after", [1.0, None, 0.0])
def test_it_finds_the_rate_that_the_server_allows(
    rate: int, latency: float, retry_after: float | None
) -> None:
    server = Limited(latency, per_second(rate), retry_after)
    seconds = seconds_for(rate * 60, server)
    later = [at for at in server.refused if at > 1001.0]
    assert len(later) < 0.15 * rate * 60
    assert seconds < 60 / 0.7


@pytest.mark.parametrize("size", [1, 20, 60])
def test_it_meets_a_token_bucket_that_starts_full(size: int) -> None:
    server = Limited(0.02, bucket(5, size), 1.0)
    seconds = seconds_for(600, server)
    assert len([at for at in server.refused if at > 1001.0]) < 0.15 * 600
    assert seconds < 120 / 0.6


def test_it_shrinks_to_what_the_server_takes_at_once() -> None:
    server = Limited(1.0, at_once(8), None)
    seconds = seconds_for(800, server)
    assert len(server.refused) < 0.25 * 800
    assert seconds < 100 / 0.5


def test_it_grows_back_after_a_bad_minute() -> None:
    def allows(server: Limited, now: float) -> bool:
        return not 1010 < now < 1020 or server.under_way < 1

    seconds = seconds_for(20_000, Limited(0.1, allows, None))
    assert seconds < 20_000 / 640 + 10 + 40


@pytest.mark.parametrize("seed", range(5))
def test_refusals_by_chance_do_not_slow_a_run_down(seed: int) -> None:
    """64 in flight, answers in 3 s, 4% of requests refused at random with Retry-After: 1."""
    rng = random.Random(seed)
    server = Limited(3.0, lambda *_: rng.random() >= 0.04, 1.0)
    seconds = seconds_for(1000, server)
    assert seconds < 1.5 * 1000 / 64 * 3
    assert len(server.refused) < 0.07 * 1000


def test_a_server_that_takes_nothing_at_first_is_waited_for() -> None:
    seconds = seconds_for(20_000, Limited(0.1, lambda _, now: now > 1020, None))
    assert seconds < 20_000 / 640 + 20 + 25


def test_stated_limits_are_kept_from_the_first_second() -> None:
    server = Limited(0.01, per_second(12), 1.0)
    seconds = seconds_for(100, server, flow=Flow(rpm=600))
    assert not server.refused
    assert 8 < seconds < 11


def test_tokens_per_minute_are_kept() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        window = RateLimiter(64, Flow(tpm=6000), loop.time)
        began = loop.time()
        for _ in range(60):
            await window.enter(50.0)
            window.leave(50.0)  # each used twice what was expected
        return loop.time() - began

    assert 50 < in_no_time(run()) < 62


def test_those_who_were_pushed_back_go_first() -> None:
    order: list[str] = []

    async def run() -> None:
        window = RateLimiter(1, Flow(), asyncio.get_running_loop().time)
        await window.enter()

        async def come(name: str, again: bool) -> None:
            await window.enter(again=again)
            order.append(name)
            window.leave()

        async with asyncio.TaskGroup() as group:
            group.create_task(come("new", False))
            await asyncio.sleep(0)
            group.create_task(come("again", True))
            await asyncio.sleep(0)
            window.leave()

    in_no_time(run())
    assert order == ["again", "new"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.booleans()), max_size=40), st.integers(1, 5))
def test_no_place_is_lost_when_tasks_are_cancelled(plan: list[tuple[float, float, bool]], most: int) -> None:
    peak = 0

    async def run() -> None:
        nonlocal peak
        loop = asyncio.get_running_loop()
        window = RateLimiter(most, Flow(), loop.time)

        async def work(start: float, length: float, refused: bool) -> None:
            nonlocal peak
            await asyncio.sleep(start)
            sent = await window.enter()
            try:
                peak = max(peak, window.under_way)
                await asyncio.sleep(length)
                if refused:
                    window.refused(sent, 0.1)
            finally:
                window.leave()

        tasks = [loop.create_task(work(*each)) for each in plan]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                loop.call_later(plan[number][1], task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert window.under_way == 0

    in_no_time(run())
    assert peak <= most


def test_a_retry_waits_at_random_and_never_longer_than_allowed() -> None:
    import random

    flow, chance = Flow(backoff=0.5, longest=30.0), random.Random(1)
    waits = [[flow.wait(attempt, chance) for _ in range(200)] for attempt in range(10)]
    assert all(0 <= wait <= min(30.0, 0.5 * 2**attempt) for attempt, row in enumerate(waits) for wait in row)
    assert max(waits[9]) > 25 and min(waits[9]) < 5


def test_the_search_for_garbage_is_put_off_and_then_as_it_was() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), gc_paused():
        assert gc.get_threshold()[0] > before[0] and gc.get_freeze_count() > 0
        ring = Limited(0.0, lambda *_: True, None)
        ring.allows, gone = ring.ask, weakref.ref(ring)  # type: ignore[assignment]
        del ring
        gc.collect()
        assert gone() is None  # what came since is still found
        _ = 1 / 0
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0


def test_the_search_for_garbage_stays_put_off_until_the_last_window_closes() -> None:
    before = gc.get_threshold()
    one, other = gc_paused(), gc_paused()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold()[0] > before[0]
    other.__exit__(None, None, None)
    assert gc.get_threshold() == before
