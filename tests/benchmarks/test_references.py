"""The published data, where it is at hand: references pass, bugs fail, recorded verdicts come again."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmark_world import write_gz

from tunesmith.benchmarks import load, overlap
from tunesmith.benchmarks.differential import prepared
from tunesmith.eval.evaluate import Settings, evaluate
from tunesmith.results import Attempt
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.scoring.extract import EXTRACTIONS
from tunesmith.scoring.score import Candidate, judge, refused


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox() as opened:
        yield opened


def failing(
    name: str, shared: Path, pool: Pool, which: str = "canonical", first: int | None = None
) -> dict[str, str]:
    """Of the first problems, those whose reference (or buggy program) fails, and how."""
    benchmark = load(name, str(shared))
    if reason := refused(benchmark, pool):
        pytest.skip(f"{name}: {reason}")
    problems = prepared(benchmark, benchmark.problems[:first], pool)
    judged = judge([Candidate(problem, getattr(problem, which)) for problem in problems], pool)
    attempts = [one.plus or one.base for one in judged]
    assert len(attempts) == len(benchmark.problems[:first])
    return {attempt.task_id: attempt.failure for attempt in attempts if not attempt.passed}


SIZES = {
    "humaneval": 164, "humaneval_plus": 164, "mbpp": 500, "mbpp_dev": 464, "mbpp_dev_apart": 301,
    "mbpp_sanitized": 427, "mbpp_sanitized_test": 257, "mbpp_plus": 378, "mbpp_plus_0.1.0": 399,
    "mbpp_plus_exact": 378, "mbpp_plus_0.1.0_exact": 399,
    "humanevalfix-go": 164, "multipl_e-js": 161, "multipl_e-java": 158, "multipl_e-rs": 156,
    "multipl_e-cs": 158,
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_all_problems_are_there(name: str, shared: Path):
    benchmark = load(name, str(shared))
    assert len(benchmark.problems) == SIZES[name]
    assert len({problem.task_id for problem in benchmark.problems}) == SIZES[name]
    assert all(problem.instruction and problem.tests for problem in benchmark.problems)


DEV_SETS = ("mbpp_dev", "mbpp_dev_apart")
TESTS = ("mbpp", "mbpp_plus", "mbpp_plus_0.1.0", "mbpp_sanitized", "mbpp_sanitized_test")


@pytest.mark.parametrize("dev", DEV_SETS)
@pytest.mark.parametrize("test", TESTS)
def test_what_is_said_of_overlaps_is_so(dev: str, test: str, shared: Path):
    ids = [{problem.task_id for problem in load(name, str(shared)).problems} for name in (dev, test)]
    assert overlap(dev, test) == bool(ids[0] & ids[1])


def test_releases_are_named_in_the_version(shared: Path):
    assert load("humaneval_plus", str(shared)).version == "v0.1.10 md5 fe585eb4df8c88d844eeb463ea4d0302"
    assert load("mbpp_plus", str(shared)).version.startswith("v0.2.0 md5 ")
    assert load("mbpp_plus_0.1.0", str(shared)).version == "v0.1.0 md5 ebe95df0d5220f00cedd6f4bddea35e4"


@pytest.mark.parametrize("name", ["humaneval", "humanevalfix-python", "humanevalsynthesize-python", "mbpp"])
def test_references_pass(name: str, shared: Path, pool: Pool):
    assert failing(name, shared, pool) == {}


@pytest.mark.parametrize("name", ["humaneval_plus", "mbpp_plus", "mbpp_plus_0.1.0", "mbpp_sanitized"])
def test_the_first_references_pass_the_stricter_tests(name: str, shared: Path, pool: Pool):
    assert failing(name, shared, pool, first=14) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["humaneval_plus", "mbpp_plus", "mbpp_plus_0.1.0", "mbpp_dev", "mbpp_sanitized"]
)
def test_references_pass_the_stricter_tests(name: str, shared: Path, pool: Pool):
    assert failing(name, shared, pool) == {}


FLAKY = {"Go/95": "its reference depends on the order in which Go walks a map, which Go draws at random"}


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["python", "js", "java", "cpp", "rust", "go"])
def test_references_of_every_language_pass_and_bugs_fail(lang: str, shared: Path, pool: Pool):
    assert failing(f"humanevalfix-{lang}", shared, pool).keys() <= FLAKY.keys()
    bugs = failing(f"humanevalfix-{lang}", shared, pool, "buggy")
    assert len(bugs.keys() | FLAKY.keys() if lang == "go" else bugs) == 164


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["python", "js", "java", "cpp", "go"])
def test_what_humanevalpack_took_from_humaneval_x_passes_there(
    lang: str, shared: Path, pool: Pool, tmp_path: Path
):
    """HumanEval-X is not at hand: HumanEvalPack's rows without what it added stand for it."""
    added = ("buggy_solution", "entry_point", "instruction", "docstring", "signature")
    given = rows(shared / "humanevalpack" / f"humanevalpack-{lang}.jsonl.gz")
    bare = [{key: value for key, value in row.items() if key not in added} for row in given]
    write_gz(tmp_path / "humanevalx" / f"humaneval_{lang}.jsonl.gz", bare)
    name = f"humanevalx-{lang}"
    assert failing(name, tmp_path, pool).keys() <= FLAKY.keys()
    tries = [
        Candidate(problem, problem.prompt + row["buggy_solution"])
        for problem, row in zip(load(name, str(tmp_path)).problems, given, strict=True)
    ]
    assert not any(one.base.passed for one in judge(tries, pool) if one.base.task_id not in FLAKY)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["python", "js", "java", "cpp", "rust", "go"])
def test_a_reply_that_quotes_the_reference_is_put_together_right(lang: str, shared: Path, pool: Pool):
    benchmark = load(f"humanevalsynthesize-{lang}", str(shared))
    if reason := refused(benchmark, pool):
        pytest.skip(reason)
    extract = EXTRACTIONS["fence_first"]
    tries = []
    for problem in benchmark.problems:
        body = problem.canonical[len(problem.prompt) :]
        for code in (problem.canonical, body):
            tries.append(Candidate(problem, extract(f"Like so:\n```{lang}\n{code}\n```\n", problem).program))
    wrong = [one.base.task_id for one in judge(tries, pool) if not one.base.passed]
    assert set(wrong) <= FLAKY.keys()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def attempts(file: str, benchmark: str, shared: Path, **settings: Any) -> dict[str, Attempt]:
    target = shared / "generations" / file
    score = evaluate(str(target), [benchmark], Settings(data=str(shared), **settings)).scores[0]
    return {attempt.task_id: attempt for attempt in score.attempts}


def test_wizardcoder_15b_scores_its_published_59_8_with_the_recorded_verdicts(shared: Path):
    file = "wizardcoder15b_humaneval.jsonl.gz"
    found = attempts(file, "humaneval", shared)
    assert sum(a.passed for a in found.values()) == 98
    recorded = {row["task_id"]: row["passed"] for row in rows(shared / "generations" / file)}
    assert {task: a.passed for task, a in found.items()} == recorded


EXTRACTED = {
    "fence_first": 98,
    "wizardcoder": 98,
    "evalplus": 94,
    "livecodebench": 84,
    "human_eval": 0,
    "lm_eval": 0,
}


@pytest.mark.parametrize("extraction", EXTRACTED)
def test_one_set_of_replies_scores_by_how_the_program_is_found(extraction: str, shared: Path, tmp_path: Path):
    """From nothing to the published 59.8 of WizardCoder-15B; evalplus's own loses 2.4 points."""
    raw = rows(shared / "generations" / "wizardcoder15b_humaneval.jsonl.gz")
    replies = [
        {"task_id": row["task_id"], "raw": row["all_code"].partition("### Response:")[2]} for row in raw
    ]
    path = tmp_path / "raw.jsonl"
    path.write_text("\n".join(map(json.dumps, replies)))
    score = evaluate(str(path), ["humaneval"], Settings(data=str(shared), extraction=extraction)).scores[0]
    assert sum(a.passed for a in score.attempts) == EXTRACTED[extraction]


def test_gpt_3_5_scores_its_121(shared: Path):
    file = "ldb_humaneval_gpt-3.5-turbo-0613.jsonl.gz"
    found = attempts(file, "humaneval", shared)
    recorded = {row["task_id"]: row["is_solved"] for row in rows(shared / "generations" / file)}
    assert {task: a.passed for task, a in found.items()} == recorded
    assert sum(recorded.values()) == 121


WAVECODER = {
    "humaneval": ("humaneval_plus", {
        "HumanEval/21": "recorded by another evaluator on the same data; evalplus passes it today",
    }),
    "mbpp": ("mbpp_plus_0.1.0_exact", {
        "Mbpp/160": "right but slow: the recorded failure is a limit of 0.2 s of wall-clock time",
        "Mbpp/249": "the same set in another order: recorded with the reference run under another hash seed",
        "Mbpp/579": "the same set in another order: recorded with the reference run under another hash seed",
    }),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("which", WAVECODER)
def test_wavecoder_ultra_gets_the_statuses_that_evalplus_recorded(which: str, shared: Path):
    benchmark, differing = WAVECODER[which]
    stem = f"evalplus-wavecoder-ultra-{which}"
    path = shared / "generations" / f"{stem}_eval_results.json.gz"
    recorded = json.loads(gzip.decompress(path.read_bytes()))["eval"]
    found = evaluate(
        str(shared / "generations" / f"{stem}.jsonl.gz"), [benchmark], Settings(data=str(shared))
    )
    told = {row["task_id"]: (row["base_passed"], row["passed"]) for row in found.brief()["per_sample"]}
    wanted = {
        task: ((base := some[0]["base_status"] == "pass"), base and some[0]["plus_status"] == "pass")
        for task, some in recorded.items()
    }
    assert {task for task in wanted if told[task] != wanted[task]} == differing.keys()
    assert all(told[task][0] == wanted[task][0] for task in wanted)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["js", "java"])
def test_programs_of_other_languages_get_their_recorded_results(lang: str, shared: Path, pool: Pool):
    if reason := refused(load(f"multipl_e-{lang}", str(shared)), pool):
        pytest.skip(reason)
    file = f"qwen2.5coder_7b_base_multipl-e_{lang}.json.gz"
    found = attempts(file, f"multipl_e-{lang}", shared)
    whole = json.loads(gzip.decompress((shared / "generations" / file).read_bytes()))
    recorded = {task: some[0][1]["passed"] for task, some in whole.items()}
    assert {task: a.passed for task, a in found.items()} == recorded
