"""What a recipe would do and cost, before anything is spent.

Sources are counted (up to a cap), row steps are tried on the first rows, ask steps make their real prompts
for those rows. Answers that are in the store cost nothing and are read as the step reads them. What a table,
a batch or a model would change is assumed: ``expects`` of the step, or every row kept. Where the data of a
recipe is missing, its published row counts are assumed, with rows of typical length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, cast

from ..engine.rowwise import apply_ask, apply_read, apply_row
from ..errors import UserError
from ..llm.model import Model
from ..llm.store import AnswerStore, default_store
from ..llm.store_entry import key_maker
from ..llm.tokens import request_tokens
from ..recipe.recipe import PREVIOUS, SO_FAR, Node, Recipe, Ref, Rounds
from ..requests import Completion, Request, Usage
from ..sample import Drop, Sample
from ..step import Context, SourceStep, Step

Asked = tuple[tuple[Sample, tuple[Request, ...]], ...]
"""Rows, each with what a step asks for it."""
UNANSWERED = "unanswered"
"""Marks in ``meta`` a planned row that lacks an answer of a step above."""
SAMPLE_ROWS = 64
COUNT_CAP = 200_000
ANSWER_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Forecast:
    """One line of the plan. Money is None if the price is unknown; ``how`` says how the line is known.

    stored: calls whose answers are in the store: they cost nothing, and tokens and money do not count them.
    """

    step: str
    do: str
    kind: str
    rows_in: int
    rows_out: int
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    how: str = ""
    stored: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens and US dollars to expect; ``usd`` is None where the model's price is unknown."""

    requests: int
    tokens_in: int
    tokens_out: int
    usd: float | None


def estimate(model: Model, prompts: Sequence[Request], answer_tokens: int) -> Estimate:
    """What ``prompts`` will cost if each is answered in ``answer_tokens`` tokens (never over its limit)."""
    sent = sum(request_tokens(prompt) for prompt in prompts)
    longest = (model.resolve(prompt).sampling.max_tokens for prompt in prompts)
    received = sum(answer_tokens if most is None else min(answer_tokens, most) for most in longest)
    price = model.token_price()
    usd = None if price is None else price.cost(Usage(sent, received))
    return Estimate(len(prompts), sent, received, usd)


@dataclass(slots=True)
class _Guess:
    """How many rows there would be, with a few of them."""

    rows: int
    sample: list[Sample] = field(default_factory=list)
    dropped: int = 0
    bin: list[Sample] = field(default_factory=list)


def forecast(recipe: Recipe, *, answer_tokens: int = ANSWER_TOKENS) -> list[Forecast]:
    """The plan of a recipe, step by step; a block's steps are counted for all its rounds.

    answer_tokens: the length assumed of every reply.
    """
    with stored_answers() as store:
        return Planner(recipe, answer_tokens, store).lines()


@contextmanager
def stored_answers() -> Iterator[AnswerStore | None]:
    """The user's answer store, or None if there is none yet: a plan writes nothing."""
    path = default_store()
    if not path.exists():
        yield None
        return
    with closing(AnswerStore(path)) as store:
        yield store


@dataclass(frozen=True, slots=True)
class Prompts:
    """What an ask step would ask for some rows. ctx: what the step was given."""

    node: Node
    ctx: Context
    asked: Asked


class Planner:
    """Walks through a recipe with a few rows. prompts: of each ask step by name, after ``lines``."""

    def __init__(
        self, recipe: Recipe, answer_tokens: int = ANSWER_TOKENS, store: AnswerStore | None = None
    ) -> None:
        self.recipe, self.answer_tokens, self.store = recipe, answer_tokens, store
        self.prompts: dict[str, Prompts] = {}

    def lines(self) -> list[Forecast]:
        """The plan, one line per step."""
        guesses: dict[str, _Guess] = {}
        lines: list[Forecast] = []
        for node in self.recipe.nodes:
            if isinstance(node, Rounds):
                lines += self.rounds(node, guesses)
            else:
                line, guesses[node.name] = self.step(node, node.name, guesses)
                lines.append(line)
        return lines

    def rounds(self, block: Rounds, guesses: dict[str, _Guess]) -> list[Forecast]:
        given = _together(block.inputs, guesses)
        names = {**guesses, PREVIOUS: given, SO_FAR: given}
        rounds: list[list[Forecast]] = []
        total = given.rows
        for number in range(1, block.repeat + 1):
            lines = []
            for node in (*block.each, *block.probe):
                name, place = f"{block.name}.{node.name}", f"{block.name}.{number}.{node.name}"
                line, names[node.name] = self.step(node, name, names, place)
                lines.append(line)
            names[PREVIOUS] = names[next(n.name for n in reversed(block.each) if n.gives_rows)]
            total += names[PREVIOUS].rows
            names[SO_FAR] = _Guess(total, given.sample)
            rounds.append(lines)
            if number == 1 and all(line.rows_in == line.rows_out and not line.stored for line in lines):
                rounds += [lines] * (block.repeat - 1)
                total += names[PREVIOUS].rows * (block.repeat - 1)
                break
        guesses[block.name] = _Guess(total, given.sample)
        return [_summed(same, block.repeat) for same in zip(*rounds, strict=True)]

    def step(
        self, node: Node, name: str, guesses: Mapping[str, _Guess], place: str = ""
    ) -> tuple[Forecast, _Guess]:
        given = _together(node.inputs, guesses)
        model = self.recipe.models.get(node.model) if node.model else None
        ctx = Context(node.name, self.recipe.seed, place or name, self.recipe.home, model=model)
        kind = node.step.kind
        line = Forecast(name, node.address, kind, given.rows, given.rows)
        if kind == "source":
            return self._source(node, ctx, line)
        if kind == "row":
            return self._row(node, ctx, line, given)
        if kind == "ask":
            return self._ask(node, ctx, line, given, model)
        if kind in ("train", "score"):
            return replace(line, rows_out=0), _Guess(0)
        rows = min(node.step.expects(given.rows), 10**12)
        how = "assumed" if rows == given.rows else "from its settings"
        kept = given.sample[: max(1, rows)]
        return replace(line, rows_out=rows, how=how), _Guess(rows, kept, given.rows - rows, given.sample)

    def _source(self, node: Node, ctx: Context, line: Forecast) -> tuple[Forecast, _Guess]:
        published = self.recipe.published_rows.get(node.name)
        if published and node.step.offline is not None:
            return self._published(node, line, published)  # counting it means to download it
        guess = _Guess(0)
        try:
            for made in islice(cast(SourceStep, node.step).source(ctx), COUNT_CAP):
                if isinstance(made, Drop):
                    guess.dropped += 1
                    continue
                guess.rows += 1
                if len(guess.sample) < SAMPLE_ROWS:
                    guess.sample.append(made)
        except UserError:
            if not published:
                raise
            return self._published(node, line, published)
        how = "counted" if guess.rows + guess.dropped < COUNT_CAP else f"at least {COUNT_CAP:,}"
        return replace(line, rows_in=0, rows_out=guess.rows, how=how), guess

    def _published(self, node: Node, line: Forecast, rows: int) -> tuple[Forecast, _Guess]:
        how = "published count, rows of typical length; the data is not here"
        typical = [Sample.born(node.name, draw=n, **_TYPICAL, language="python") for n in range(8)]
        return replace(line, rows_in=0, rows_out=rows, how=how), _Guess(rows, typical)

    def _row(self, node: Node, ctx: Context, line: Forecast, given: _Guess) -> tuple[Forecast, _Guess]:
        try:
            made = [thing for sample in given.sample for thing in apply_row(node.step, sample, ctx)]
        except UserError as error:  # such as a benchmark to compare with that is not here
            how = f"assumed; {error.where}: {error.problem}"
            return replace(line, how=how), _Guess(given.rows, given.sample)
        kept = [thing for thing in made if isinstance(thing, Sample)]
        lost = [thing.sample for thing in made if isinstance(thing, Drop)]
        tried = max(1, len(given.sample))
        if not kept:
            return replace(line, how="known only after the steps above"), _Guess(given.rows, given.sample)
        rows = round(given.rows * len(kept) / tried)
        guess = _Guess(rows, kept, round(given.rows * len(lost) / tried), lost)
        return replace(line, rows_out=rows, how=f"tried on {tried} rows"), guess

    def _ask(
        self, node: Node, ctx: Context, line: Forecast, given: _Guess, model: Model | None
    ) -> tuple[Forecast, _Guess]:
        made = [(sample, apply_ask(node.step, sample, ctx)) for sample in given.sample]
        asked = tuple((sample, tuple(some)) for sample, some in made if not isinstance(some, Drop))
        self.prompts.setdefault(line.step, Prompts(node, ctx, asked))
        tried = max(1, len(given.sample))
        answers = self._stored(model, asked)
        requests = [request for _, some in asked for request in some]
        unpaid = [request for request, answer in zip(requests, answers, strict=True) if answer is None]
        calls = round(given.rows * len(requests) / tried)
        stored = round(given.rows * (len(requests) - len(unpaid)) / tried)
        tokens_in, tokens_out, usd = 0, 0, None if calls > stored else 0.0
        if unpaid and model is not None:
            bill = estimate(model, unpaid, self.answer_tokens)
            scale = given.rows / tried
            tokens_in, tokens_out = round(bill.tokens_in * scale), round(bill.tokens_out * scale)
            usd = None if bill.usd is None else bill.usd * scale
        how = f"prompts of {tried} rows, {self.answer_tokens} tokens a reply"
        rows, kept, lost = node.step.expects(given.rows), [], []
        for sample, thing in _read(node.step, ctx, asked, answers):
            if isinstance(thing, Drop):
                lost.append(thing.sample)
            else:
                kept.append(thing or _unanswered(sample, node.name))
        if requests and not unpaid:
            rows, how = round(given.rows * len(kept) / tried), f"stored answers to {tried} rows"
        done = replace(line, rows_out=rows, calls=calls, tokens_in=tokens_in, tokens_out=tokens_out)
        guess = _Guess(rows, kept or given.sample, round(given.rows * len(lost) / tried), lost)
        return replace(done, usd=usd, how=how, stored=stored), guess

    def _stored(self, model: Model | None, asked: Asked) -> list[Completion | None]:
        """The stored answer to each request, in order."""
        requests = [request for _, some in asked for request in some]
        if model is None or self.store is None:
            return [None] * len(requests)
        key = key_maker(model)
        return [self.store.find(key(model.resolve(request))) for request in requests]


def _read(
    step: Step, ctx: Context, asked: Asked, answers: Sequence[Completion | None]
) -> Iterator[tuple[Sample, Sample | Drop | None]]:
    """Each row with what the step makes of its answers; with None if one of them is not known."""
    rest = iter(answers)
    for sample, requests in asked:
        own = list(islice(rest, len(requests)))
        known = [answer for answer in own if answer is not None]
        if len(known) < len(own):
            yield sample, None
            continue
        for thing in apply_read(step, sample, known, ctx):
            yield sample, thing


def _unanswered(sample: Sample, step: str) -> Sample:
    """The row as a step would pass it on, without the answer that is not there yet."""
    text = sample.instruction or sample.code
    return sample.grow(step, instruction=text, tests="", meta={**sample.meta, UNANSWERED: True})


_CODE = "def count(words):\n" + "    total = sum(1 for word in words if word)\n" * 15 + "    return total\n"
_TYPICAL: dict[str, Any] = {
    "instruction": "Write a function that takes a list of words and returns how often each one occurs. " * 2,
    "answer": f"Here is the function:\n\n```python\n{_CODE}```\n",
    "code": _CODE,
}
"""A row of about the length of Code Alpaca's instructions and of the functions of CodeSearchNet."""


def _together(refs: tuple[Ref, ...], guesses: Mapping[str, _Guess]) -> _Guess:
    whole = _Guess(0)
    for ref in refs:
        guess = guesses[ref.name]
        whole.rows += guess.dropped if ref.dropped else guess.rows
        whole.sample += guess.bin if ref.dropped else guess.sample
    whole.sample = whole.sample[:: max(1, len(whole.sample) // SAMPLE_ROWS)][:SAMPLE_ROWS]
    return whole


def _summed(lines: tuple[Forecast, ...], repeat: int) -> Forecast:
    usd = None if any(line.usd is None for line in lines) else sum(line.usd or 0 for line in lines)
    return replace(
        lines[0],
        rows_in=sum(line.rows_in for line in lines),
        rows_out=sum(line.rows_out for line in lines),
        calls=sum(line.calls for line in lines),
        tokens_in=sum(line.tokens_in for line in lines),
        tokens_out=sum(line.tokens_out for line in lines),
        stored=sum(line.stored for line in lines),
        usd=usd,
        how=f"{lines[0].how}; at most {repeat} rounds" if lines[0].how else f"at most {repeat} rounds",
    )
