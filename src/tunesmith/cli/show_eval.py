"""What ``tunesmith eval`` prints: scores with intervals, failures, one evaluation against another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten

import orjson
from rich.table import Table as Grid

from ..errors import UserError, nearest
from ..eval.evaluate import SHAPES, Evaluation, Pairing, Settings, evaluate
from ..eval.evaluate import against as compared
from ..results import Score
from ..scoring.failure_classes import common_failure
from ..scoring.score import Candidate
from .terminal import ERR, OUT, as_json, safe

_REASON, _REASONS = 160, 3
_FENCE = re.compile(r"^```", re.MULTILINE)


def evaluated(
    target: str,
    on: str,
    settings: Settings,
    *,
    out: Path | None = None,
    export: Path | None = None,
    shape: str = "evalplus",
    against: Path | None = None,
    across_protocols: bool = False,
    json: bool = False,
) -> None:
    """Score ``target``, write the files asked for, and print a table, or one JSON object.

    Raises:
        UserError: as ``evaluate`` does, or an option makes no sense.
    """
    format_ = next((known for known in SHAPES if known == shape), None)
    if format_ is None:
        raise UserError("--as", f"unknown format {shape!r}", nearest(shape, SHAPES))
    for option, path in (("--out", out), ("--export", export)):
        if path:
            _writable(option, path)
    evaluation = evaluate(target, [name.strip() for name in on.split(",") if name.strip()], settings)
    pairings = compared(evaluation, against, across_protocols=across_protocols) if against else []
    if out:
        out.write_bytes(orjson.dumps(evaluation.whole(), option=orjson.OPT_INDENT_2))
    if export:
        export.write_bytes(evaluation.export(format_))
    warned(evaluation)
    if json:
        pairs = {"against": [asdict(pair) for pair in pairings]} if pairings else {}
        as_json({**evaluation.brief(), **pairs})
    else:
        shown(evaluation, pairings)


def _writable(option: str, path: Path) -> None:
    """Refuse a path that cannot be written before the evaluation starts."""
    if path.is_dir():
        raise UserError(option, f"{path} is a folder", "name a file in it")
    if not path.parent.is_dir():
        raise UserError(option, f"there is no folder {path.parent}", "make it, or name another file")


def sizes(text: str) -> tuple[int, ...]:
    """The k of pass@k from ``1,10,100``.

    Raises:
        UserError: a part is not a whole number of at least 1.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(
            "--k", f"{text!r} is not a list of whole numbers of at least 1", "for example --k 1,10"
        )
    return tuple(map(int, parts))


def shown(evaluation: Evaluation, pairings: Sequence[Pairing] = ()) -> None:
    """The scores as a table, with the failures by class and the protocol they were made under."""
    grid = Grid("benchmark", "k", "score", "95% interval", "passed", "failures", box=None, pad_edge=False)
    for score in evaluation.scores:
        grid.add_row(*(safe(cell) for cell in _cells(score)))
    OUT.print(grid)
    for line in {_protocol(score) for score in evaluation.scores}:
        OUT.print(f"[dim]{safe(line)}[/dim]")
    for pair in pairings:
        OUT.print(
            f"{safe(pair.benchmark)} over {pair.problems} samples: {pair.only_first} only here, "
            f"{pair.only_second} only there, McNemar p = {pair.p_value:.3g}"
        )


def warned(evaluation: Evaluation) -> None:
    """Warn on standard error of what the scores leave out, and of what counts as failed without running."""
    for line in dict.fromkeys(_warnings(evaluation)):
        ERR.print(f"warning: {safe(line)}")


def _warnings(evaluation: Evaluation) -> Iterator[str]:
    mentioned = {str(line) for score in evaluation.scores for line in score.protocol.get("skipped", ())}
    for name in evaluation.without:
        if not any(line.startswith(f"{name}: ") for line in mentioned):
            yield f"{name}: none of the samples belongs to it, so it has no score"
    for score in evaluation.scores:
        if score.benchmark.endswith(".base"):
            continue
        whole, seen = score.protocol.get("of"), score.protocol.get("problems")
        if whole is not None and seen is not None and seen < whole:
            yield f"{score.benchmark}: samples for {seen} of {whole} problems; the score is of these"
        for line in (*score.protocol.get("skipped", ()), *score.protocol.get("left_out", ())):
            yield f"left out: {line}"
        if failure := common_failure(score.attempts):
            yield (
                f"{score.benchmark}: nearly all programs fail in one way ({failure}); check that the samples "
                "are of this benchmark and language and that `--extraction` fits them; --out has the programs"
            )
        if fenced := _fenced(evaluation, score):
            yield (
                f"{score.benchmark}: {fenced} samples hold a code fence and ran as they are; "
                "with --extraction fence_first they are read as replies"
            )
        if refused := score.protocol.get("refused"):
            yield f"{score.benchmark}: {refused} programs were not run and do not count"
        if missing := _missing(evaluation.tries.get(score.benchmark, ())):
            yield f"{score.benchmark}: {missing}"


def _missing(tries: Sequence[Candidate]) -> str:
    """How many replies are missing, and why; empty if none is."""
    missing = (t.reason for t in tries if t.failure == "no reply")
    reasons = Counter(shorten(reason, _REASON, placeholder=" ...") for reason in missing)
    if not reasons:
        return ""
    common = reasons.most_common(_REASONS)
    parts = [f"{reason} ({count})" for reason, count in common]
    if rest := reasons.total() - sum(count for _, count in common):
        parts.append(f"other reasons ({rest})")
    return f"{reasons.total()} of {len(tries)} replies did not come and count as failed: {'; '.join(parts)}"


def _fenced(evaluation: Evaluation, score: Score) -> int:
    """How many failed programs look like a whole reply, although their file calls them programs."""
    if score.protocol.get("extraction") != "as the file says":
        return 0
    tried = zip(evaluation.tries.get(score.benchmark, ()), score.attempts, strict=False)
    return sum(_FENCE.search(candidate.program) is not None and not done.passed for candidate, done in tried)


def _cells(score: Score) -> tuple[str, ...]:
    passed = sum(attempt.passed for attempt in score.attempts)
    failures = Counter(attempt.failure for attempt in score.attempts if attempt.failure)
    return (
        score.benchmark,
        str(score.k),
        f"{100 * score.value:.1f}%",
        f"[{100 * score.low:.1f}, {100 * score.high:.1f}]",
        f"{passed}/{len(score.attempts)}",
        ", ".join(f"{count} {name}" for name, count in failures.most_common(4)),
    )


def _protocol(score: Score) -> str:
    hidden = ("problems", "of", "refused", "frame", "system")
    facts = {key: value for key, value in score.protocol.items() if key not in hidden and value is not None}
    return ", ".join(f"{key} {value}" for key, value in facts.items())
