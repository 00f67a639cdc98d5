"""The card of the rows that a run made: what they are, where they come from, what was left out, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from .authors import authors
from .card_text import bullets, card, plain, table
from .licensing import hub_license, in_words
from .story import Stage, Story
from .tally import UNSAID, brief, composition, verdicts

SIZES = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6), ("1M<n<10M", 1e7))
MOST_SOURCES = 20
FIELDS = (
    "`id`, `instruction`, `answer`, `system` (prompt the answer was given under), `task`, `language`, "
    "`code` (raw code the row was made from), `tests` (a program that raises unless the answer's code is "
    "right), `source`, `license`, `parents` (ids of the rows it was made from), `step`, `draw`, `weight`, "
    "`verdicts`, `meta`."
)


def dataset_card(story: Story) -> str | None:
    """The card as Markdown with the hub's metadata, or None where the run has made no rows yet."""
    chosen = dataset(story)
    if chosen is None:
        return None
    name, stages = chosen
    shards = [path for stage in stages for path in story.rows(stage)]
    made_of = composition(shards, "task", "language", "source", "license")
    rows = sum(made_of["license"].values())
    front = {
        **hub_license(made_of["license"]),
        "language": ["code"],
        "pretty_name": f"{story.name}: instruction-tuning rows for code",
        "size_categories": [next((label for label, end in SIZES if rows < end), "n>10M")],
        "task_categories": ["text-generation"],
        "source_datasets": _sources(made_of["source"]),
        "tags": tags(story, made_of["language"]),
    }
    return card(front, _parts(story, name, shards, made_of))


def dataset(story: Story) -> tuple[str, list[Stage]] | None:
    """The rows that the run is for: those the last training step read, else those of the last step."""
    for stage in reversed(story.done("train")):
        read = [giver for giver, dropped in story.read_by(stage) if not dropped and story.rows(giver)]
        if read and not stage.depth:
            return ", ".join(giver.name for giver in read), read
    for stage in reversed(story.done()):
        if not stage.depth and story.rows(stage):
            return stage.name, [stage]
    return None


def tags(story: Story, languages: Mapping[str, int]) -> list[str]:
    """Tags that the hub can search for."""
    found = ["code", "instruction-tuning", "synthetic", "tunesmith"]
    found += [name for name in languages if name != UNSAID][:10]
    paper = story.state.paper
    return found + ([f"arxiv:{paper}"] if re.fullmatch(r"\d{4}\.\d{4,5}", paper) else [])


def _sources(counts: Mapping[str, int]) -> list[str]:
    names = [re.sub(r"[^\w.-]+", "-", name).strip("-") for name in counts if name != UNSAID]
    return [f"extended|other-{name}" for name in names[:MOST_SOURCES]]


def _parts(story: Story, name: str, shards: list[Path], made_of: Mapping[str, Counter[str]]) -> Iterator[str]:
    yield f"# {plain(story.name)}: instruction-tuning rows for code"
    yield _opening(story, name, sum(made_of["license"].values()))
    yield "## What is in it"
    for column in ("task", "language", "source"):
        yield table((column, "rows"), brief(made_of[column]))
    yield f"Fields: {FIELDS}"
    yield "## Licences"
    yield in_words(made_of["license"])
    yield table(("licence", "rows"), brief(made_of["license"], 20))
    yield "## Who wrote it"
    yield _written_by(story)
    yield "## How it was made"
    yield table(("step", "does", "model", "rows in", "kept", "dropped"), _steps(story))
    reasons = [(s.name, reason, n) for s in story.done() for reason, n in s.record.reasons.items()]
    yield "Why rows were dropped (all of them are kept in the run folder):" if reasons else ""
    yield table(("step", "reason", "rows"), reasons)
    yield "## Verdicts"
    judged = [(by, n[True], n[False], n[None]) for by, n in sorted(verdicts(shards).items())]
    yield table(("judge", "passed", "failed", "unknown"), judged) or "No step judged these rows."
    yield "## Decontamination"
    yield decontaminated(story)
    yield "## Reproduce, inspect, export"
    yield _commands(story, name.split(", ", maxsplit=1)[0])


def _opening(story: Story, name: str, rows: int) -> str:
    state = story.state
    small = ", tiny" if state.tiny else ""
    about = f" The recipe: {plain(state.about)}." if state.about else ""
    unfinished = " **The run had not ended when this was written.**" if state.status != "done" else ""
    return (
        f"{rows:,} rows: the output of step `{name}` of a tunesmith {state.tunesmith} run "
        f"(seed {state.seed}{small}).{about}{unfinished}"
    )


def _steps(story: Story) -> Iterator[tuple[str | int, ...]]:
    for s in story.done():
        if s.kind not in ("train", "score"):
            yield s.name, s.do, s.model, s.count("rows_in"), s.count("rows_out"), s.count("dropped")


def _written_by(story: Story) -> str:
    found = authors(story)
    if not found:
        return "No model wrote any of it: the text comes from the sources."
    lines = bullets(f"`{one.name}`: {one.what}; asked by {', '.join(one.steps)}" for one in found)
    terms = [one.name for one in found if not (one.of_rules or one.trained_here)]
    if terms:
        lines += f"\n\nThe terms of the provider of {', '.join(terms)} may limit the use of its output."
    return lines


def decontaminated(story: Story) -> str:
    """What each decontamination step compared and dropped, or that none ran."""
    steps = [stage for stage in story.done() if stage.do in _COMPARES]
    if not steps:
        return (
            "No decontamination step ran: these rows were not compared with any benchmark. What a model "
            "trained on them scores on a public benchmark may be inflated."
        )
    return bullets(_compared(stage) for stage in steps)


def _compared(stage: Stage) -> str:
    params = stage.record.params
    against = ", ".join(map(plain, params.get("against") or [])) or "its benchmarks"
    reasons = ", ".join(f"{count:,} {plain(reason)}" for reason, count in stage.record.reasons.items())
    how = _COMPARES[stage.do].format(against=against, model=plain(stage.model))
    start = f"`{stage.name}` compared {stage.count('rows_in'):,} rows {how} and "
    if params.get("nearest") == "mark":
        return f"{start}marked the nearest ones for a judge"
    return f"{start}dropped {stage.count('dropped'):,}{f' ({reasons})' if reasons else ''}"


_COMPARES = {
    "selection.decontaminate": "with {against}, word for word,",
    "selection.near_benchmark": "with {against} by their embeddings",
    "selection.leak_judge": "with the problems that are nearest, by the verdict of {model},",
}


def _commands(story: Story, step: str) -> str:
    run = story.run.path.name
    return (
        f"```sh\ntunesmith run recipe.yaml              # recipe.yaml is next to this card\n"
        f"tunesmith show {run}/{step}\n"
        f"tunesmith export {run}/{step} --to rows.parquet --as parquet\n```"
    )
