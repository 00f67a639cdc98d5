"""Samples files of every shape, ``tunesmith eval`` over them, and what it writes."""

import gzip
import json
import zipfile
from pathlib import Path

import orjson
import pytest
from benchmark_world import ALMOST, PROMPTS, RIGHT, data_folder, humaneval_rows, samples, write_gz
from training_world import TINY

from mock_server import Asked, Behaviour, Mock, Reply, failure
from tunesmith.benchmarks.problem import Problem
from tunesmith.cli import main
from tunesmith.cli.show_eval import warned
from tunesmith.errors import DataError, UserError
from tunesmith.eval.evaluate import Settings, against, evaluate
from tunesmith.eval.from_model import model_of
from tunesmith.eval.samples import is_samples, read_samples, tries
from tunesmith.llm.template import TEMPLATES
from tunesmith.models.openai import OpenAI


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_folder(tmp_path / "data")


def settings(data: Path, **more: object) -> Settings:
    return Settings(data=str(data), workers=1, **more)


def whole(name: str, bodies: dict[str, str]) -> str:
    return PROMPTS[name] + bodies[name]


def multiple(bodies: dict[str, str]) -> dict[str, list]:
    rows = {row["entry_point"]: row for row in humaneval_rows()}
    return {
        rows[name]["task_id"]: [
            [0, {"task_id": rows[name]["task_id"], "code": PROMPTS[name] + body + rows[name]["test"]}]
        ]
        for name, body in bodies.items()
    }


def shapes(folder: Path) -> dict[str, Path]:
    """The same three right programs in every shape that is read."""
    programs = {name: whole(name, RIGHT) for name in RIGHT}
    rows = [{"task_id": f"HumanEval/{n}", "solution": p} for n, p in enumerate(programs.values())]
    listed, mapped = folder / "listed.json", folder / "mapped.json.gz"
    listed.write_text(json.dumps(rows))
    mapped.write_bytes(gzip.compress(json.dumps(multiple(RIGHT)).encode()))
    for number, program in enumerate(programs.values()):
        (folder / "evalplus" / f"HumanEval_{number}").mkdir(parents=True)
        (folder / "evalplus" / f"HumanEval_{number}" / "0.py").write_text(program)
        official = {
            "name": f"HumanEval/{number}",
            "prompt": "",
            "tests": "",
            "completions": [list(RIGHT.values())[number]],
        }
        write_gz(folder / "official" / f"{number}.json.gz", [official])
    return {
        "human-eval": samples(folder / "completions.jsonl", "completion", RIGHT),
        "evalplus": samples(folder / "solutions.jsonl", "solution", programs),
        "a JSON list": listed,
        "a folder of programs": folder / "evalplus",
        "MultiPL-E, one file a problem": folder / "official",
        "MultiPL-E, whole programs": mapped,
        "raw replies": samples(
            folder / "raw.jsonl", "raw", {n: f"```python\n{p}```" for n, p in programs.items()}
        ),
        "packed": write_gz(folder / "packed.jsonl.gz", rows),
        **wrappings(folder, rows, programs),
    }


def wrappings(folder: Path, rows: list[dict], programs: dict[str, str]) -> dict[str, Path]:
    """The same programs as files come from elsewhere."""
    lines = "".join(json.dumps(row) + "\r\n" for row in rows).encode()
    by_task = {row["task_id"]: row["solution"] for row in rows}
    lists = [{"task_id": task, "completion": [program]} for task, program in by_task.items()]
    contents = {
        "marked.jsonl": b"\xef\xbb\xbf" + lines,
        "packed under a bare name.jsonl": gzip.compress(lines),
        "bare under a packed name.jsonl.gz": lines,
        "of no known suffix.samples": lines,
        "by task.json": json.dumps(by_task).encode(),
        "several by task.json": json.dumps({task: [program] for task, program in by_task.items()}).encode(),
        "evalplus_results.json": json.dumps(
            {"date": "2024-05-08", "hash": "0", "eval": {row["task_id"]: [row] for row in rows}}
        ).encode(),
        "lists.json": json.dumps(lists).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "zipped.zip", "w") as packed:
        packed.writestr("inner/samples.jsonl", lines)
    return {name: folder / name for name in [*contents, "zipped.zip"]}


def test_every_shape_of_the_same_programs_gives_the_same_score(tmp_path: Path, data: Path):
    for name, path in shapes(tmp_path).items():
        assert is_samples(path), name
        evaluation = evaluate(str(path), ["humaneval"], settings(data))
        assert [a.passed for a in evaluation.scores[0].attempts] == [True] * 3, name


def test_a_damaged_archive_is_named(tmp_path: Path):
    for start in (b"PK\x03\x04", b"\x1f\x8b"):
        (tmp_path / "s.jsonl").write_bytes(start + b"torn")
        with pytest.raises(DataError, match=r"s\.jsonl: cannot be unpacked"):
            read_samples(tmp_path / "s.jsonl")


ENDS = {
    "the benchmark's tests": ("}\nint main() {\n  assert(f(1) == 2);\n}\n", {}),
    "another release's tests": ("}\nint  main( ) {\n  assert(f(1)==2); // so\n}\n", {}),
    "tests that the row names": ("}\nint run() { return 0; }\n", {"tests": "}\nint run() { return 0; }"}),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_whole_program_loses_the_tests_at_its_end(tmp_path: Path, end: str):
    own, more = ENDS[end]
    problem = Problem(
        "HumanEval_0_f", "", prompt="long f(long x) {\n", tests="}\nint main() {\n  assert(f(1) == 2);\n}\n",
        entry_point="f", language="cpp",
    )  # fmt: skip
    program = "long f(long x) {\n  return x + 1;\n"
    row = {"name": "HumanEval_0_f", "results": [{"program": program + own}], **more}
    (tmp_path / "s.json").write_text(json.dumps(row))
    (tried,) = tries(read_samples(tmp_path / "s.json"), {0: problem})
    assert tried.program.strip() == program.strip()


def test_samples_stay_in_the_order_of_their_file(tmp_path: Path, data: Path):
    path = samples(tmp_path / "s.jsonl", "completion", dict(reversed(RIGHT.items())))
    rows = evaluate(str(path), ["humaneval"], settings(data)).brief()["per_sample"]
    assert [row["task_id"] for row in rows] == ["HumanEval/2", "HumanEval/1", "HumanEval/0"]


def test_several_samples_of_a_problem_are_draws_of_it(tmp_path: Path, data: Path):
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT, repeat=4)
    with path.open("a") as file:
        file.write(json.dumps({"task_id": "HumanEval/0", "completion": "    return x\n"}) + "\n")
    one, two = evaluate(str(path), ["humaneval"], settings(data, k=(1, 2))).scores
    assert one.value == pytest.approx((0.8 + 1 + 1) / 3)
    assert two.value == 1.0
    assert one.attempts[-1].draw == 4


@pytest.mark.parametrize("task_id", ["HumanEval/1", "HUMANEVAL/1", "1", 1, "humaneval_1"])
def test_a_problem_is_known_by_its_number_however_it_is_written(tmp_path: Path, data: Path, task_id):
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({"task_id": task_id, "completion": RIGHT["evens"]}))
    assert evaluate(str(path), ["humaneval"], settings(data)).scores[0].value == 1.0


WRONG_FILES = {
    '{"task_id": "Mbpp/1", "completion": "x"}': "'Mbpp/1' is no problem of humaneval",
    '{"task_id": "HumanEval/0", "completion": "x"}\n{oops}': "s.jsonl:2: is not JSON",
    '{"completion": "x"}': "s.jsonl: entry 1: has no task_id, only completion",
    '{"task_id": "HumanEval/0"}\n{"task_id": "x"}': "s.jsonl:1: sample of HumanEval/0 holds no program",
    '{"task_id": "HumanEval/0", "answer": "x"}': "s.jsonl: entry 1: sample of HumanEval/0 holds no program",
    '{"name": "HumanEval/0", "completions": [null, 5]}': "completions of HumanEval/0 hold None, which",
    '{"task_id": "HumanEval/0", "completion": "x", "p": NaN}\n{oops}': "s.jsonl:2: is not JSON",
    "".join(f'{{"task_id": "HumanEval/{n}", "completion": "x"}}\n' for n in (0, 1, 901, 902)): (
        "s.jsonl:3: 'HumanEval/901', 'HumanEval/902' are no problems of humaneval"
    ),
    "[1, 2]": "s.jsonl: entry 1: is a int",
    "": "holds no samples",
}


def test_numbers_that_json_does_not_know_are_read_as_python_writes_them(tmp_path: Path):
    row = {"task_id": "HumanEval/0", "completion": "x", "mean": float("nan"), "most": float("inf")}
    for rows in (1, 2):
        (tmp_path / "s.jsonl").write_text(f"{json.dumps(row)}\n" * rows)
        assert [sample.text for sample in read_samples(tmp_path / "s.jsonl")] == ["x"] * rows


def test_a_program_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / "HumanEval_7").mkdir()
    (tmp_path / "HumanEval_7" / "0.py").write_bytes(b"x = '\xe9'\n")
    with pytest.raises(DataError, match=r"HumanEval_7/0\.py: is not UTF-8"):
        read_samples(tmp_path)


PROMPT_AND_SOLUTION = {
    "prose that begins like an import": (
        "Take care to\nimport what you need, and\nfrom math import tau\n",
        "",
    ),
    "an import over two lines": ("from math import (\n    tau,\n)\ndef f():\n    pass\n", ""),
    "a solution with an import that must be first": (
        "from math import tau\n",
        '"""Doc."""\nfrom __future__ import annotations\n',
    ),
    "both with imports that must be first": (
        "from __future__ import annotations\nfrom math import tau\n",
        "from __future__ import division\n",
    ),
}


@pytest.mark.parametrize("kind", PROMPT_AND_SOLUTION)
def test_a_prompts_imports_stand_where_they_help_its_solution(tmp_path: Path, kind: str):
    prompt, head = PROMPT_AND_SOLUTION[kind]
    row = {"task_id": "t/0", "prompt": prompt, "solution": f"{head}def f():\n    return tau\n"}
    (tmp_path / "s.jsonl").write_text(json.dumps(row))
    (tried,) = tries(read_samples(tmp_path / "s.jsonl"), {0: Problem("t/0", "", "", entry_point="f")})
    found: dict = {}
    exec(compile(tried.program, "s", "exec"), found)
    assert found["f"]() > 6


def test_an_empty_completion_holds_no_code(tmp_path: Path, data: Path):
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT | {"evens": "\n"})
    for how in (None, "human_eval"):
        (score,) = evaluate(str(path), ["humaneval"], settings(data, extraction=how)).scores
        assert [attempt.failure for attempt in score.attempts] == ["", "no code", ""]


def test_a_few_samples_of_problems_that_a_release_dropped_are_left_out_and_told(
    tmp_path: Path, data: Path, capsys
):
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT)
    with path.open("a") as file:
        file.write(json.dumps({"task_id": "HumanEval/900", "completion": "    return 1\n"}))
    code, out, err = run(capsys, path, "--on", "humaneval", "--data", data, "--json")
    assert code == 0
    assert len(json.loads(out)["per_sample"]) == 3
    assert "left out: 1 of 4 samples" in err
    assert "HumanEval/900" in err


def test_replies_given_as_programs_are_pointed_out(tmp_path: Path, data: Path, capsys):
    fenced = {name: f"So:\n```python\n{whole(name, RIGHT)}```" for name in RIGHT}
    path = samples(tmp_path / "s.jsonl", "completion", fenced)
    _, _, err = run(capsys, path, "--on", "humaneval", "--data", data, "--json")
    assert "3 samples hold a code fence" in err
    _, _, err = run(
        capsys, path, "--on", "humaneval", "--data", data, "--json", "--extraction", "fence_first"
    )
    assert "fence" not in err


def test_a_benchmark_without_its_toolchain_costs_the_others_nothing(
    tmp_path: Path, data: Path, capsys, monkeypatch
):
    own = {
        "task_id": "Java/0",
        "prompt": "class A {\n  int f() {\n",
        "declaration": "class A {\n  int f() {\n",
    }
    rest = dict.fromkeys(("canonical_solution", "buggy_solution", "test", "instruction", "docstring"), "")
    write_gz(data / "humanevalpack-java.jsonl.gz", [{**own, **rest, "entry_point": "f"}])
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT)
    with path.open("a") as file:
        file.write(json.dumps({"task_id": "Java/0", "completion": "return 1; } }"}))
    monkeypatch.setattr("tunesmith.sandbox.languages.toolchain", lambda name: None)
    code, out, err = run(capsys, path, "--on", "humanevalsynthesize-java,humaneval", "--data", data, "--json")
    assert [score["benchmark"] for score in json.loads(out)["scores"]] == ["humaneval"]
    assert "left out: humanevalsynthesize-java" in err
    assert "none of the samples belongs" not in err
    assert code == 0
    path.write_text(json.dumps({"task_id": "Java/0", "completion": "return 1; } }"}))
    code, _, err = run(capsys, path, "--on", "humanevalsynthesize-java", "--data", data)
    assert code == 2
    assert "no toolchain: java (" in err


@pytest.mark.parametrize("content", WRONG_FILES)
def test_a_samples_file_with_a_mistake_says_where_it_is(tmp_path: Path, data: Path, content: str):
    path = tmp_path / "s.jsonl"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        evaluate(str(path), ["humaneval"], settings(data))
    assert WRONG_FILES[content] in str(caught.value)


def test_one_file_can_be_scored_on_several_benchmarks(tmp_path: Path, data: Path):
    path = samples(tmp_path / "s.jsonl", "solution", {name: whole(name, ALMOST) for name in ALMOST})
    evaluation = evaluate(str(path), ["humaneval", "humaneval_plus"], settings(data))
    values = {score.benchmark: round(score.value, 3) for score in evaluation.scores}
    assert values == {"humaneval": 1.0, "humaneval_plus": 0.333, "humaneval_plus.base": 1.0}
    rows = evaluation.brief()["per_sample"]
    assert [row["benchmark"] for row in rows] == ["humaneval", "humaneval_plus"] * 3
    assert [row["task_id"] for row in rows] == [f"HumanEval/{n}" for n in (0, 0, 1, 1, 2, 2)]
    assert [row["base_passed"] for row in rows[1::2]] == [True] * 3
    assert [row["task_id"] for row in evaluation.whole()["per_sample"]] == [row["task_id"] for row in rows]


def test_the_extraction_changes_what_a_file_scores(tmp_path: Path, data: Path):
    fenced = {name: f"So:\n```python\n{whole(name, RIGHT)}```" for name in RIGHT}
    path = samples(tmp_path / "s.jsonl", "completion", fenced)
    assert evaluate(str(path), ["humaneval"], settings(data)).scores[0].value == 0.0
    found = evaluate(str(path), ["humaneval"], settings(data, extraction="fence_first")).scores[0]
    assert (found.value, found.protocol["extraction"]) == (1.0, "fence_first")


@pytest.mark.parametrize("shape", ["human-eval", "evalplus"])
def test_exported_samples_score_the_same_when_read_again(tmp_path: Path, data: Path, shape):
    mixed = {"double": RIGHT["double"], "evens": "    return None\n", "half": "return x / 2"}
    path = samples(tmp_path / "s.jsonl", "raw", {n: f"```python\n{b}```" for n, b in mixed.items()})
    first = evaluate(str(path), ["humaneval"], settings(data))
    again = tmp_path / "again.jsonl"
    again.write_bytes(first.export(shape))
    second = evaluate(str(again), ["humaneval"], settings(data))
    assert (
        [a.passed for a in second.scores[0].attempts]
        == [a.passed for a in first.scores[0].attempts]
        == [True, False, True]
    )


def test_results_are_exported_as_evalplus_and_human_eval_write_them(tmp_path: Path, data: Path):
    path = samples(tmp_path / "s.jsonl", "solution", {name: whole(name, ALMOST) for name in ALMOST})
    evaluation = evaluate(str(path), ["humaneval_plus"], settings(data))
    plus = orjson.loads(evaluation.export("evalplus-results"))
    statuses = {task: (r[0]["base_status"], r[0]["plus_status"]) for task, r in plus["eval"].items()}
    assert statuses == {
        "HumanEval/0": ("pass", "fail"), "HumanEval/1": ("pass", "fail"), "HumanEval/2": ("pass", "pass"),
    }  # fmt: skip
    assert len(plus["hash"]) == 32
    rows = [orjson.loads(line) for line in evaluation.export("human-eval-results").splitlines()]
    assert [(row["passed"], row["result"]) for row in rows] == [
        (False, "failed: wrong answer"), (False, "failed: wrong answer"), (True, "passed"),
    ]  # fmt: skip


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["eval", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_eval_prints_one_json_object_with_scores_and_every_sample(tmp_path: Path, data: Path, capsys):
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT)
    code, out, _ = run(capsys, path, "--on", "humaneval", "--data", data, "--json")
    said = json.loads(out)
    assert code == 0
    (score,) = said["scores"]
    assert {"benchmark", "protocol", "n", "k", "value", "low", "high"} <= score.keys()
    assert (score["benchmark"], score["n"], score["k"], score["value"]) == ("humaneval", 1, 1, 1.0)
    assert [(row["task_id"], row["passed"], row["status"]) for row in said["per_sample"]] == [
        (f"HumanEval/{n}", True, "passed") for n in range(3)
    ]


def test_eval_prints_a_table_with_interval_and_failures_and_warns_of_missing_problems(
    tmp_path: Path, data: Path, capsys
):
    path = samples(tmp_path / "s.jsonl", "completion", {"double": "    return x\n"})
    (data / "mbpp.jsonl").write_text('{"task_id": 11, "code": "", "test_list": []}')
    code, out, err = run(capsys, path, "--on", "humaneval,mbpp", "--data", data)
    assert code == 0
    assert "mbpp: none of the samples belongs to it" in err
    assert "0.0%" in out
    assert "1 wrong answer" in out
    assert "samples for 1 of 3 problems" in err


def test_two_evaluations_are_compared_problem_by_problem(tmp_path: Path, data: Path, capsys):
    kept = tmp_path / "first.json"
    run(
        capsys,
        samples(tmp_path / "a.jsonl", "completion", RIGHT),
        "--on",
        "humaneval",
        "--data",
        data,
        "--out",
        kept,
    )
    worse = samples(tmp_path / "b.jsonl", "completion", RIGHT | {"evens": "    return xs\n"})
    code, out, _ = run(capsys, worse, "--on", "humaneval", "--data", data, "--against", kept)
    assert code == 0
    assert "0 only here, 1 only there, McNemar p = 1" in out
    assert json.loads(kept.read_text())["per_sample"][0]["program"].startswith("from typing")


def test_evaluations_under_different_protocols_are_not_compared_unless_asked(tmp_path: Path, data: Path):
    path = samples(tmp_path / "a.jsonl", "completion", RIGHT)
    first = evaluate(str(path), ["humaneval"], settings(data))
    kept = tmp_path / "kept.json"
    kept.write_bytes(orjson.dumps(first.whole()))
    other = evaluate(str(path), ["humaneval"], settings(data, extraction="human_eval"))
    with pytest.raises(UserError, match=r"another protocol.*extraction"):
        against(other, kept)
    assert against(other, kept, across_protocols=True)[0].p_value == 1.0
    kept.write_text('{"scores": [{"benchmark": "humaneval"}], "per_sample": []}')
    with pytest.raises(DataError, match="is not an evaluation"):
        against(other, kept)


def answering(bodies: dict[str, str]) -> Behaviour:
    """A server that answers each problem with a body of its own."""

    def behave(asked: Asked) -> Reply:
        name = next(name for name in bodies if f"def {name}(" in asked.prompt)
        return Reply(text=f"```python\n{whole(name, bodies)}```")

    return behave


def test_an_endpoint_is_scored_by_its_address(data: Path, capsys):
    with Mock(answering(RIGHT)) as server:
        code, out, _ = run(capsys, f"openai:mock@{server.url}", "--on", "humaneval", "--data", data, "--json")
    assert code == 0
    assert json.loads(out)["scores"][0]["value"] == 1.0


def test_an_address_is_part_of_who_answers_so_two_servers_share_nothing(data: Path, capsys):
    said = []
    for body in (RIGHT, dict.fromkeys(RIGHT, "    return None\n")):
        with Mock(answering(body)) as server:
            for url in (server.url, f"{server.url}/"):
                _, out, _ = run(capsys, f"openai:m@{url}", "--on", "humaneval", "--data", data, "--json")
            assert len(server.asked) == 3
        (score,) = json.loads(out)["scores"]
        assert score["protocol"]["engine"] == f"openai at {server.url}"
        said.append(score["value"])
    assert said == [1.0, 0.0]


def test_a_model_without_an_address_is_known_by_its_name_as_in_recipes():
    assert model_of("openai:m").identity() == OpenAI(model="m").identity() == "m"


def test_two_addresses_of_one_protocol_are_compared(tmp_path: Path, data: Path, capsys):
    kept = tmp_path / "first.json"
    for more in (["--out", kept], ["--against", kept]):
        with Mock(answering(RIGHT)) as server:
            code, out, _ = run(capsys, f"openai:m@{server.url}", "--on", "humaneval", "--data", data, *more)
        assert code == 0
    assert "McNemar p = 1" in out


def test_replies_that_did_not_come_are_told_with_their_reasons(data: Path, capsys):
    def behave(asked: Asked) -> Reply:
        return failure(400, "too long") if "def evens(" in asked.prompt else answering(RIGHT)(asked)

    with Mock(behave) as server:
        target = f"openai:m@{server.url}"
        evaluation = evaluate(target, ["humaneval"], settings(data, extraction="human_eval"))
    missing = evaluation.scores[0].attempts[1]
    assert (missing.failure, missing.program, missing.raw, missing.extraction) == ("no reply", "", "", "")
    warned(evaluation)
    said = capsys.readouterr().err
    assert "1 of 3 replies did not come and count as failed: refused 400: HTTP 400: too long (1)" in said


DEAD = {"a bad key": Reply(401), "no such model": Reply(404)}


@pytest.mark.parametrize("kind", DEAD)
def test_an_endpoint_that_answers_nobody_ends_the_run_in_words(data: Path, capsys, kind: str):
    with Mock(lambda asked: DEAD[kind]) as server:
        code, _, err = run(capsys, f"openai:{kind}@{server.url}", "--on", "humaneval", "--data", data)
    assert code == 3
    assert f"HTTP {DEAD[kind].status}" in err
    assert "Traceback" not in err


def test_a_missing_key_is_the_users_to_mend(tmp_path: Path, data: Path, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "openai:gpt-4o", "--on", "humaneval", "--data", data)
    assert code == 2
    assert "OPENAI_API_KEY" in err
    assert "Traceback" not in err


def test_a_models_folder_is_asked_under_the_template_it_carries(tmp_path: Path, capsys):
    model, tokenizer = TINY.load()
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    TEMPLATES["starter"].save(tmp_path / "model")
    more = ("--limit", 2, "--max-tokens", 4, "--json")
    code, out, _ = run(capsys, tmp_path / "model", "--on", "starter,starter_dev", *more)
    assert code == 0
    scores = json.loads(out)["scores"]
    assert [score["benchmark"] for score in scores] == ["starter", "starter_dev"]
    assert {score["protocol"]["template"] for score in scores} == {"starter"}


MISTAKES = {
    ("nowhere.jsonl", "--on", "humaneval"): "nowhere.jsonl: no such file",
    ("openai:m@ftp://x", "--on", "humaneval"): "expected http://host",
    ("{s}", "--on", "humanevl"): "did you mean 'humaneval'",
    ("{s}", "--on", "humaneval", "--extraction", "fence"): "no extraction is called 'fence'",
    ("{s}", "--on", "humaneval", "--k", "many"): "is not a list of whole numbers of at least 1",
    ("{s}", "--on", "humaneval", "--k", "0"): "is not a list of whole numbers of at least 1",
    ("{s}", "--on", "humaneval", "--k", "\u00b2"): "is not a list of whole numbers of at least 1",
    ("{s}", "--on", ","): "--on: names no benchmark",
    ("{s}", "--on", "humaneval", "--n", "2", "--limit", "1"): "--n, --limit: says how a model is asked",
    ("{s}", "--on", "humaneval", "--top-p", "0.9"): "--top-p: says how a model is asked",
    ("{s}", "--on", "humaneval", "--out", "/nowhere/o.json"): "--out: there is no folder /nowhere",
    ("{s}", "--on", "humaneval", "--export", "/"): "--export: / is a folder",
    ("out/of/nowhere", "--on", "humaneval"): "out/of/nowhere: no such file",
    ("nowhere.zip", "--on", "humaneval"): "nowhere.zip: no such file",
    ("{s}", "--on", "humaneval", "--as", "plus"): "unknown format",
    ("{s}", "--on", "humaneval", "--k", "3"): "fewer than 3 samples",
    ("{s}", "--on", "humaneval", "--against", "{s}"): "is not an evaluation",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_on_the_command_line_is_named_and_exits_with_2(
    tmp_path: Path, data: Path, capsys, arguments
):
    path = samples(tmp_path / "s.jsonl", "completion", RIGHT)
    code, _, err = run(capsys, *(a.replace("{s}", str(path)) for a in arguments), "--data", data)
    assert code == 2
    assert MISTAKES[arguments] in err


def test_a_models_folder_is_no_samples_folder(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    assert not is_samples(tmp_path)


def test_a_folder_without_samples_is_an_error(tmp_path: Path):
    assert is_samples(tmp_path)
    with pytest.raises(DataError, match="holds no samples"):
        read_samples(tmp_path)
