"""Random bytes against every reader of foreign data: replies, data files, samples, code, recipes.

    python benchmarks/fuzz_readers.py --minutes 30 [--seed 1] [--only reply] [--keep found/]

A reader may refuse its input with an error of ours (exit code 2 or a dropped row). Anything else that it raises,
and anything that takes longer than ``--slow`` seconds, is a finding: it is printed once per place in the
code, and its input is written to ``--keep``. Inputs are valid ones with random edits: bytes changed, cut, doubled
and swapped, pieces of other formats put in, values nested, numbers blown up, encodings changed.
Exit code 1 where anything was found.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tunesmith.code.markdown import code_of
from tunesmith.errors import TunesmithError
from tunesmith.eval.samples import read_samples
from tunesmith.llm.api.chat import completions_of, error_text
from tunesmith.recipe.load import load_recipe
from tunesmith.replies import clean, defect, structured, task_text
from tunesmith.replies.standard import standard
from tunesmith.requests import Completion, Request
from tunesmith.sample import Drop
from tunesmith.sources.csv import Csv
from tunesmith.sources.folder import Folder
from tunesmith.sources.jsonl import Jsonl
from tunesmith.sources.parquet import Parquet
from tunesmith.step import Context

ASKED = Request.of("Write a function.", schema={"type": "object"})
SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "array", "items": {"type": "string"}}},
}
PIECES = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\\ud83d", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"null", b"[" * 5000,
    b'{"a":' * 3000, b"]", b"}", b'"', b"'", b",", b":", b"\n", b"\r\n", b"\r", b"```", b"```python\n", b"~~~", b"<think>",
    b"</think>", b"<|channel|>final<|message|>", b"data: ", b"&a [*a]", b"*a", b"<<: ", b"!!python/object:os.system", b"---\n",
    b"\t", b"\x1b]0;x\x07", b"# -*- coding: rot13 -*-\n", b"# coding: utf-7\n", b"def f(", b"class A:\n", b"/*", b'"""', b"${x}",
    "\u2028\u202e\ud7ff".encode(), b"tool_calls", b"finish_reason", b"-1", b"true", b"/../", b"\xc3\x28", b"(" * 300,
]  # fmt: skip
REPLY = {
    "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}},
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "<think>hm</think>\n```python\nx = 1\n```",
        "reasoning_content": "hm", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
        "logprobs": {"content": [{"token": "x", "top_logprobs": [{"token": "x", "logprob": -0.5}]}]}}],
}  # fmt: skip
ROW = {
    "instruction": "Add two numbers.", "input": "", "output": "x = a + b", "tests": ["assert True"],
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Ho"}]}],
    "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}], "score": 0.5,
}  # fmt: skip
SAMPLES = [
    {"task_id": "HumanEval/0", "completion": "    return 1\n"},
    {"task_id": "Mbpp/2", "solution": ["x = 1", "y"]},
]
CODE = b'"""Text."""\nimport os\n\n\nclass A:\n    def f(self, x: int = 1) -> int:\n        """Doc.\n\n  odd."""\n        return x\n'
TEXT = 'Sure!\n<task>\nWrite `f`.\n</task>\n```json\n{"a": ["x", \'y\',], "b": {"c": 1.5}}\n```\n```python\ndef f(): ...\n```\n'
CTX = Context("fuzz", seed=1)


def reply_body(data: bytes) -> None:
    error_text(data)
    for completion in completions_of(data, ASKED):
        reply_text(completion.text.encode(errors="replace"))
        assert 0 <= completion.usage.output <= 2**53


def reply_text(data: bytes) -> None:
    text = clean(data.decode("utf-8", "surrogateescape"))
    made = standard(Completion(text))
    defect(made)
    task_text(made.text)
    code_of(made.text, "python")
    structured.one_object(text)
    with suppress(structured.Unreadable):
        structured.read(text, SCHEMA)


def _file(make: Callable[[Path], object], name: str) -> Callable[[bytes], None]:
    """A reader of one file, given the bytes of that file."""

    def read(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            for row in make(path):  # type: ignore[attr-defined]
                json.dumps((row.sample if isinstance(row, Drop) else row).meta, default=str).encode()

    return read


def samples(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.jsonl"
        path.write_bytes(data)
        read_samples(path)


def recipe(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_bytes(data)
        load_recipe(path)


def parquet_seed() -> bytes:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{k: v for k, v in ROW.items() if k != "messages"}] * 2), sink)
    return sink.getvalue()


def readers() -> dict[str, tuple[Callable[[bytes], None], list[bytes]]]:
    """Each reader by name, with the valid inputs that it starts from."""
    lines = b"\n".join(json.dumps(ROW).encode() for _ in range(3))
    csv = b'instruction,input,output\n"Add, two","none","x = ""1"""\nSubtract,,"y\nz"\n'
    recipes = [
        path.read_bytes() for path in Path(__file__).parent.parent.glob("src/tunesmith/recipes/*.yaml")
    ]
    chat = {"columns": {}, "chat": "messages"}
    return {
        "reply": (reply_body, [json.dumps(REPLY).encode(), b'{"error": {"message": "no", "code": 429}}']),
        "text": (reply_text, [TEXT.encode()]),
        "jsonl": (_file(lambda p: Jsonl(path=str(p)).source(CTX), "rows.jsonl"), [lines]),
        "json": (
            _file(lambda p: Jsonl(path=str(p)).source(CTX), "rows.json"),
            [json.dumps([ROW] * 3).encode()],
        ),
        "chat": (_file(lambda p: Jsonl(path=str(p), **chat).source(CTX), "rows.jsonl"), [lines]),
        "csv": (_file(lambda p: Csv(path=str(p)).source(CTX), "rows.csv"), [csv]),
        "parquet": (_file(lambda p: Parquet(path=str(p)).source(CTX), "rows.parquet"), [parquet_seed()]),
        "python": (_file(lambda p: Folder(path=str(p.parent)).source(CTX), "code.py"), [CODE]),
        "samples": (samples, [b"\n".join(json.dumps(one).encode() for one in SAMPLES)]),
        "recipe": (recipe, recipes),
    }


def edited(seed: bytes, rng: random.Random) -> bytes:
    """``seed`` with one to six random edits, or random bytes."""
    if rng.random() < 0.03:
        return rng.randbytes(rng.randrange(200))
    data = bytearray(seed)
    for _ in range(rng.randrange(1, 7)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        end = min(end, at + rng.choice((1, 4, 40, 400)))
        match rng.randrange(7):
            case 0:
                data[at:end] = rng.randbytes(end - at)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case 3:
                del data[at:]
            case 4:
                whole = bytes(data).decode("utf-8", "replace")
                data = bytearray(whole.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7"))))
            case _:
                data[at : rng.choice((at, end))] = rng.choice(PIECES)
    return bytes(data[:300_000])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slow", type=float, default=10.0, help="seconds for one input")
    parser.add_argument("--only", nargs="*", default=[], help="names of readers")
    parser.add_argument("--keep", type=Path, help="folder for inputs that were findings")
    given = parser.parse_args()
    rng, tried, findings = random.Random(given.seed), Counter[str](), Counter[str]()
    chosen = {name: reader for name, reader in readers().items() if not given.only or name in given.only}
    until = time.monotonic() + 60 * given.minutes
    while time.monotonic() < until:
        name = rng.choice(list(chosen))
        reader, seeds = chosen[name]
        data = edited(rng.choice(seeds), rng)
        began, place = time.monotonic(), ""
        try:
            reader(data)
        except TunesmithError:
            pass
        except Exception as error:  # what this script is for
            frames = traceback.extract_tb(error.__traceback__)
            own = next((f for f in reversed(frames) if "tunesmith" in f.filename), frames[-1])
            place = f"{name}: {type(error).__name__} at {Path(own.filename).name}:{own.lineno} ({str(error)[:80]!r})"
        if not place and time.monotonic() - began > given.slow:
            place = f"{name}: slower than {given.slow:g} s"
        tried[name] += 1
        key = place.split(" (")[0]
        findings[key] += bool(key)
        if key and findings[key] == 1:
            print(place, flush=True)
            if given.keep:
                given.keep.mkdir(parents=True, exist_ok=True)
                (given.keep / f"{name}-{len(findings)}").write_bytes(data)
    print("inputs:", ", ".join(f"{name} {count:,}" for name, count in sorted(tried.items())))
    print("findings:", dict(findings - Counter({"": findings[""]})) or "none")
    return 1 if any(findings) else 0


if __name__ == "__main__":
    sys.exit(main())
