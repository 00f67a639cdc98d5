"""Scores of a samples file: the programs are there already, so only extraction and execution are ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmarks import load
from ..benchmarks.differential import prepared
from ..benchmarks.problem import Benchmark, Problem
from ..errors import DataError, SetupError
from ..results import Score
from ..scoring.preflight import passable
from ..scoring.score import Candidate, judge, machinery, refused, scores, with_protocol
from .samples import SampleRow, family, in_language, matched, tries

if TYPE_CHECKING:
    from ..step import Sandbox

_DROPPED = 10
"""One task in so many may have been dropped by a later release; MBPP+ 0.2.0 dropped 21 of 399."""
_SHOWN = 5


def score_samples(
    given: Sequence[SampleRow],
    names: Sequence[str],
    sandbox: Sandbox,
    *,
    data: str | None = None,
    k: Sequence[int] = (1,),
    extraction: str | None = None,
) -> list[tuple[list[Score], list[Candidate]]]:
    """For each benchmark, its scores (attempts in the order of the samples) and what was tried.

    extraction: None takes every text for the program that its shape says it is.

    Raises:
        DataError: samples are of no problem of any of the benchmarks.
        SetupError: the toolchain of every benchmark is missing; a single one's is told in the protocol.
    """
    benchmarks = [load(name, data) for name in names]
    places = [matched(given, benchmark.problems) for benchmark in benchmarks]
    for benchmark, found in zip(benchmarks, places, strict=True):
        if len(names) > 1 and benchmark.name.startswith("multipl_e-"):  # translations share their names
            for place in [place for place, p in found.items() if not in_language(given[place], p)]:
                del found[place]
    skipped = _strangers(given, benchmarks, places)
    made = []
    refusal: SetupError | None = None
    for benchmark, found in zip(benchmarks, places, strict=True):
        if not found:
            continue
        if why := refused(benchmark, sandbox):
            fix = "see `tunesmith doctor` for the toolchains it needs"
            refusal = SetupError(f"benchmark {benchmark.name}", f"cannot be run here: {why}", fix)
            skipped.append(f"{benchmark.name}: {why}")
            continue  # the other benchmarks still have their scores
        usable, lacking = passable(list({p.task_id: p for p in found.values()}.values()), sandbox)
        skipped += [f"{benchmark.name}: {line}" for line in lacking]
        wanted = {problem.task_id for problem in usable}
        if not usable:
            fix = "install the libraries that the warnings name, or score another benchmark"
            refusal = SetupError(f"benchmark {benchmark.name}", f"cannot be run here: {lacking[0]}", fix)
            continue
        ready = prepared(benchmark, [p for p in benchmark.problems if p.task_id in wanted], sandbox)
        by_name = {problem.task_id: problem for problem in ready}
        scored = {place: by_name[p.task_id] for place, p in found.items() if p.task_id in wanted}
        some = tries(given, scored, extraction)
        protocol = {
            "engine": "samples file",
            "extraction": extraction or "as the file says",
            "data": benchmark.version,
            "of": len(benchmark.problems),
            **machinery(ready, sandbox),
        }
        made.append((scores(benchmark.name, judge(some, sandbox), k, protocol), some))
    if not made and refusal is not None:
        raise refusal
    if not skipped:
        return made
    return [([with_protocol(s, skipped=skipped) for s in found], some) for found, some in made]


def _strangers(
    given: Sequence[SampleRow], benchmarks: Sequence[Benchmark], places: Sequence[Mapping[int, Problem]]
) -> list[str]:
    """What is said of samples that have no problem here, as of those that a later release dropped.

    Raises:
        DataError: they are more than a tenth of the tasks, or one's name is not of these benchmarks' kind.
    """
    strange = [place for place in range(len(given)) if not any(place in found for found in places)]
    if not strange:
        return []
    names = ", ".join(benchmark.name for benchmark in benchmarks)
    kinds = {family(problem.task_id) for benchmark in benchmarks for problem in benchmark.problems}
    unknown = list(dict.fromkeys(given[place].task_id for place in strange))
    tasks = len({sample.task_id for sample in given})
    others = [name for name in unknown if family(name) not in kinds]
    if not others and len(unknown) <= max(1, tasks / _DROPPED) and len(unknown) < tasks:
        some = ", ".join(unknown[:_SHOWN])
        return [f"{len(strange)} of {len(given)} samples, whose problems are not in {names}: {some} ..."]
    named = others or unknown
    where = next(sample.where for sample in given if sample.task_id == named[0])
    known = "; ".join(f"{b.name}: {b.problems[0].task_id} ... {b.problems[-1].task_id}" for b in benchmarks)
    raise DataError(where, f"{_listed(named)} of {names}", f"known are {known}")


def _listed(names: Sequence[str]) -> str:
    """The first few of the names, and that they are none of the problems."""
    if len(names) == 1:
        return f"{names[0]!r} is no problem"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(map(repr, names[:_SHOWN]))}{more} are no problems"
