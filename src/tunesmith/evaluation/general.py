"""General benchmarks through lm-evaluation-harness: whether tuning on code cost anything elsewhere.

MMLU, BBH, GSM8K and the like (AlchemistCoder, 2405.19265, reports all three before and after tuning).
Its tasks, prompts and metrics are taken as they are; what comes back carries our intervals and protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..errors import SetupError, UserError, nearest
from ..results import Attempt, Score
from ..sample import Json
from ..scoring.ask_model import LocalModel
from ..scoring.intervals import bootstrap, wilson
from ..step import Context, Step

METRICS = ("acc_norm", "acc", "exact_match", "em", "f1", "pass@1")
"""What a task is scored by, the first that it has."""


class General(Step):
    """Scores a model whose weights we hold on tasks of lm-evaluation-harness."""

    renamed: ClassVar[Mapping[str, str]] = {"tasks": "benchmarks", "include": "data", "chat": "chat_template"}
    needs_model: ClassVar[Literal["required", "optional", "none"]] = "required"
    offline: ClassVar[str | None] = "its tasks read their data from the Hugging Face hub"

    benchmarks: tuple[str, ...] = Field(min_length=1)
    """Names of the harness's tasks: mmlu, bbh, gsm8k, ..."""
    data: str | None = None
    """Folder with task files of your own, beside the harness's."""
    shots: int | None = Field(default=None, ge=0)
    """Examples before each question; each task's own number where left out."""
    limit: int | None = Field(default=None, gt=0)
    """Only the first so many questions of each task."""
    batch_size: int = Field(default=16, gt=0)
    """Questions computed at once."""
    chat_template: bool = False
    """Put questions through the tokenizer's chat template."""

    def score(self, ctx: Context) -> list[Score]:
        """One score per task, subtask and filter."""
        if not isinstance(ctx.model, LocalModel):
            problem = "the harness needs a model whose weights we hold"
            raise UserError(f"steps.{ctx.step}.with", problem, "give a `use: hf` model or a training step")
        found = self._run(ctx)
        return [score for task in found["samples"] for score in self._scores(task, found)]

    def _run(self, ctx: Context) -> Mapping[str, Any]:
        try:
            import lm_eval
            from lm_eval.models.huggingface import HFLM
            from lm_eval.tasks import TaskManager
        except ModuleNotFoundError as error:
            problem = f"general benchmarks need {error.name!r}, which is not installed"
            raise SetupError(f"steps.{ctx.step}", problem, "pip install 'tunesmith[eval]'") from error
        manager = TaskManager(include_path=str(ctx.path(self.data)) if self.data else None)
        for task in self.benchmarks:
            if not manager.match_tasks([task]):
                problem = f"the harness has no task called {task!r}"
                raise UserError(f"steps.{ctx.step}.benchmarks", problem, nearest(task, manager.all_tasks))
        local = ctx.model.open()
        model = HFLM(pretrained=local.model, tokenizer=local.tokenizer, batch_size=self.batch_size)
        found: Mapping[str, Any] = lm_eval.simple_evaluate(
            model=model, tasks=list(self.benchmarks), task_manager=manager, num_fewshot=self.shots,
            limit=self.limit, apply_chat_template=self.chat_template, bootstrap_iters=0, log_samples=True,
        )  # fmt: skip
        return {**found, "engine": f"lm-eval {lm_eval.__version__}"}

    def _scores(self, task: str, found: Mapping[str, Any]) -> Iterable[Score]:
        by_filter: dict[str, list[Mapping[str, Any]]] = {}
        for sample in found["samples"][task]:
            by_filter.setdefault(str(sample["filter"]), []).append(sample)
        for kind, samples in by_filter.items():
            metric = next((name for name in METRICS if name in samples[0]), samples[0]["metrics"][0])
            protocol: dict[str, Json] = {
                "engine": found["engine"],
                "data": f"task version {found['versions'].get(task)}",
                "shots": found["n-shot"].get(task, self.shots),
                "metric": metric,
                "filter": kind,
                "template": "the tokenizer's chat template" if self.chat_template else "none",
                "problems": len(samples),
            }
            name = task if len(by_filter) == 1 else f"{task} ({kind})"
            yield _score(name, protocol, samples, metric)


def _score(
    name: str, protocol: Mapping[str, Json], samples: Iterable[Mapping[str, Any]], metric: str
) -> Score:
    attempts, values = [], []
    for sample in samples:
        values.append(float(sample[metric]))
        attempts.append(_attempt(name, sample, values[-1]))
    binary = set(values) <= {0.0, 1.0}
    low, high = wilson(round(sum(values)), len(values)) if binary else bootstrap(values)
    return Score(name, protocol, 1, 1, sum(values) / len(values), low, high, tuple(attempts))


def _attempt(name: str, sample: Mapping[str, Any], value: float) -> Attempt:
    arguments = sample["arguments"]
    first = arguments[0] if isinstance(arguments, list | tuple) else next(iter(arguments.values()))
    prompt = first[0] if isinstance(first, list | tuple) else next(iter(first.values()))
    passed = value >= 1.0
    return Attempt(
        task_id=f"{name}/{sample['doc_id']}", passed=passed, status="passed" if passed else "failed",
        prompt=str(prompt), raw=str(sample["filtered_resps"]), failure="" if passed else "wrong answer",
    )  # fmt: skip
