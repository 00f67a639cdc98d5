"""What is asked, what is run, and what a score says of itself."""

import json
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmark_world import ALMOST, PROMPTS, RIGHT, data_folder
from llm_world import served
from pydantic import ValidationError
from training_world import TINY

from mock_server import Asked, Mock, Reply, failure
from tunesmith.benchmarks import load
from tunesmith.benchmarks.differential import prepared, unaided
from tunesmith.benchmarks.problem import Benchmark, Problem
from tunesmith.errors import SetupError, UserError
from tunesmith.evaluation import pass_at_k
from tunesmith.evaluation.pass_at_k import PassAtK
from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.llm.store import AnswerStore
from tunesmith.results import Outcome, Program
from tunesmith.sandbox import Pool, open_sandbox
from tunesmith.sandbox.pool import LARGEST
from tunesmith.scoring.failure_classes import failure_class
from tunesmith.scoring.score import Candidate, judge, refused, scores
from tunesmith.step import Context


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_sandbox(2) as opened:
        yield opened


class Lent:
    """Lends the tests' one sandbox."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def sandbox(self) -> Pool:
        return self.pool

    def embedder(self, name: str) -> Any:
        raise AssertionError("evaluation embeds nothing")


def context(pool: Pool, model: Any, **fields: Any) -> Context:
    return Context("scores", seed=3, model=model, resources=Lent(pool), **fields)


def fenced(name: str, body: str) -> str:
    return f"Here you are:\n```python\n{PROMPTS[name]}{body}```\n"


def replies(bodies: dict[str, str]):
    """A server that answers each problem with a body of its own."""

    def behave(asked: Asked) -> Reply:
        name = next(name for name in bodies if f"def {name}(" in asked.prompt)
        return Reply(text=fenced(name, bodies[name]))

    return behave


def test_an_endpoint_is_asked_once_a_problem_and_scored_by_running(tmp_path: Path, pool: Pool):
    step = PassAtK(benchmarks=("humaneval",), data=str(data_folder(tmp_path)))
    with Mock(replies(RIGHT | {"evens": ALMOST["double"]})) as server:
        (score,) = step.score(context(pool, served(server.url)))
        assert len(server.asked) == 3
    assert (score.benchmark, score.n, score.k, score.value) == ("humaneval", 1, 1, pytest.approx(2 / 3))
    assert [a.failure for a in score.attempts] == ["", "name", ""]
    assert score.low < score.value < score.high
    failing = score.attempts[1]
    assert failing.raw.startswith("Here you are")
    assert failing.program.endswith(ALMOST["double"])
    assert "def evens" in failing.prompt


def test_a_score_carries_its_protocol(tmp_path: Path, pool: Pool):
    step = PassAtK(benchmarks=("humaneval",), data=str(data_folder(tmp_path)), max_tokens=99)
    with Mock(replies(RIGHT)) as server:
        (score,) = step.score(context(pool, served(server.url)))
    said = score.protocol
    assert (said["template"], said["engine"], said["shots"]) == ("the server's own", "openai", 0)
    assert (said["temperature"], said["top_p"], said["max_tokens"]) == (0.0, 1.0, 99)
    assert (said["extraction"], said["isolation"], said["problems"]) == ("fence_first", pool.isolation, 3)
    assert said["toolchain"] == f"python {platform.python_version()}"
    assert said["data"] == load("humaneval", str(tmp_path)).version
    assert said["data"].startswith("md5 ")


def test_n_samples_are_different_draws_and_give_every_k(tmp_path: Path, pool: Pool):
    def sometimes(asked: Asked) -> Reply:
        name = next(name for name in RIGHT if f"def {name}(" in asked.prompt)
        return Reply(text=fenced(name, RIGHT[name] if asked.number % 2 else "    return None\n"))

    step = PassAtK(benchmarks=("humaneval",), data=str(data_folder(tmp_path)), n=6, k=(1, 2), temperature=0.8)
    with Mock(sometimes) as server:
        first, second = step.score(context(pool, served(server.url, in_flight=1)))
        assert len(server.asked) == 18
    assert (first.n, first.k, second.k) == (6, 1, 2)
    assert first.value == pytest.approx(0.5, abs=0.12)
    assert second.value > first.value
    assert [a.draw for a in first.attempts] == [0, 1, 2, 3, 4, 5] * 3


def test_answers_are_kept_so_that_a_second_score_asks_nothing(tmp_path: Path, pool: Pool):
    step = PassAtK(benchmarks=("humaneval",), data=str(data_folder(tmp_path)))
    with Mock(replies(RIGHT)) as server:
        model = served(server.url)
        for _ in range(2):
            store = AnswerStore(tmp_path / "answers.sqlite")
            ctx = context(pool, model, client=lambda store=store: Client(model, store, Costs(), "scores"))
            assert step.score(ctx)[0].value == 1.0
            store.close()
        assert len(server.asked) == 3


def test_a_refused_question_is_a_failed_attempt_that_says_so(tmp_path: Path, pool: Pool):
    def behave(asked: Asked) -> Reply:
        return (
            Reply(422, body=b'{"error": {"message": "no"}}')
            if "evens" in asked.prompt
            else replies(RIGHT)(asked)
        )

    step = PassAtK(benchmarks=("humaneval",), data=str(data_folder(tmp_path)))
    with Mock(behave) as server:
        (score,) = step.score(context(pool, served(server.url)))
    assert [a.failure for a in score.attempts] == ["", "no reply", ""]
    assert len(score.attempts) == 3


def test_a_model_whose_weights_we_hold_is_asked_in_batches_under_its_template(pool: Pool):
    (score,) = PassAtK(benchmarks=("starter",), limit=3, max_tokens=8).score(context(pool, TINY))
    assert score.value == 0.0
    assert score.protocol["template"] == "starter"
    assert score.protocol["engine"].startswith("transformers ")
    assert all(a.prompt.startswith("<|user|>") for a in score.attempts)


def test_a_reply_is_no_longer_than_the_model_says_unless_the_step_does(pool: Pool):
    short = TINY.model_copy(update={"max_tokens": 3})
    (score,) = PassAtK(benchmarks=("starter",), limit=2).score(context(pool, short))
    assert score.protocol["max_tokens"] == 3
    _, tokenizer = short.load()
    assert all(len(tokenizer(a.raw)["input_ids"]) <= 2 * 3 for a in score.attempts)


def test_a_base_model_continues_the_bare_prompt(tmp_path: Path, pool: Pool):
    step = PassAtK(
        benchmarks=("humaneval",),
        data=str(data_folder(tmp_path)),
        prompting="complete",
        max_tokens=4,
        limit=1,
    )
    (score,) = step.score(context(pool, TINY))
    assert score.attempts[0].prompt == PROMPTS["double"]
    assert score.protocol["template"] == "raw"


def test_examples_are_shown_as_turns_before_the_question(tmp_path: Path, pool: Pool):
    rows = [
        {
            "task_id": n,
            "text": f"Task {n}.",
            "code": f"def f{n}(): return {n}",
            "test_list": [f"assert f{n}() == {n}"],
        }
        for n in (2, 3, 11)
    ]
    (tmp_path / "mbpp.jsonl").write_text("\n".join(map(json.dumps, rows)))
    asked = []

    def behave(one: Asked) -> Reply:
        asked.append([turn["content"] for turn in one.json["messages"]])
        return Reply(text="```python\ndef f11(): return 11\n```")

    with Mock(behave) as server:
        model = served(server.url)
        (score,) = PassAtK(benchmarks=("mbpp",), data=str(tmp_path), shots=2).score(context(pool, model))
        with pytest.raises(UserError, match="3 are asked for, but mbpp has 2 examples"):
            PassAtK(benchmarks=("mbpp",), data=str(tmp_path), shots=3).score(context(pool, model))
    assert (score.value, score.protocol["shots"]) == (1.0, 2)
    assert [turn.split(".")[0] for turn in asked[0][::2]] == ["Task 2", "Task 3", "Task 11"]
    assert asked[0][1] == "```python\ndef f2(): return 2\n```"


def test_random_problems_follow_from_the_seed():
    problems = [Problem(f"t/{i}", "", "") for i in range(50)]
    step = PassAtK(limit=5, choose="random")
    chosen = [p.task_id for p in step._chosen(problems, Context("a", seed=1))]
    assert chosen == [p.task_id for p in step._chosen(problems, Context("b", seed=1))]
    assert chosen != [p.task_id for p in step._chosen(problems, Context("a", seed=2))]
    assert chosen == sorted(chosen, key=lambda name: int(name[2:]))


def test_an_explanation_is_asked_first_and_answered_from(monkeypatch, pool: Pool):
    problem = Problem(
        "Python/0", "Write it: {description}", "assert double(2) == 4", PROMPTS["double"], "double",
        describe="Describe def double(x)", describe_chars=9,
    )  # fmt: skip
    monkeypatch.setattr(pass_at_k, "load", lambda name, data: Benchmark(name, "1", (problem,)))

    def behave(asked: Asked) -> Reply:
        if asked.prompt.startswith("Describe"):
            return Reply(text="  It doubles, and then some more  ")
        return Reply(text=fenced("double", RIGHT["double"]))

    step = PassAtK(benchmarks=("humanevalexplain-python",))
    with Mock(behave) as server:
        (score,) = step.score(context(pool, served(server.url)))
    assert score.attempts[0].prompt == "Write it: It double"
    assert score.value == 1.0
    with Mock(lambda asked: failure(422, "no")) as server:
        (score,) = step.score(context(pool, served(server.url)))
        assert len(server.asked) == 1  # what was not described cannot be answered
    assert [a.failure for a in score.attempts] == ["no reply"]


def test_stricter_tests_give_a_second_score_that_is_never_higher(tmp_path: Path, pool: Pool):
    benchmark = load("humaneval_plus", str(data_folder(tmp_path)))
    problems = prepared(benchmark, benchmark.problems, pool)
    tries = [Candidate(p, p.prompt + ALMOST[p.entry_point]) for p in problems]
    whole, base = scores("humaneval_plus", judge(tries, pool), [1], {})
    assert (whole.benchmark, base.benchmark) == ("humaneval_plus", "humaneval_plus.base")
    assert [a.passed for a in base.attempts] == [True, True, True]
    assert [a.passed for a in whole.attempts] == [False, False, True]


def test_known_answers_of_the_reference_never_change_a_verdict(tmp_path: Path, pool: Pool):
    benchmark = load("humaneval_plus", str(data_folder(tmp_path)))
    ready = prepared(benchmark, benchmark.problems, pool)
    beside = [unaided(p) for p in benchmark.problems]
    assert all("known=''" in p.plus_tests for p in beside)
    assert not any("known=''" in p.plus_tests for p in ready)
    for bodies in (RIGHT, ALMOST):
        verdicts = [
            [
                j.plus.passed
                for j in judge([Candidate(p, p.prompt + bodies[p.entry_point]) for p in some], pool)
            ]
            for some in (beside, ready)
        ]
        assert verdicts[0] == verdicts[1]


class Counted:
    """A sandbox that notes what it is given."""

    def __init__(self, pool: Pool) -> None:
        self.isolation, self._pool = pool.isolation, pool
        self.run = pool.run
        self.given: list[Program] = []

    def as_completed(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]:
        return self._pool.as_completed(self._noted(programs))

    def _noted(self, programs: Iterable[Program]) -> Iterator[Program]:
        for program in programs:
            self.given.append(program)
            yield program


def test_a_program_that_several_tries_share_is_run_once_and_counted_for_each(pool: Pool):
    tests = "def check(candidate):\n    assert candidate(3) == 4\n"
    strict = "def check(candidate):\n    assert candidate(9) == 10\n"
    both, base_only, neither = (f"def f(x):\n    return {ends}\n" for ends in ("x + 1", "4", "x"))
    problems = [Problem(f"t/{n}", "", tests, entry_point="f", plus_tests=strict) for n in range(2)]
    order = [both, base_only, neither, both, both, neither]
    tries = [Candidate(problem, program, draw) for problem in problems for draw, program in enumerate(order)]
    counted = Counted(pool)
    judged = judge(tries, counted)
    assert [one.base.passed for one in judged] == [True, True, False, True, True, False] * 2
    assert [one.plus and one.plus.passed for one in judged] == [True, False, False, True, True, False] * 2
    assert [one.base.draw for one in judged] == [*range(6)] * 2
    assert len(counted.given) == 2 * (3 + 2)  # three texts a problem, two of which the stricter tests see


def test_a_function_under_test_may_itself_be_called_check(pool: Pool):
    tests = "def check(candidate):\n    assert candidate(3) == 4\n"
    problem = Problem("Mbpp/56", "", tests, entry_point="check")
    right, wrong = "def check(n):\n    return n + 1\n", "def check(n):\n    return n\n"
    assert [j.base.passed for j in judge([Candidate(problem, right), Candidate(problem, wrong)], pool)] == [
        True,
        False,
    ]


FAILURES = {
    "def f(x):\n    return x + 1\n": "",
    "def f(x):\n    return x\n": "wrong answer",
    "def f(x)\n    return x\n": "syntax",
    "def g(x):\n    return x\n": "name",
    "def f(x):\n    return x + ''\n": "type",
    "def f(x):\n    return int('x')\n": "value",
    "def f(x):\n    return [][x]\n": "lookup",
    "import nothing_of_this_name\n": "import",
    "def f(x):\n    return f(x)\n": "recursion",
    "def f(x):\n    while True: pass\n": "timeout",
    "def f(x):\n    return bytearray(1 << 40)\n": "memory",
    "": "no code",
    f"def f(x):\n    return x + 1\n#{'x' * LARGEST}": "memory",
}


def test_every_failure_gets_the_class_of_what_went_wrong(pool: Pool):
    problem = Problem("t/0", "", "assert f(1) == 2", entry_point="f", cpu_seconds=0.5)
    judged = judge([Candidate(problem, program) for program in FAILURES], pool)
    assert {program: j.base.failure for program, j in zip(FAILURES, judged, strict=True)} == FAILURES


def test_a_reply_that_was_cut_off_is_told_from_one_that_was_wrong(pool: Pool):
    problem = Problem("t/0", "", "assert f(1) == 2", entry_point="f")
    cut = Candidate(problem, "def f(x):\n    return (x +", finish_reason="length")
    assert judge([cut], pool)[0].base.failure == "cut off"
    assert (
        failure_class(Outcome("failed", failure="AssertionError"), finish_reason="length") == "wrong answer"
    )


def test_what_was_not_run_is_not_counted_as_failed(pool: Pool):
    python = Problem("t/0", "", "assert f(1) == 2", entry_point="f")
    other = Problem("t/1", "", "", language="klingon")
    judged = judge([Candidate(python, "def f(x): return 2"), Candidate(other, "Qapla'")], pool)
    (score,) = scores("both", judged, [1], {})
    assert (score.value, score.protocol["problems"], score.protocol["refused"]) == (1.0, 1, 1)
    with pytest.raises(SetupError, match="could run no program"):
        scores("other", judged[1:], [1], {})


def test_a_toolchain_that_does_not_work_is_a_reason_and_no_crash(monkeypatch, pool: Pool):
    def broken(name: str) -> None:
        raise SetupError("sandbox", f"{name} does not start")

    monkeypatch.setattr("tunesmith.sandbox.languages.toolchain", lambda name: object())
    monkeypatch.setattr("tunesmith.sandbox.languages.prepared", broken)
    java = Benchmark("b", "1", (Problem("t/0", "", "", language="java"),))
    assert refused(java, pool) == "java does not start"
    python = Problem("t/1", "", "assert f(1) == 2", entry_point="f")
    assert judge([Candidate(python, "def f(x): return 2")], pool)[0].base.passed


def test_a_language_without_toolchain_is_an_error_before_anything_is_asked(monkeypatch, pool: Pool):
    problem = Problem("t/1", "Say it", "", language="klingon")
    monkeypatch.setattr(pass_at_k, "load", lambda name, data: Benchmark(name, "1", (problem,)))
    with Mock(replies({})) as server:
        with pytest.raises(SetupError, match="cannot be run here"):
            PassAtK(benchmarks=("multipl_e-js",)).score(context(pool, served(server.url)))
        assert PassAtK(benchmarks=("multipl_e",)).score(context(pool, served(server.url))) == []
        assert not server.asked


WRONG = {
    "k must lie in 1..n": {"k": (5,)},
    "n times the same": {"n": 3},
    "did you mean 'humaneval'": {"benchmarks": ("humanevl",)},
    "must be one of fence_first": {"extraction": "fence"},
    "must hold {instruction}": {"frame": "Write code"},
}


@pytest.mark.parametrize("said", WRONG)
def test_settings_that_make_no_sense_are_refused_with_the_reason(said: str):
    with pytest.raises(ValidationError, match=said.replace("{", r"\{")):
        PassAtK(**WRONG[said])


def test_missing_data_is_known_before_anything_runs(tmp_path: Path):
    step = PassAtK(benchmarks=("humaneval",), data=str(tmp_path))
    with pytest.raises(UserError, match=r"holds no humaneval/HumanEval.jsonl.gz"):
        step.outside(Context("scores"))
