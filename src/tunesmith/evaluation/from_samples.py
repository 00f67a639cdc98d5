"""Scores of a samples file: the programs are there already, so only extraction and execution are ours."""

from __future__ import annotations

from collections.abc import Sequence

from ..benchmarks import load
from ..benchmarks.differential import prepared
from ..errors import DataError
from ..results import Score
from ..step import Sandbox
from .samples import Given, in_language, matched, tries
from .scoring import Try, judge, machinery, scores


def score_samples(
    given: Sequence[Given],
    names: Sequence[str],
    sandbox: Sandbox,
    *,
    data: str | None = None,
    k: Sequence[int] = (1,),
    extraction: str | None = None,
) -> list[tuple[list[Score], list[Try]]]:
    """For each benchmark, its scores (attempts in the order of the samples) and what was tried.

    extraction: None takes every text for the program that its shape says it is.

    Raises:
        DataError: a sample is of no problem of any of the benchmarks.
    """
    benchmarks = [load(name, data) for name in names]
    places = [matched(given, benchmark.problems) for benchmark in benchmarks]
    for benchmark, found in zip(benchmarks, places, strict=True):
        if len(names) > 1 and benchmark.name.startswith("multipl_e-"):  # translations share their names
            for place in [place for place, p in found.items() if not in_language(given[place], p)]:
                del found[place]
    for place, sample in enumerate(given):
        if not any(place in found for found in places):
            known = "; ".join(
                f"{b.name}: {b.problems[0].task_id} ... {b.problems[-1].task_id}" for b in benchmarks
            )
            problem = f"{sample.task_id!r} is no problem of {', '.join(names)}"
            raise DataError(sample.where, problem, f"known are {known}")
    made = []
    for benchmark, found in zip(benchmarks, places, strict=True):
        if not found:
            continue
        wanted = {problem.task_id for problem in found.values()}
        ready = prepared(benchmark, [p for p in benchmark.problems if p.task_id in wanted], sandbox)
        by_name = {problem.task_id: problem for problem in ready}
        some = tries(given, {place: by_name[p.task_id] for place, p in found.items()}, extraction)
        protocol = {
            "engine": "samples file",
            "extraction": extraction or "as the file says",
            "data": benchmark.version,
            "of": len(benchmark.problems),
            **machinery(ready, sandbox),
        }
        made.append((scores(benchmark.name, judge(some, sandbox), k, protocol), some))
    return made
