"""What a recipe would do and cost, before anything is spent.

Sources are counted (up to a cap), row steps are tried on the first rows, ask steps make their real
prompts for those rows and ask nobody. What a table, a batch or a model would change is assumed, and
said so: ``expects`` of the step, or every row kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import cast

from ..engine.rowwise import apply_ask, apply_row
from ..llm.model import Model
from ..llm.tokens import request_tokens
from ..recipe.recipe import PREVIOUS, SO_FAR, Node, Recipe, Ref, Rounds
from ..requests import Request, Usage
from ..sample import Drop, Sample
from ..step import Context, SourceStep

SAMPLE_ROWS = 64
COUNT_CAP = 200_000
ANSWER_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Forecast:
    """One line of the plan. Money is None where no price is known; ``how`` says what it rests on."""

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
    return Planner(recipe, answer_tokens).lines()


@dataclass(frozen=True, slots=True)
class Prompts:
    """What an ask step would ask for some rows. ctx: what the step was given."""

    node: Node
    ctx: Context
    asked: tuple[tuple[Sample, tuple[Request, ...]], ...]


class Planner:
    """Walks through a recipe with a few rows. prompts: of each ask step by name, after ``lines``."""

    def __init__(self, recipe: Recipe, answer_tokens: int = ANSWER_TOKENS) -> None:
        self.recipe, self.answer_tokens = recipe, answer_tokens
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
                line, names[node.name] = self.step(node, f"{block.name}.{node.name}", names)
                lines.append(line)
            names[PREVIOUS] = names[next(n.name for n in reversed(block.each) if n.gives_rows)]
            total += names[PREVIOUS].rows
            names[SO_FAR] = _Guess(total, given.sample)
            rounds.append(lines)
            if number == 1 and all(line.rows_in == line.rows_out for line in lines):
                rounds += [lines] * (block.repeat - 1)
                total += names[PREVIOUS].rows * (block.repeat - 1)
                break
        guesses[block.name] = _Guess(total, given.sample)
        return [_summed(same, block.repeat) for same in zip(*rounds, strict=True)]

    def step(self, node: Node, name: str, guesses: Mapping[str, _Guess]) -> tuple[Forecast, _Guess]:
        given = _together(node.inputs, guesses)
        model = self.recipe.models.get(node.model) if node.model else None
        ctx = Context(node.name, self.recipe.seed, home=self.recipe.home, model=model)
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
        rows = dropped = 0
        sample: list[Sample] = []
        for thing in islice(cast(SourceStep, node.step).source(ctx), COUNT_CAP):
            if isinstance(thing, Drop):
                dropped += 1
                continue
            rows += 1
            if len(sample) < SAMPLE_ROWS:
                sample.append(thing)
        how = "counted" if rows + dropped < COUNT_CAP else f"at least {COUNT_CAP:,}"
        return replace(line, rows_in=0, rows_out=rows, how=how), _Guess(rows, sample, dropped)

    def _row(self, node: Node, ctx: Context, line: Forecast, given: _Guess) -> tuple[Forecast, _Guess]:
        made = [thing for sample in given.sample for thing in apply_row(node.step, sample, ctx)]
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
        requests: list[Request] = [request for _, some in asked for request in some]
        tried = max(1, len(given.sample))
        calls = round(given.rows * len(requests) / tried)
        rows = node.step.expects(given.rows)
        tokens_in, tokens_out, usd = 0, 0, None if calls else 0.0
        if requests and model is not None:
            bill = estimate(model, requests, self.answer_tokens)
            scale = calls / len(requests)
            tokens_in, tokens_out = round(bill.tokens_in * scale), round(bill.tokens_out * scale)
            usd = None if bill.usd is None else bill.usd * scale
        grown = [
            sample.grow(node.name, instruction=sample.instruction or sample.code, tests="")
            for sample in given.sample
        ]
        how = f"prompts of {tried} rows, {self.answer_tokens} tokens a reply"
        done = replace(
            line, rows_out=rows, calls=calls, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd, how=how
        )
        return done, _Guess(rows, grown)


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
        usd=usd,
        how=f"{lines[0].how}; at most {repeat} rounds" if lines[0].how else f"at most {repeat} rounds",
    )
