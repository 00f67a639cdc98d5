"""How long a run takes at a server that refuses and fails at random, against the ideal time.

    python benchmarks/random_refusals.py [--answers 500] [--in-flight 64] [--delay 3] [--refused 0.04]

The server answers after ``--delay`` seconds, refuses a share with 429 and ``Retry-After: 1`` and fails
another share with 500, both at random. Ideal: answers / in_flight * delay.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time

from mock_server import Asked, Mock, Reply, failure
from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.models.openai import OpenAI
from tunesmith.requests import Completion, Request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--delay", type=float, default=3.0)
    parser.add_argument("--refused", type=float, default=0.04)
    parser.add_argument("--failed", type=float, default=0.04)
    given = parser.parse_args()
    rng = random.Random(0)

    def behave(_: Asked) -> Reply:
        drawn = rng.random()
        if drawn < given.refused:
            return failure(429, "slow down", Retry_After="1")
        return failure(500, "oops") if drawn < given.refused + given.failed else Reply(delay=given.delay)

    async def run(url: str) -> None:
        model = OpenAI(model="mock", base_url=(url,), in_flight=given.in_flight)
        async with Client(model, None, Costs(), "answers") as client:
            requests = [Request.of(f"prompt {number}") for number in range(given.answers)]
            began = time.monotonic()
            answers = await asyncio.gather(*map(client.answer, requests))
            seconds = time.monotonic() - began
        ideal = given.answers / given.in_flight * given.delay
        answered = sum(isinstance(answer, Completion) for answer in answers)
        print(f"{answered} answered in {seconds:.1f} s; ideal {ideal:.1f} s: {seconds / ideal:.2f}x")
        print(client.traffic())

    with Mock(behave, keep=False) as server:
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
