"""A chat server made for measuring clients: plain asyncio, no framework, faults on request.

In a process of its own (``python benchmarks/mock_server.py --delay 0.2``) it answers some twenty
thousand requests a second per core and prints its base_url first; ``GET /stats`` tells what it saw.
In a thread (``with Mock(behaviour) as server``) it is the real HTTP server of the tests: ``behaviour``
decides, for each request, status, delay, dropped connection or silence.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: its number (from 0), the clock time, path, headers (lower case), body."""

    number: int
    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        return dict(json.loads(self.body))

    @property
    def prompt(self) -> str:
        """The last message (or the prompt of a plain completion)."""
        body = self.json
        return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do with a request. ``text`` is put into a chat completion unless ``body`` is given.

    delay: seconds.  drop: close the connection without a word.  hang: never answer.
    drip: a byte of the body each hundredth of a second, without end.
    """

    status: int = 200
    text: str = "yes"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    hang: bool = False
    drip: bool = False


Behaviour = Callable[[Asked], Reply]


def completion(text: str, model: str = "mock", tokens: tuple[int, int] = (250, 20), **more: Any) -> bytes:
    """The body of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    reply = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": model}
    return json.dumps({**reply, "choices": [choice], "usage": usage, **more}).encode()


def failure(status: int, message: str, code: str = "", **headers: str) -> Reply:
    """An error as OpenAI words it. Underscores in header names become dashes."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code or None}}).encode()
    return Reply(
        status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


class RateLimit:
    """At most ``rate`` requests in any second, else 429 with ``Retry-After``: a behaviour around another."""

    def __init__(self, rate: int, retry_after: float = 1.0, delay: float = 0.0) -> None:
        self.rate, self.retry_after, self.delay = rate, retry_after, delay
        self.taken: list[float] = []
        self.refused: list[float] = []

    def __call__(self, asked: Asked) -> Reply:
        self.taken = [at for at in self.taken if at > asked.at - 1.0]
        if len(self.taken) >= self.rate:
            self.refused.append(asked.at)
            return failure(429, "slow down", "rate_limit_exceeded", Retry_After=f"{self.retry_after:g}")
        self.taken.append(asked.at)
        return Reply(delay=self.delay)


class Mock:
    """The server, in a thread of its own. ``asked`` lists every request; ``url`` is its base_url."""

    def __init__(self, behaviour: Behaviour | None = None, *, keep: bool = True) -> None:
        self.behaviour: Behaviour = behaviour or (lambda _: Reply())
        self.keep = keep
        self.asked: list[Asked] = []
        self.count, self.connections, self.under_way, self.peak = 0, 0, 0, 0
        self.port = 0
        self._transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """What a client calls base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def prompts(self) -> list[str]:
        """The last message of every request, in order of arrival."""
        return [asked.prompt for asked in self.asked if asked.body]

    async def listen(self, port: int = 0) -> None:
        """Begin to listen, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", port, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        ready = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self.listen())
            ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def die(self) -> None:
        """Stop listening and cut every connection, as a killed server does."""
        done = threading.Event()

        def cut() -> None:
            if self._server is not None:
                self._server.close()
            for transport in list(self._transports):
                transport.abort()
            done.set()

        if threading.current_thread() is getattr(self, "_thread", None):
            cut()
        else:
            self._loop.call_soon_threadsafe(cut)
            done.wait()


class _Connection(asyncio.Protocol):
    """One connection: requests in, replies out, keep-alive, no pipelining."""

    def __init__(self, server: Mock) -> None:
        self.server, self.buffer = server, bytearray()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.server._transports.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self.server._transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (split := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:split]).decode("latin-1").split("\r\n")
            headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
            end = split + 4 + int(headers.get("content-length", 0))
            if headers.get("expect"):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.buffer) < end:
                return
            body = bytes(self.buffer[split + 4 : end])
            del self.buffer[:end]
            self._take(head[0].split(" ")[1], headers, body)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        server = self.server
        if path.startswith("/stats"):
            stats = {"asked": server.count, "connections": server.connections, "peak": server.peak}
            self._write(Reply(body=json.dumps(stats).encode()))
            return
        asked = Asked(server.count, time.monotonic(), path, headers, body)
        server.count += 1
        server.under_way += 1
        server.peak = max(server.peak, server.under_way)
        if server.keep:
            server.asked.append(asked)
        reply = server.behaviour(asked)
        if reply.drop:
            server.under_way -= 1
            self.transport.abort()
        elif reply.drip:
            self.transport.write(b"HTTP/1.1 200 X\r\nContent-Length: 1000000\r\n\r\n")
            self._drip()
        elif reply.delay:
            server._loop.call_later(reply.delay, self._answer, reply)
        elif not reply.hang:
            self._answer(reply)

    def _drip(self) -> None:
        if self.transport.is_closing():
            self.server.under_way -= 1
        else:
            self.transport.write(b" ")
            self.server._loop.call_later(0.01, self._drip)

    def _answer(self, reply: Reply) -> None:
        self.server.under_way -= 1
        self._write(reply)

    def _write(self, reply: Reply) -> None:
        body = completion(reply.text) if reply.body is None else reply.body
        more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        head = (
            f"HTTP/1.1 {reply.status} X\r\nContent-Type: application/json\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with suppress(RuntimeError):
            self.transport.write(head.encode("latin-1") + body)


def main() -> None:
    """Serve until killed; print the base_url first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    reply = Reply(body=completion("The answer is forty-two, as ever. " * 4), delay=given.delay)

    async def serve() -> None:
        server = Mock(lambda _: reply, keep=False)
        await server.listen(given.port)
        print(server.url, flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
