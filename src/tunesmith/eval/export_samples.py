"""Scores written in the formats that others read.

| shape               | a row                                                                    |
|---------------------|--------------------------------------------------------------------------|
| evalplus            | ``{task_id, solution}``                                                  |
| human-eval          | ``{task_id, completion}``                                                |
| evalplus-results    | one object ``{date, hash, eval: {task_id: [{base_status, plus_status}]}}`` |
| human-eval-results  | ``{task_id, completion, result, passed}``                                |
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from ..results import Attempt, Score
from ..scoring.score import Candidate

Shape = Literal["evalplus", "human-eval", "evalplus-results", "human-eval-results"]
SHAPES: tuple[Shape, ...] = ("evalplus", "human-eval", "evalplus-results", "human-eval-results")
_STATUS = {"passed": "pass", "timeout": "timeout"}


def exported(tries: Sequence[Candidate], scores: Sequence[Score], shape: Shape) -> bytes:
    """The tries of one benchmark with their results, as the bytes of a file.

    scores: of that benchmark, as ``scoring.scores`` gives them: the whole tests first, then the base ones.
    """
    if shape == "evalplus-results":
        return orjson.dumps(_evalplus(tries, scores), option=orjson.OPT_INDENT_2)
    attempts = scores[0].attempts
    rows = (_row(made, attempt, shape) for made, attempt in zip(tries, attempts, strict=True))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _row(made: Candidate, attempt: Attempt, shape: Shape) -> Mapping[str, Any]:
    if shape == "evalplus":
        return {"task_id": made.problem.task_id, "solution": made.program}
    row = {"task_id": made.problem.task_id, "completion": completion(made)}
    if shape == "human-eval":
        return row
    result = "timed out" if attempt.status == "timeout" else f"failed: {attempt.failure}"
    return {**row, "result": "passed" if attempt.passed else result, "passed": attempt.passed}


def completion(made: Candidate) -> str:
    """What follows the prompt; a program of its own follows it as a second definition."""
    prompt = made.problem.prompt
    if made.program.startswith(prompt):
        return made.program[len(prompt) :]
    return "\n" + made.program


def _evalplus(tries: Sequence[Candidate], scores: Sequence[Score]) -> Mapping[str, Any]:
    whole = scores[0]
    base = next((score for score in scores if score.benchmark == f"{whole.benchmark}.base"), whole)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for made, full, part in zip(tries, whole.attempts, base.attempts, strict=True):
        row = {
            "task_id": made.problem.task_id,
            "solution": made.program,
            "base_status": _STATUS.get(part.status, "fail"),
            "plus_status": _STATUS.get(full.status, "fail"),
        }
        found.setdefault(made.problem.task_id, []).append(row)
    version = str(whole.protocol.get("data", ""))
    date = time.strftime("%Y-%m-%d %H:%M")
    return {"date": date, "hash": version.rpartition("md5 ")[2], "eval": found}
