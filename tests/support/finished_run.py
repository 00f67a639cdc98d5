"""A small finished run on disk, with every kind of step, a repeated block, hostile rows and failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tunesmith.files import write_json
from tunesmith.llm.costs import CostLine
from tunesmith.results import Attempt, Score
from tunesmith.runs.record import Begun, CheckpointRecord, Course, RunState, ScoreRecord, StepRecord
from tunesmith.runs.run_folder import RunFolder, StepFolder
from tunesmith.sample import Drop, Sample, Verdict

HOSTILE = (
    "</script><script>alert('pwned')</script><img src=x onerror=alert(1)> \"quoted\" & 'so' \u2028 "
    "<!-- {{ 7*7 }} -->"
)
RECIPE = """\
name: small
paper: "2306.08568"
seed: 7
models:
  teacher: {use: starter, error_rate: 0.05}   # rules, not a language model
  student: {use: scratch}
steps:
  seeds: {do: sources.jsonl, path: seeds.jsonl, license: mit}
  readable: {do: selection.rules, min_chars: 20}
  evolution:
    repeat: 2
    stop_when: {score: falls}
    each:
      evolved: {do: synthesis.evolve, with: teacher}
      answered: {do: synthesis.answer, with: teacher}
    probe:
      trial: {do: training.sft, with: student}
      dev: {do: evaluation.pass_at_k, with: trial}
  executed: {do: verification.execute}
  learnable: {do: selection.where, passed: executed}
  before: {do: evaluation.pass_at_k, with: student}
  tuned: {do: training.sft, from: learnable, with: student}
  after: {do: evaluation.pass_at_k, with: tuned}
"""
SPENT = CostLine(answers=40, stored_answers=5, input=9000, output=4000, usd=0.0123)
PROTOCOL = {"template": "plain", "shots": 0, "temperature": 0.0, "data": "v1", "isolation": "namespaces"}
CURVE = [(step, 3.0 / (1 + step / 15) + 0.08 * (step % 3)) for step in range(1, 161)]


@dataclass
class Maker:
    """Writes a run folder step by step, as a run does."""

    run: RunFolder

    def state(self, status: str, **more: Any) -> None:
        state = RunState(
            id="small", name="small", paper="2306.08568", about="a small run, made by hand", tiny=True,
            seed=7, status=status, tunesmith="0.1.0", python="3.11.7", machine="Linux x86_64",
            at="2026-01-02T03:04:05+0000",
        )  # fmt: skip
        self.run.write_state(replace(state, **more))

    def rows(
        self, place: str, do: str, rows: Sequence[Sample], drops: Sequence[Drop] = (), **more: Any
    ) -> None:
        folder = StepFolder(self.run.path / place)
        folder.begin(Begun("key", "inputs"))
        folder.write_shard(0, len(rows) + len(drops), list(rows), list(drops), more["name"])
        counts = folder.counts()
        dropped = {"dropped": counts.reasons.total(), "reasons": dict(counts.reasons.most_common())}
        made = {"shards": counts.shards, "digest": counts.digest}
        self.done(place, do, rows_out=counts.rows, **made, **dropped, **more)

    def done(self, place: str, do: str, kind: str = "row", **more: Any) -> None:
        inputs = dict.fromkeys(more.pop("reads", ()), "key")
        facts = {"do": do, "params": more.pop("params", {}), "inputs": inputs}
        record = StepRecord(do=do, kind=kind, key="key", facts=facts, **{"seconds": 1.5, **more})
        folder = StepFolder(self.run.path / place)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.finish(record)

    def scored(self, place: str, score: Score, name: str) -> None:
        brief = ScoreRecord.of(score, name)
        self.done(place, "evaluation.pass_at_k", "score", name=name, scores=(brief,))
        write_json(self.run.path / place / "attempts.json", [asdict(score)])

    def trained(self, place: str, losses: Sequence[tuple[int, float | None]], rows: int, **more: Any) -> None:
        example = {"prompt": "<|user|>Add.<|answer|>", "supervised": "return a + b<|end|>"}
        facts = {"parameters": 870_000, "rows": rows, "device": "cpu", "example": example}
        checkpoint = CheckpointRecord(f"models/{more['name']}", tuple(losses), facts)
        self.done(place, "training.sft", "train", checkpoint=checkpoint, rows_in=rows, **more)


def empty_run(path: Path, status: str = "running", **more: Any) -> Maker:
    """A run of which no step has begun."""
    path.mkdir(parents=True)
    (path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    maker = Maker(RunFolder(path))
    maker.state(status, **more)
    return maker


def finished_run(path: Path, seeds: int = 60) -> RunFolder:
    """A run whose every step is done; the second round of its block was not kept."""
    maker = empty_run(path, "done")
    born = [seed(number) for number in range(seeds)]
    maker.rows("01-seeds", "sources.jsonl", born, name="seeds", kind="source", params={"path": "s.jsonl"})
    short = [Drop(row, "too short" if place % 2 else "no verb") for place, row in enumerate(born[::4])]
    kept = [row for place, row in enumerate(born) if place % 4]
    given = {"name": "readable", "reads": ["seeds"], "rows_in": seeds}
    maker.rows("02-readable", "selection.rules", kept, short, **given)
    everything = kept + _evolution(maker, kept)
    executed = [row.judged(Verdict("executed", _passes(row))) for row in everything]
    given = {"name": "executed", "kind": "batch", "reads": ["evolution"], "rows_in": len(executed)}
    maker.rows("04-executed", "verification.execute", executed, **given)
    passed = [row for row in executed if row.verdicts[0].passed]
    out = [
        Drop(row, "failed executed" if row.tests else "not judged") for row in executed if row not in passed
    ]
    given = {"name": "learnable", "reads": ["executed"], "rows_in": len(executed)}
    maker.rows("05-learnable", "selection.where", passed, out, **given)
    maker.scored("06-before", score(40, 0), "before")
    maker.trained("07-tuned", CURVE, len(passed), name="tuned", reads=["learnable"])
    maker.scored("08-after", score(40, 29), "after")
    return maker.run


def _evolution(maker: Maker, given: list[Sample]) -> list[Sample]:
    rounds, rows = [], given
    for number in (1, 2):
        place, name = f"03-evolution/round-{number:02d}", f"evolution.{number}"
        asked = {"kind": "ask", "rows_in": len(rows), "spent": SPENT}
        evolved = [
            row.grow(f"{name}.evolved", instruction=f"{row.instruction} No loop.", answer="") for row in rows
        ]
        maker.rows(
            f"{place}/01-evolved",
            "synthesis.evolve",
            evolved,
            name=f"{name}.evolved",
            reads=["previous"],
            **asked,
        )
        rows = [
            row.grow(f"{name}.answered", answer=ANSWER, tests=TESTS[place % 3])
            for place, row in enumerate(evolved)
        ]
        maker.rows(
            f"{place}/02-answered",
            "synthesis.answer",
            rows,
            name=f"{name}.answered",
            reads=["evolved"],
            **asked,
        )
        maker.trained(f"{place}/03-trial", [(1, 2.0), (2, 1.0)], 45, name=f"{name}.trial", reads=["so_far"])
        maker.scored(f"{place}/04-dev", score(20, 9 - number), f"{name}.dev")
        rounds.append(rows)
    course = Course(2, 1, "the score fell after round 1", (0.4, 0.35))
    counts = {"rows_in": len(given), "rows_out": len(given) + len(rounds[0])}
    maker.done(
        "03-evolution", "repeat", "rounds", name="evolution", reads=["readable"], **counts, course=course
    )
    return rounds[0]


ANSWER = f"Here it is:\n\n```python\ndef add(a, b):\n    return a + b  # {HOSTILE}\n```"
TESTS = ("", "assert add(1, 2) == 3", "assert add(2, 2) == 4")


def seed(number: int, **changes: Any) -> Sample:
    text = HOSTILE if number == 3 else f"Write a function that adds {number} to every item of a list."
    marks = {"task": "generation", "language": "python", "source": "seeds.jsonl"}
    license = "mit" if number % 5 else "unknown"
    return Sample.born("seeds", **{"instruction": text, "license": license, **marks, **changes})


def _passes(row: Sample) -> bool | None:
    return row.id[0] < "c" if row.tests else None


def score(problems: int, passed: int, **protocol: Any) -> Score:
    """A score with every attempt."""
    attempts = tuple(_attempt(number, number < passed) for number in range(problems))
    value = passed / problems
    low, high = max(0.0, value - 0.1), min(1.0, value + 0.1)
    return Score("starter", PROTOCOL | protocol, 1, 1, value, low, high, attempts)


def _attempt(number: int, passed: bool) -> Attempt:
    program = f"def solve(items):\n    return [item + {number} for item in items]"
    failure = "" if passed else ("wrong answer", "syntax", "timeout")[number % 3]
    prompt = f"Write solve so that it adds {number}.\n{HOSTILE if number == 1 else ''}"
    status = "passed" if passed else "failed"
    raw = f"```python\n{program}\n```\n"
    return Attempt(f"starter/{number}", passed, status, prompt, raw, program, failure, 0, "fence")
