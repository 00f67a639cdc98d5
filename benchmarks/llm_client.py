"""What a request costs: our client and its peers against one mock server, in one process tree.

    python benchmarks/llm_client.py
    python benchmarks/llm_client.py --peer-python distilabel=/tmp/d/bin/python --delays 0.2

Each client is a fresh process that sends the same prompts of 1 kB with 256 in flight through its public
interface, ours with its store (fsync before a row counts) and its bill. Requests per second and CPU
milliseconds per request begin after the imports and end with the last answer; CPU is that of the client
and its children, never the server's. CPU is the figure to trust on a shared machine. A peer that is not
installed is skipped and its pip line is shown; peers that cannot share an environment each take their own
interpreter with ``--peer-python NAME=PATH``.

Requests per second have a ceiling that no client can pass: with W in flight and d seconds a reply it is
W / d, which is 1,280 for 256 and 200 ms. So "ours is" cannot be more than 1,280 / R against a peer that
reaches R ("at most"), however much faster a client could go; what it costs to get there is what "CPU:
ours is" says (the CPU per request of the two). Without a delay, or with more in flight, the ceiling is
out of the way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
TOKENS = 64
Ready = Callable[[], None]


def prompts_of(count: int) -> list[str]:
    """``count`` different prompts of 1 kB."""
    text = "Write a function that merges two sorted lists without changing either of them. " * 13
    return [f"{number:08d} {text}"[:1024] for number in range(count)]


async def workers(prompts: Sequence[str], ask: Callable[[str], Awaitable[str]], count: int) -> list[str]:
    """``count`` workers take the prompts in order."""
    left: Iterator[tuple[int, str]] = iter(enumerate(prompts))
    answers = [""] * len(prompts)

    async def work() -> None:
        for place, prompt in left:
            answers[place] = await ask(prompt)

    await asyncio.gather(*(work() for _ in range(count)))
    return answers


def tunesmith(
    url: str, prompts: Sequence[str], in_flight: int, ready: Ready, store: bool = True
) -> list[str]:
    """Our client as the engine drives it: store, bill, collector, as many tasks ahead as the engine has."""
    from tunesmith.llm.client import Client, Costs
    from tunesmith.llm.store import AnswerStore
    from tunesmith.machine import gc_paused
    from tunesmith.models.openai import OpenAI
    from tunesmith.requests import Completion, Request

    model = OpenAI(model="mock", base_url=url, in_flight=in_flight, max_tokens=TOKENS)

    async def run(folder: str) -> list[str]:
        kept = AnswerStore(Path(folder) / "answers.sqlite") if store else None
        async with Client(model, kept, Costs(run="benchmark"), "answers") as client:

            async def ask(prompt: str) -> str:
                answer = await client.answer(Request.of(prompt, intent="answer"))
                assert isinstance(answer, Completion), answer
                return answer.text

            answers = await workers(prompts, ask, 256 + 4 * in_flight)
        if kept is not None:
            assert len(kept) == len(prompts)
            kept.close()
        return answers

    import aiohttp  # noqa: F401  (so that every client is timed without its imports)

    ready()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DISK")) as folder, gc_paused():
        return asyncio.run(run(folder))


def tunesmith_bare(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """Our client without a store."""
    return tunesmith(url, prompts, in_flight, ready, store=False)


def body_of(prompt: str) -> dict[str, Any]:
    """The body every hand-written client sends."""
    return {"model": "mock", "messages": [{"role": "user", "content": prompt}], "max_tokens": TOKENS}


def raw_asyncio(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """Streams and own framing: the ceiling, not a client one would use."""
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(prompt: str) -> str:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, int(port))
        body = json.dumps(body_of(prompt)).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer_head = await reader.readuntil(b"\r\n\r\n")
        length = int(answer_head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        idle.append((reader, writer))
        return str(answer["choices"][0]["message"]["content"])

    ready()
    return asyncio.run(workers(prompts, ask, in_flight))


def bare_aiohttp(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """aiohttp as its documentation shows it."""
    import aiohttp

    async def run() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

            async def ask(prompt: str) -> str:
                async with session.post(f"{url}/chat/completions", json=body_of(prompt)) as reply:
                    answer = await reply.json()
                return str(answer["choices"][0]["message"]["content"])

            return await workers(prompts, ask, in_flight)

    ready()
    return asyncio.run(run())


def openai_default(
    url: str, prompts: Sequence[str], in_flight: int, ready: Ready, http: Any = None
) -> list[str]:
    """The openai SDK as installed."""
    import openai

    async def run() -> list[str]:
        options = {"http_client": http()} if http else {}
        async with openai.AsyncOpenAI(base_url=url, api_key="none", **options) as client:

            async def ask(prompt: str) -> str:
                answer = await client.chat.completions.create(**body_of(prompt))
                return str(answer.choices[0].message.content)

            return await workers(prompts, ask, in_flight)

    ready()
    return asyncio.run(run())


def openai_aiohttp(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """The openai SDK over aiohttp."""
    import aiohttp  # noqa: F401
    from openai import DefaultAioHttpClient

    return openai_default(url, prompts, in_flight, ready, DefaultAioHttpClient)


def distilabel(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """A pipeline of one TextGeneration step; a batch is as large as the others' window."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    ready()
    with Pipeline(name="benchmark", cache_dir=tempfile.mkdtemp()) as pipeline:
        load = LoadDataFromDicts(data=[{"instruction": p} for p in prompts], batch_size=in_flight)
        llm = OpenAILLM(
            model="mock", base_url=url, api_key="none", generation_kwargs={"max_new_tokens": TOKENS}
        )
        load >> TextGeneration(llm=llm, input_batch_size=in_flight)
    made = pipeline.run(use_cache=False)
    return [str(row["generation"]) for row in made["default"]["train"]]


def curator(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """``curator.LLM`` with its own aiohttp client. Its tokenizer download is replaced by a count of bytes."""
    os.environ |= {
        "TELEMETRY_ENABLED": "false",
        "CURATOR_DISABLE_RICH_DISPLAY": "1",
        "OPENAI_API_KEY": "none",
    }
    import tiktoken

    class Bytes:
        def encode(self, text: str, **_: Any) -> list[int]:
            return [0] * (len(text) // 4)

    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: Bytes()  # type: ignore[assignment,return-value]
    from bespokelabs import curator as bespoke

    ready()
    limits = {
        "base_url": url, "max_concurrent_requests": in_flight, "max_requests_per_minute": 10**9,
        "max_tokens_per_minute": 10**12, "api_key": "none",
    }  # fmt: skip
    llm = bespoke.LLM(
        model_name="mock", backend="openai", backend_params=limits, generation_params={"max_tokens": TOKENS}
    )
    made = llm(list(prompts), working_dir=tempfile.mkdtemp())
    rows = getattr(made, "dataset", made)
    return [str(row["response"]) for row in rows]


def data_designer(url: str, prompts: Sequence[str], in_flight: int, ready: Ready) -> list[str]:
    """One LLM text column over a seed table."""
    os.environ |= {"NEMO_TELEMETRY_ENABLED": "false", "NEMO_DEPLOYMENT_TYPE": "none", "MOCK_KEY": "none"}
    import pandas
    from data_designer import config
    from data_designer.interface import DataDesigner

    ready()
    folder = Path(tempfile.mkdtemp())
    provider = config.ModelProvider(name="mock", endpoint=url, provider_type="openai", api_key="MOCK_KEY")
    parameters = config.ChatCompletionInferenceParams(max_parallel_requests=in_flight, max_tokens=TOKENS)
    model = config.ModelConfig(
        alias="m", model="mock", provider="mock", inference_parameters=parameters, skip_health_check=True
    )
    builder = config.DataDesignerConfigBuilder(model_configs=[model])
    seed = pandas.DataFrame({"instruction": list(prompts)})
    builder.with_seed_dataset(config.DataFrameSeedSource(df=seed))
    builder.add_column(config.LLMTextColumnConfig(name="answer", prompt="{{ instruction }}", model_alias="m"))
    designer = DataDesigner(artifact_path=folder, model_providers=[provider])
    made = designer.create(builder, num_records=len(prompts), dataset_name="benchmark").load_dataset()
    return [str(answer) for answer in made["answer"]]


CLIENTS: Mapping[str, tuple[Callable[..., list[str]], str]] = {
    "raw asyncio": (raw_asyncio, ""),
    "aiohttp": (bare_aiohttp, "pip install aiohttp"),
    "tunesmith": (tunesmith, "pip install tunesmith"),
    "tunesmith storeless": (tunesmith_bare, "pip install tunesmith"),
    "openai": (openai_default, "pip install openai"),
    "openai+aiohttp": (openai_aiohttp, "pip install 'openai[aiohttp]'"),
    "curator": (curator, "pip install bespokelabs-curator"),
    "data-designer": (data_designer, "pip install data-designer"),
    "distilabel": (distilabel, "pip install 'distilabel[openai]' requests"),
}


def cpu_seconds() -> float:
    """CPU of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def one(name: str, url: str, count: int, in_flight: int) -> None:
    """In the client's own process: run it and print its figures as the last line."""
    began = {"wall": 0.0, "cpu": 0.0}

    def ready() -> None:
        began.update(wall=time.perf_counter(), cpu=cpu_seconds())

    prompts = prompts_of(count)
    try:
        answers = CLIENTS[name][0](url, prompts, in_flight, ready)
    except ImportError as error:
        print(json.dumps({"absent": f"{type(error).__name__}: {error}"}))
        return
    seconds, cpu = time.perf_counter() - began["wall"], cpu_seconds() - began["cpu"]
    answered = sum(1 for answer in answers if "forty-two" in answer)
    print("\n" + json.dumps({"seconds": seconds, "cpu": cpu, "answered": answered}))


def measure(name: str, python: str, url: str, count: int, in_flight: int) -> dict[str, Any]:
    """Run one client in a process of its own."""
    command = [
        python,
        str(HERE),
        "--one",
        name,
        "--url",
        url,
        "--count",
        str(count),
        "--in-flight",
        str(in_flight),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        said = (ran.stderr or ran.stdout).strip().splitlines()[-1:] or ["no output"]
        return {"failed": said[0][:160]}
    return dict(json.loads(lines[-1]))


def table(delay: float, rows: Mapping[str, Mapping[str, Any]], count: int, in_flight: int) -> str:
    """The figures as Markdown, with ratios to bare aiohttp and to us."""
    ceiling = in_flight / delay if delay else 0.0
    limit = f"; no client can pass {ceiling:,.0f}/s" if ceiling else ""
    lines = [
        f"\n{count:,} prompts of 1 kB, {in_flight} in flight, {delay * 1000:.0f} ms a reply{limit}\n",
        "| client | answered | requests/s | of aiohttp | ours is | at most | CPU ms/request | CPU: ours is |",
        "|---|---|---|---|---|---|---|---|",
    ]
    own_cpu = rows["tunesmith"].get("cpu") if "tunesmith" in rows else None
    speeds = {name: count / row["seconds"] for name, row in rows.items() if "seconds" in row}
    for name, row in rows.items():
        if name not in speeds:
            lines.append(f"| {name} | {row.get('skipped') or row.get('failed')} | | | | | | |")
            continue
        of_aiohttp = f"{speeds[name] / speeds['aiohttp']:.0%}" if "aiohttp" in speeds else ""
        ours = f"{speeds['tunesmith'] / speeds[name]:.1f}x" if "tunesmith" in speeds else ""
        most = f"{ceiling / speeds[name]:.1f}x" if ceiling else ""
        cheaper = "" if not own_cpu or name == "tunesmith" else _times(row["cpu"] / own_cpu)
        figures = (f"{row['answered']:,}", f"{speeds[name]:,.0f}", of_aiohttp, ours, most)
        lines.append(f"| {name} | {' | '.join(figures)} | {1000 * row['cpu'] / count:.2f} | {cheaper} |")
    return "\n".join(lines)


def _times(ratio: float) -> str:
    """How much less (or more) we use than who uses ``ratio`` times as much."""
    return f"{ratio:.1f}x less" if ratio >= 1 else f"{1 / ratio:.1f}x more"


def compare(given: argparse.Namespace) -> None:
    """Measure every client at every delay and print the tables."""
    pythons = dict(pair.split("=", 1) for pair in given.peer_python)
    names = [name for name in CLIENTS if not given.only or name in given.only.split(",")]
    for delay in map(float, given.delays.split(",")):
        command = [sys.executable, str(HERE.with_name("mock_server.py")), "--delay", str(delay)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            rows: dict[str, dict[str, Any]] = {}
            for name in names * given.repeats:  # in turns, so that a busy moment hits everybody
                got = measure(name, pythons.get(name, sys.executable), url, given.count, given.in_flight)
                if "absent" in got:
                    got = {"skipped": f"not installed: {CLIENTS[name][1]}"}
                print(f"{name}: {got}", file=sys.stderr, flush=True)
                rows[name] = min(rows.get(name, got), got, key=lambda row: row.get("seconds", float("inf")))
            print(table(delay, rows, given.count, given.in_flight), flush=True)
            server.terminate()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--delays", default="0,0.2", help="seconds, separated by commas")
    parser.add_argument("--only", default="", help="names of clients, separated by commas")
    parser.add_argument("--repeats", type=int, default=1, help="the fastest of so many runs counts")
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.url, given.count, given.in_flight)
    else:
        compare(given)


if __name__ == "__main__":
    main()
