"""The card of the model that a run trained: how to prompt it, scores with their protocol, data, training.

It claims nothing that the run did not record.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..runs.record import ScoreRecord
from .card_text import card, plain, table
from .dataset_card import decontaminated, tags
from .licensing import in_words
from .phrases import value
from .scores import Comparison, Figure, comparisons, model_label
from .story import Stage, Story
from .tally import UNSAID, brief, composition
from .training_table import training_tables


def model_card(story: Story) -> str | None:
    """The card as Markdown with the hub's metadata, or None where no model was trained yet."""
    trained = [stage for stage in story.done("train") if not stage.depth]
    if not trained:
        return None
    last, groups = trained[-1], comparisons(story)
    shards = {path: None for stage in trained for path in story.rows_read(stage)}  # each once
    made_of = composition(shards, "task", "language", "source", "license")
    front = {
        "license": "unknown",
        "base_model": _base(story, last),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "language": ["code"],
        "tags": tags(story, made_of["language"]),
        "model-index": _index(story, last, groups),
    }
    return card(front, _parts(story, trained, groups, made_of))


def _base(story: Story, stage: Stage) -> str:
    """The hub's name of the model that training started from; empty for random weights or a path."""
    declared = (story.recipe.get("models") or {}).get(_root(story, stage)) or {}
    name = str(declared.get("model", "")) if declared.get("use") == "hf" else ""
    return name if name.count("/") == 1 and not name.startswith((".", "/", "~")) else ""


def _root(story: Story, stage: Stage) -> str:
    giver = story.stage(stage.model)
    return _root(story, giver) if giver is not None else stage.model


def _index(story: Story, last: Stage, groups: list[Comparison]) -> list[dict[str, Any]]:
    own = [(group, f.score) for group in groups for f in group.figures if f.model == last.name]
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": group.benchmark, "type": group.benchmark},
            "metrics": [_metric(group, score)],
        }
        for group, score in own
    ]
    return [{"name": f"{story.name}-{last.name}", "results": results}] if results else []


def _metric(group: Comparison, score: ScoreRecord) -> dict[str, Any]:
    name = f"pass@{group.k}"
    interval = f"95% interval {score.low:.4f} to {score.high:.4f}"
    return {
        "name": f"{name}, {interval}",
        "type": name,
        "value": round(score.value, 4),
        "verified": False,
    }


def _parts(
    story: Story, trained: list[Stage], groups: list[Comparison], made_of: Mapping[str, Counter[str]]
) -> Iterator[str]:
    last = trained[-1]
    yield f"# {plain(story.name)}: the model `{last.name}`"
    yield _opening(story, trained, made_of)
    if story.state.tiny:
        yield "> A tiny run: it shows that the recipe works, and is not a model to use."
    yield "## How to prompt it"
    yield _LOAD.format(path=last.checkpoint.path)
    yield from _asking(last)
    yield "## Scores"
    yield from _scores(groups, last)
    yield "## What it was trained on"
    yield from _data(story, trained, made_of)
    yield "## How it was trained"
    yield from training_tables(story, trained)
    yield _machine(story)
    yield "## Limits"
    yield _limits(groups, made_of)
    yield "## Licence"
    yield (
        "No licence is stated for these weights. To publish them, choose one that the base model "
        f"and the training rows allow. {in_words(made_of['license'])}"
    )


def _opening(story: Story, trained: list[Stage], made_of: Mapping[str, Counter[str]]) -> str:
    state, last = story.state, trained[-1]
    start = plain(model_label(story, _root(story, last)))
    stages = (
        f"in {len(trained)} stages ({', '.join(stage.name for stage in trained)})"
        if len(trained) > 1
        else "in one stage"
    )
    about = f": {plain(state.about)}" if state.about else ""
    paper = state.paper
    link = (
        f" ([arXiv {paper}](https://arxiv.org/abs/{paper}))" if re.fullmatch(r"\d{4}\.\d{4,5}", paper) else ""
    )
    rows = sum(made_of["license"].values())
    return (
        f"A causal language model, trained from {start} {stages} on {rows:,} instruction-tuning "
        f"rows for code. The recipe is `{plain(story.name)}`{link}{about}. It was run by tunesmith "
        f"{state.tunesmith} with seed {state.seed}; `recipe.yaml` next to "
        "this card runs it again."
    )


_LOAD = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{path}")
tokenizer = AutoTokenizer.from_pretrained("{path}")
```"""


def _asking(last: Stage) -> Iterator[str]:
    facts = last.checkpoint.facts
    named = f" (`{plain(facts['template'])}`)" if facts.get("template") else ""
    yield (
        f"It was trained and scored with one prompt template{named}, stored next to the weights in "
        "`template.json`. It was neither trained nor scored with any other."
    )
    example = facts.get("example") or {}
    if example.get("prompt"):
        yield "A training prompt as the model saw it:"
        yield _quoted(str(example["prompt"]))


def _quoted(text: str) -> str:
    """``text`` as a fenced block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _scores(groups: list[Comparison], last: Stage) -> Iterator[str]:
    if not groups:
        yield "It has not been scored."
        return
    yield "Programs were extracted from the replies and run against the tests of each problem."
    for group in groups:
        yield f"**{plain(group.benchmark)}**, pass@{group.k} in %, {_samples(group)}:"
        yield table(("model", f"pass@{group.k}", "95% interval", "passed"), map(_row, group.figures))
        yield f"Protocol of {plain(group.benchmark)}:"
        protocol = [(key.replace("_", " "), value(setting)) for key, setting in group.protocol.items()]
        yield table(("setting", "value"), [line for line in protocol if line[1] != "–"])
    if not any(figure.model == last.name for group in groups for figure in group.figures):
        yield f"`{last.name}` itself has not been scored."


def _samples(group: Comparison) -> str:
    return "one answer per problem" if group.n == 1 else f"{group.n} answers per problem"


def _row(figure: Figure) -> tuple[str, ...]:
    score = figure.score
    interval = f"{100 * score.low:.1f} to {100 * score.high:.1f}"
    passed = f"{score.passed:,} of {score.tried:,}"
    return figure.model, f"{100 * score.value:.1f}", interval, passed


def _data(story: Story, trained: list[Stage], made_of: Mapping[str, Counter[str]]) -> Iterator[str]:
    if len(trained) > 1:
        stages = [(stage.name, stage.count("rows_in"), _givers(story, stage)) for stage in trained]
        yield table(("stage", "rows", "from the steps"), stages)
        yield "All of them; a row that several stages read is counted once:"
    for column, title in (
        ("task", "task"),
        ("language", "language"),
        ("source", "source"),
        ("license", "licence"),
    ):
        yield table((title, "rows"), brief(made_of[column]))
    yield "`DATASET_CARD.md` says how they were made and what was left out. Decontamination:"
    yield decontaminated(story)


def _givers(story: Story, stage: Stage) -> str:
    return ", ".join(
        f"{giver.name}{'.dropped' if dropped else ''}" for giver, dropped in story.read_by(stage)
    )


def _machine(story: Story) -> str:
    state = story.state
    return f"On {plain(state.machine)}, Python {plain(state.python)}."


def _limits(groups: list[Comparison], made_of: Mapping[str, Counter[str]]) -> str:
    names = list(dict.fromkeys(plain(group.benchmark) for group in groups))
    measured = f"Only {', '.join(names)} was measured" if names else "Nothing was measured"
    languages = [plain(name) for name in made_of["language"] if name != UNSAID]
    known = f" It was trained on code in {', '.join(languages[:8])}." if languages else ""
    return (
        f"{measured}; nothing is known about other tasks, the security of the code it writes, or its "
        f"behaviour on harmful requests.{known} Read what it writes before you run it."
    )
