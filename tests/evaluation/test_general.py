"""General benchmarks through lm-evaluation-harness, on a task of our own (no network)."""

import importlib.util
import json
from pathlib import Path

import pytest
from training_world import TINY

from tunesmith.errors import SetupError, UserError
from tunesmith.evaluation.general import General
from tunesmith.models.openai import OpenAI
from tunesmith.step import Context

HARNESS = importlib.util.find_spec("lm_eval") is not None
TASK = """
task: sums
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}} "
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
"""


@pytest.mark.skipif(HARNESS, reason="lm-eval is installed")
def test_without_the_extra_the_step_says_what_to_install():
    with pytest.raises(SetupError, match=r"pip install 'tunesmith\[eval\]'"):
        General(benchmarks=("mmlu",)).score(Context("scores", model=TINY))


def test_an_endpoint_cannot_be_scored_by_the_harness():
    with pytest.raises(UserError, match="weights we hold"):
        General(benchmarks=("mmlu",)).score(Context("scores", model=OpenAI(model="m")))


@pytest.mark.slow
@pytest.mark.skipif(not HARNESS, reason="lm-eval is not installed (extra `eval`)")
@pytest.mark.filterwarnings("ignore")
def test_a_task_of_the_harness_is_scored_with_our_interval(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = tmp_path / "rows.jsonl"
    questions = [{"question": f"{n}+{n}?", "choices": [str(2 * n), "no"], "answer": n % 2} for n in range(8)]
    rows.write_text("\n".join(map(json.dumps, questions)))
    (tmp_path / "sums.yaml").write_text(TASK.format(rows=rows))
    step = General(benchmarks=("sums",), data=str(tmp_path))
    (score,) = step.score(Context("scores", model=TINY))
    assert (score.benchmark, score.n, len(score.attempts)) == ("sums", 1, 8)
    assert score.value == sum(a.passed for a in score.attempts) / 8
    assert score.low <= score.value <= score.high
    assert score.attempts[1].prompt == "1+1? "
    assert score.protocol["metric"] == "acc"
    assert score.protocol["engine"].startswith("lm-eval ")
    with pytest.raises(UserError, match="did you mean 'sums'"):
        General(benchmarks=("smus",), data=str(tmp_path)).score(Context("scores", model=TINY))
