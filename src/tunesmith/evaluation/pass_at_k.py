"""pass@k on code benchmarks: ask, extract, execute, count (Chen et al. 2021).

Papers differ in the protocol more than in the models, so every score carries its own: the template, how
problems are put, decoding, engine, extraction, the version of the data and how programs were isolated.
Greedy with one sample is the default; WizardCoder's figures use n=200, temperature 0.2, top_p 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ..benchmarks import data_version, expand, load
from ..benchmarks.differential import prepared
from ..benchmarks.problem import Benchmark, Problem
from ..chance import chance
from ..errors import SetupError, UserError
from ..requests import Sampling
from ..results import Score
from ..sample import Json
from ..scoring.ask_model import Prompting, Reply, ask
from ..scoring.extract import EXTRACTIONS, extraction
from ..scoring.preflight import passable
from ..scoring.score import Candidate, judge, machinery, refused, scores, with_protocol
from ..step import Context, Step


class PassAtK(Step):
    """Scores a model on benchmarks by running what it writes."""

    needs_model: ClassVar[Literal["required", "optional", "none"]] = "required"

    benchmarks: tuple[str, ...] = Field(default=("starter",), min_length=1)
    """What to score on: starter, humaneval, humaneval_plus, mbpp, mbpp_plus, ..."""
    data: str | None = None
    """Folder with the benchmarks' files. Left out: each is fetched once and kept; ``hub``: from the hub."""
    n: int = Field(default=1, gt=0)
    """Samples per problem."""
    k: tuple[int, ...] = Field(default=(1,), min_length=1)
    """The k of pass@k; several give several scores."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int | None = Field(default=None, gt=0)
    """Longest reply, in tokens; the model's own setting where left out."""
    prompting: Literal["instruct", "complete"] = "instruct"
    """Put the problem as an instruction under the model's template, or as raw code to continue."""
    frame: str = "{instruction}"
    """Text around each problem: ``{instruction}`` is the whole question, ``{prompt}`` the bare code."""
    system: str = ""
    """System text of every question."""
    shots: int = Field(default=0, ge=0)
    """Solved examples shown before each question, as earlier turns; few benchmarks have any (mbpp: 3)."""
    extraction: str = "fence_first"
    """How the program is found in the reply: fence_first, human_eval, evalplus, wizardcoder, ..."""
    limit: int | None = Field(default=None, gt=0)
    """Only so many problems of each benchmark."""
    choose: Literal["first", "random"] = "first"
    """Which problems ``limit`` takes; random ones follow from the recipe's seed."""

    @field_validator("benchmarks")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            expand(names)
        except UserError as error:
            raise ValueError(f"{error.problem}; {error.fix}") from error
        return names

    @field_validator("extraction")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in EXTRACTIONS:
            raise ValueError(f"must be one of {', '.join(EXTRACTIONS)}")
        return name

    @field_validator("frame")
    @classmethod
    def _has_place(cls, frame: str) -> str:
        if "{instruction}" not in frame and "{prompt}" not in frame:
            raise ValueError("must hold {instruction} or {prompt}")
        return frame

    @model_validator(mode="after")
    def _fits(self) -> PassAtK:
        if max(self.k) > self.n or min(self.k) < 1:
            raise ValueError(f"k must lie in 1..n, and n is {self.n}")
        if self.n > 1 and self.temperature == 0:
            raise ValueError("n samples at temperature 0 are n times the same; give a temperature, or n: 1")
        return self

    def outside(self, ctx: Context) -> str:
        """The versions of the benchmarks' data."""
        return ", ".join(f"{name} {data_version(name, self._data(ctx))}" for name in expand(self.benchmarks))

    def score(self, ctx: Context) -> list[Score]:
        """One score per benchmark and k."""
        return [score for scores, _ in self.scored(ctx) for score in scores]

    def scored(self, ctx: Context) -> list[tuple[list[Score], list[Candidate]]]:
        """For each benchmark its scores, and what was tried.

        A benchmark of a group (``multipl_e``) whose language cannot be run here is left out, and every
        score's protocol says so; one that was asked for by its own name is an error.
        """
        made = []
        skipped: list[str] = []
        for name in expand(self.benchmarks):
            benchmark = load(name, self._data(ctx))
            refusal = refused(benchmark, ctx.sandbox)
            if refusal and name in self.benchmarks:
                fix = "leave it out, or install what `tunesmith doctor` says is missing"
                raise SetupError(f"steps.{ctx.step}.benchmarks", f"{name} cannot be run here: {refusal}", fix)
            if refusal:
                skipped.append(f"{name}: {refusal}")
                continue
            made.append(self._on(benchmark, ctx))
        if not skipped:
            return made
        return [([with_protocol(s, skipped=skipped) for s in found], tries) for found, tries in made]

    def _data(self, ctx: Context) -> str | None:
        return self.data if self.data in (None, "hub") else str(ctx.path(self.data))

    def _on(self, benchmark: Benchmark, ctx: Context) -> tuple[list[Score], list[Candidate]]:
        chosen, lacking = passable(self._chosen(benchmark.problems, ctx), ctx.sandbox)
        if lacking and not chosen:
            fix = "install what is named, or leave the benchmark out"
            raise SetupError(f"steps.{ctx.step}.benchmarks", f"{benchmark.name}: {lacking[0]}", fix)
        problems = prepared(benchmark, chosen, ctx.sandbox)
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens)
        complete = self.prompting == "complete"
        words = Prompting(sampling, complete, self.frame, self.system, self._examples(benchmark, ctx))
        drawn = [(problem, draw) for problem in problems for draw in range(self.n)]
        replies, how = ask(drawn, words, ctx)
        tries = [self._try(*pair, reply) for pair, reply in zip(drawn, replies, strict=True)]
        protocol = self._protocol(benchmark, ctx) | how
        if lacking:
            protocol["left_out"] = [f"{benchmark.name}: {line}" for line in lacking]
        return scores(benchmark.name, judge(tries, ctx.sandbox), self.k, protocol), tries

    def _examples(self, benchmark: Benchmark, ctx: Context) -> tuple[Problem, ...]:
        if self.shots > len(benchmark.examples):
            problem = (
                f"{self.shots} are asked for, but {benchmark.name} has {len(benchmark.examples)} examples"
            )
            raise UserError(f"steps.{ctx.step}.shots", problem, "give fewer, or leave `shots` out")
        return benchmark.examples[: self.shots]

    def _chosen(self, problems: Sequence[Problem], ctx: Context) -> list[Problem]:
        if self.limit is None or self.limit >= len(problems):
            return list(problems)
        if self.choose == "first":
            return list(problems[: self.limit])
        places = chance(ctx.seed, "evaluation.pass_at_k").sample(range(len(problems)), self.limit)
        return [problems[place] for place in sorted(places)]

    def _try(self, problem: Problem, draw: int, reply: Reply) -> Candidate:
        if reply.failure:
            return Candidate(problem, "", draw, reply.prompt, failure=reply.failure, reason=reply.reason)
        found = extraction(self.extraction)(reply.text, problem)
        program, how = (found.program, found.how) if reply.text.strip() else ("", "no code")
        return Candidate(problem, program, draw, reply.prompt, reply.text, how, reply.finish_reason)

    def _protocol(self, benchmark: Benchmark, ctx: Context) -> dict[str, Json]:
        return {
            "prompting": self.prompting,
            "frame": self.frame,
            "system": self.system,
            "shots": self.shots,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens or getattr(ctx.model, "max_tokens", None),
            "extraction": self.extraction,
            "data": benchmark.version,
            **machinery(benchmark.problems, ctx.sandbox),
        }
