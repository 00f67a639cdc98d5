"""``tunesmith eval``: a model, an endpoint or a samples file, scored on benchmarks in one go.

The same steps as in a recipe, without a run folder: what comes back is one object that says everything,
and a model's answers are kept in the answer store, so a second call asks nothing again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from ..benchmarks import expand, load
from ..engine.resources import LocalResources
from ..errors import DataError, UserError
from ..machine import available_cores
from ..results import Attempt, Score
from ..scoring.extract import extraction as known_extraction
from ..scoring.intervals import mcnemar
from ..scoring.score import Candidate, comparable
from .export_samples import SHAPES, Shape, exported
from .from_samples import score_samples
from .samples import is_samples, read_samples

OF_MODELS = ("n", "temperature", "top_p", "max_tokens", "limit", "prompting", "frame", "shots")
"""Settings that a samples file has no use for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to score. extraction: None takes samples as they are, and a model's replies fence first."""

    data: str | None = None
    n: int = 1
    k: tuple[int, ...] = (1,)
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int | None = None
    limit: int | None = None
    prompting: str = "instruct"
    frame: str = "{instruction}"
    shots: int = 0
    extraction: str | None = None
    workers: int | None = None
    isolation: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of every benchmark, with what was tried; the stricter tests' score comes first.

    without: benchmarks that were asked for and that no sample belongs to.
    """

    target: str
    scores: tuple[Score, ...]
    tries: Mapping[str, Sequence[Candidate]]
    without: tuple[str, ...] = ()

    def brief(self) -> dict[str, Any]:
        """What ``--json`` prints: ``scores`` and ``per_sample``."""
        return {
            "target": self.target,
            "scores": [_brief(score) for score in self.scores],
            "per_sample": self._rows(whole=False),
        }

    def whole(self) -> dict[str, Any]:
        """As ``brief``, with prompt, reply and program of every attempt."""
        return {**self.brief(), "per_sample": self._rows(whole=True)}

    def export(self, shape: Shape) -> bytes:
        """The one benchmark's tries and results in a format of others.

        Raises:
            UserError: more than one benchmark was scored.
        """
        names = self._names()
        if len(names) > 1:
            problem = f"{len(names)} benchmarks do not fit in one file: {', '.join(names)}"
            raise UserError("--export", problem, "export one benchmark at a time")
        return exported(self.tries[names[0]], [s for s in self.scores if s.k == self.scores[0].k], shape)

    def _names(self) -> list[str]:
        return list(dict.fromkeys(s.benchmark for s in self.scores if not s.benchmark.endswith(".base")))

    def _rows(self, *, whole: bool) -> list[dict[str, Any]]:
        """Every attempt, in the order of the samples; one of several benchmarks has a row for each."""
        placed = [
            (made.place, row)
            for name in self._names()
            for made, row in zip(self.tries[name], self._rows_of(name, whole=whole), strict=True)
        ]
        return [row for _, row in sorted(placed, key=itemgetter(0))]

    def _rows_of(self, name: str, *, whole: bool) -> list[dict[str, Any]]:
        attempts = next(score.attempts for score in self.scores if score.benchmark == name)
        base = next((score.attempts for score in self.scores if score.benchmark == f"{name}.base"), None)
        rows = [_row(name, attempt, whole) for attempt in attempts]
        if base is not None:
            for row, attempt in zip(rows, base, strict=True):
                row |= {"base_passed": attempt.passed, "base_status": attempt.status}
        return rows


def _row(name: str, attempt: Attempt, whole: bool) -> dict[str, Any]:
    row = {"benchmark": name, **asdict(attempt)}
    if not whole:
        for long in ("prompt", "raw", "program"):
            del row[long]
    return row


def _brief(score: Score) -> dict[str, Any]:
    passed = sum(attempt.passed for attempt in score.attempts)
    kept = asdict(replace(score, attempts=()))
    del kept["attempts"]
    return {**kept, "passed": passed, "tried": len(score.attempts)}


def evaluate(target: str, on: Sequence[str], settings: Settings) -> Evaluation:
    """Score ``target`` on the benchmarks named.

    target: a samples file or a folder of them; a model's folder or its name on the hub; or an endpoint,
    ``openai:MODEL`` or ``openai:MODEL@BASE_URL``.

    Raises:
        UserError: no such benchmark, data, model or extraction; samples that are malformed or of no problem;
            settings of a model for a samples file.
    """
    if not on:
        raise UserError("--on", "names no benchmark", "for example --on humaneval,mbpp_plus")
    if settings.extraction is not None:
        known_extraction(settings.extraction, "--extraction")
    names = expand(on)
    workers = settings.workers or available_cores()
    with contextlib.closing(LocalResources(workers, settings.isolation)) as resources:
        path = Path(target).expanduser()
        if is_samples(path):
            _no_model_settings(target, settings)
            made = _of_samples(path, names, settings, resources)
        else:
            made = _of_model(target, names, settings, resources)
    scores = tuple(score for found, _ in made for score in found)
    tries = {found[0].benchmark: tried for found, tried in made}
    return Evaluation(target, scores, tries, tuple(n for n in on if n in names and n not in tries))


def _no_model_settings(target: str, settings: Settings) -> None:
    usual = Settings()
    given = [name for name in OF_MODELS if getattr(settings, name) != getattr(usual, name)]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        problem = f"says how a model is asked, and {target} is a samples file: all of it is scored"
        raise UserError(options, problem, "leave it out")


def _of_samples(
    path: Path, names: Sequence[str], settings: Settings, resources: LocalResources
) -> list[tuple[list[Score], list[Candidate]]]:
    with ThreadPoolExecutor(1) as meanwhile:
        sandbox = meanwhile.submit(resources.sandbox)  # its first worker starts while the files are read
        given = read_samples(path)
        load(names[0], settings.data)  # `load` keeps it for the scoring below
    return score_samples(
        given,
        names,
        sandbox.result(),
        data=settings.data,
        k=settings.k,
        extraction=settings.extraction,
    )


def _of_model(
    target: str, names: Sequence[str], settings: Settings, resources: LocalResources
) -> list[tuple[list[Score], list[Candidate]]]:
    from .from_model import score_model  # here: a samples file needs no client and no engine

    fields = {k: v for k, v in asdict(settings).items() if k not in ("workers", "isolation")}
    return score_model(target, names, fields, resources)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two evaluations of one benchmark, problem by problem (McNemar)."""

    benchmark: str
    problems: int
    only_first: int
    only_second: int
    p_value: float


def against(evaluation: Evaluation, earlier: Path, *, across_protocols: bool = False) -> list[Pairing]:
    """``evaluation`` (first) beside one kept with ``--out`` (second), paired problem by problem.

    Raises:
        UserError: the other file is none of ours, shares no benchmark, or was made under another protocol.
    """
    try:
        other = orjson.loads(earlier.read_bytes())
        protocols = {score["benchmark"]: dict(score["protocol"]) for score in other["scores"]}
        rows = other["per_sample"]
        passed = {(row["benchmark"], row["task_id"], row["draw"]): row["passed"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"is not an evaluation: {error!r}"
        raise DataError(str(earlier), problem, "give a file made with `tunesmith eval --out`") from error
    found = []
    for score in evaluation.scores:
        name = score.benchmark
        if score.k != 1 or name not in protocols or name.endswith(".base"):
            continue
        _same_protocol(score, protocols[name], str(earlier), across_protocols)
        places = [(name, attempt.task_id, attempt.draw) for attempt in score.attempts]
        both = zip(places, score.attempts, strict=True)
        pairs = [(attempt.passed, passed[place]) for place, attempt in both if place in passed]
        only_first, only_second, p_value = mcnemar(pairs)
        found.append(Pairing(name, len(pairs), only_first, only_second, p_value))
    if not found:
        raise UserError(
            str(earlier), "shares no benchmark with this evaluation", "score both on the same one"
        )
    return found


def _same_protocol(score: Score, other: Mapping[str, Any], where: str, across: bool) -> None:
    ours, theirs = comparable(score.protocol), comparable(other)
    differing = {
        key: (ours.get(key), theirs.get(key))
        for key in ours.keys() | theirs.keys()
        if ours.get(key) != theirs.get(key)
    }
    if differing and not across:
        said = "; ".join(f"{key}: {a!r} here, {b!r} there" for key, (a, b) in sorted(differing.items()))
        fix = "score both under one protocol, or say --across-protocols to compare all the same"
        raise UserError(where, f"{score.benchmark} was scored under another protocol ({said})", fix)


__all__ = ["SHAPES", "Evaluation", "Pairing", "Settings", "against", "evaluate"]
