"""The command line: every command on a real run, errors without tracebacks, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import typer

from tunesmith.cli import main
from tunesmith.cli.doctor import extras
from tunesmith.cli.exit_codes import run_app

HERE = Path(__file__).parents[1] / "support"
RECIPE = """
name: small
models:
  echo: {use: acme.echo}
steps:
  numbers: {do: acme.numbers, count: 40}
  lucky:   {do: acme.chancy}
  asked:   {do: acme.asker, with: echo}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def ran(here: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["run", "small.yaml", "--quiet"]) == 0
    capsys.readouterr()
    return here / "runs" / "small"


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(list(arguments))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def test_run_says_where_the_report_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "small.yaml"]) == 0
    captured = capsys.readouterr()
    assert "report: runs/small/report.html" in captured.out
    assert "lucky: 40 -> " in captured.err
    assert (here / "runs/small/report.html").stat().st_size > 1000


def test_run_json_is_one_object(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(output(capsys, "run", "small.yaml", "--json"))
    assert said["folder"] == "runs/small" and said["ran"] == ["numbers", "lucky", "asked"]


def test_plan_counts_before_anything_is_spent(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(output(capsys, "plan", "small.yaml", "--json"))
    steps = {line["step"]: line for line in said["steps"]}
    assert steps["numbers"]["rows_out"] == 40 and steps["numbers"]["how"] == "counted"
    assert 0 < steps["lucky"]["rows_out"] < 40
    assert steps["asked"]["calls"] == 2 * steps["lucky"]["rows_out"] == said["calls"]
    assert not (here / "runs").exists()
    assert "in all:" in output(capsys, "plan", "small.yaml")


def test_check_counts_steps(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "check", "small.yaml") == "small: 3 steps, 1 models, no mistakes\n"


def test_recipes_say_of_themselves_what_the_api_says(capsys: pytest.CaptureFixture[str]) -> None:
    from tunesmith import recipes

    said = json.loads(output(capsys, "recipes", "--json"))
    assert said == [{"name": r.name, "paper": r.paper, "about": r.about} for r in recipes().values()]
    assert "arXiv 2306.08568" in output(capsys, "recipes")


def test_new_copies_a_recipe_and_never_overwrites(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "tunesmith run starter.yaml" in output(capsys, "new", "starter")
    assert main(["new", "starter"]) == 2
    assert "already exists" in capsys.readouterr().err


def test_show_lists_steps_and_rows_and_bins(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "02-lucky" in output(capsys, "show", str(ran))
    rows = json.loads(output(capsys, "show", f"{ran}/numbers", "--json", "-n", "5"))
    assert len(rows) == 5 and all(row["source"] == "numbers" for row in rows)
    (dropped,) = json.loads(output(capsys, "show", f"{ran}/lucky.dropped", "--json", "-n", "1"))
    assert dropped["meta"]["dropped"] == "unlucky"
    assert "of 40 rows" in output(capsys, "show", f"{ran}/numbers")


def test_trace_tells_a_whole_life(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = json.loads(output(capsys, "show", f"{ran}/asked", "--json", "-n", "1"))
    events = json.loads(output(capsys, "trace", str(ran), row["id"][:12], "--json"))
    assert [(e["relation"], e["step"]) for e in events] == [
        ("ancestor", "numbers"),
        ("ancestor", "lucky"),
        ("itself", "asked"),
    ]
    down = json.loads(output(capsys, "trace", str(ran), events[0]["sample"]["id"], "--json"))
    assert [e["relation"] for e in down] == ["itself", "descendant", "descendant", "descendant"]
    assert "itself" in output(capsys, "trace", str(ran), row["id"])


def test_diff_says_what_differs(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output(capsys, "run", "small.yaml", "--quiet", "--out", "runs/other", "steps.asked.draws=1")
    steps = {d["step"]: d for d in json.loads(output(capsys, "diff", str(ran), "runs/other", "--json"))}
    assert steps["lucky"]["why"] == "" and steps["lucky"]["shared"] == steps["lucky"]["rows"][0]
    assert steps["asked"]["why"] == "draws: 2 -> 1"
    assert "draws: 2 -> 1" in output(capsys, "diff", str(ran), "runs/other")


def test_report_is_written_anew(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ran / "report.html").unlink()
    assert output(capsys, "report", str(ran)).strip().endswith("report.html")
    assert (ran / "report.html").exists()


def test_doctor_names_the_sandbox_levels_and_never_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found = json.loads(output(capsys, "doctor", "--json"))
    assert {"machine", "extras", "toolchains", "environment"} <= {f["section"] for f in found}
    assert any(f["section"].startswith("sandbox") and f["state"] == "ok" for f in found)
    assert "sk-secret" not in json.dumps(found)


def test_schema_knows_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(output(capsys, "schema"))
    assert schema["$schema"].endswith("2020-12/schema")
    assert "do:selection.kcenter" in schema["$defs"] and "use:openai" in schema["$defs"]
    assert schema["$defs"]["do:selection.kcenter"]["properties"]["size"]["description"]


ERRORS = {
    "unknown recipe": (["run", "startr"], "did you mean 'starter'?"),
    "missing file": (["run", "none.yaml"], "none.yaml: there is no such recipe file"),
    "unknown option": (["run", "small.yaml", "--tinny"], "--tinny"),
    "bad override": (["run", "small.yaml", "steps.lucki.x=1"], "did you mean 'lucky'?"),
    "not a run": (["show", "nowhere"], "is not a run folder"),
    "no such step": (["show", "runs/small/luckyy"], "steps here: numbers, lucky, asked"),
    "no such row": (["trace", "runs/small", "zzz"], "no row's id begins with 'zzz'"),
    "ambiguous row": (["trace", "runs/small", ""], "ids begin with"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_user_errors_exit_with_2_and_no_traceback(
    ran: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    arguments, said = ERRORS[kind]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err and "Traceback" not in captured.err


GOOD = """
name: good
models:
  echo: {use: acme.echo}
steps:
  seeds: {do: sources.jsonl, path: seeds.jsonl}
  kept:  {do: selection.rules, field: answer, min_chars: 3}
  asked: {do: acme.asker, with: echo}
"""
ROW = '{"instruction": "Add.", "output": "def add(a, b): ..."}\n'
# What is wrong, in the recipe or in its data; what is said: where, what, and what to do.
BAD = {
    "unknown key": (GOOD.replace("min_chars", "min_char"), ROW, "bad.yaml:7 (steps.kept.min_char)", "did you mean 'min_chars'?"),
    "wrong type": (GOOD.replace("min_chars: 3", "min_chars: few"), ROW, "bad.yaml:7 (steps.kept.min_chars)", "valid integer"),
    "duplicate key": (GOOD.replace("min_chars: 3", "min_chars: 3, field: code"), ROW, "bad.yaml:7 (steps.kept.field)", "stands twice, on lines 7 and 7"),
    "unknown step": (GOOD.replace("selection.rules", "selection.rule"), ROW, "bad.yaml:7 (steps.kept.do)", "did you mean 'selection.rules'?"),
    "unknown model": (GOOD.replace("with: echo", "with: eco"), ROW, "bad.yaml:8 (steps.asked.with)", "did you mean 'echo'?"),
    "forward reference": (GOOD.replace("min_chars: 3", "min_chars: 3, from: asked"), ROW, "bad.yaml:7 (steps.kept.from)", "rows only flow down"),
    "missing file": (GOOD.replace("path: seeds.jsonl", "path: seedz.jsonl"), ROW, "steps.seeds.path", "did you mean 'seeds.jsonl'?"),
    "missing column": (GOOD, '{"instruction": "Add.", "outptu": "x"}\n', "seeds.jsonl:1", "did you mean 'outptu'?"),
    "malformed JSONL line": (GOOD, ROW * 2 + '{"instruction": "Add"\n' + ROW, "seeds.jsonl:3", ""),
    "not YAML": (GOOD.replace("{use: acme.echo}", "{use: acme.echo"), ROW, "bad.yaml:", "not valid YAML"),
    "empty": ("", ROW, "bad.yaml", "the key 'name' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_recipe_exits_with_2_and_says_where_what_and_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    recipe, seeds, where, what_to_do = BAD[kind]
    (here / "bad.yaml").write_text(recipe)
    (here / "seeds.jsonl").write_text(seeds)
    assert main(["run", "bad.yaml", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert where in said and what_to_do in said, said
    assert "Traceback" not in said


def test_a_step_outside_the_package_runs_by_its_dotted_path(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file, no other edit: a sixth method is a file and a line in a recipe."""
    (here / "throwaway.py").write_text(
        "from tunesmith import Step\n"
        "class Shout(Step):\n"
        "    '''Answers in capitals.'''\n"
        "    times: int = 1\n"
        "    '''How many exclamation marks.'''\n"
        "    def row(self, sample, ctx):\n"
        "        yield sample.grow(ctx.step, answer=sample.instruction + '!' * self.times)\n"
    )
    (here / "mine.yaml").write_text(
        "name: mine\nsteps:\n  numbers: {do: acme.numbers, count: 3}\n  loud: {do: throwaway, times: 2}\n"
    )
    output(capsys, "run", "mine.yaml", "--quiet")
    rows = json.loads(output(capsys, "show", "runs/mine/loud", "--json"))
    assert [row["answer"] for row in rows] == ["0!!", "1!!", "2!!"]


def child(arguments: list[str], cwd: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    # a suite that runs in the background has its children ignore Ctrl-C
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heard}; from tunesmith.cli import main; sys.exit(main())", *arguments]
    return subprocess.Popen(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_ctrl_c_exits_with_130_and_says_how_to_go_on(here: Path) -> None:
    (here / "small.yaml").write_text(RECIPE.replace("count: 40", "count: 2000000"))
    process = child(["run", "small.yaml"], here)
    deadline = time.monotonic() + 60
    while not list(here.glob("runs/small/*/rows-*.parquet")) and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Everything finished is kept; continue with:\n    tunesmith run small.yaml" in said
    assert "Traceback" not in said


def test_ctrl_c_of_eval_does_not_say_that_verdicts_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command("eval")
    def interrupted() -> None:
        raise KeyboardInterrupt

    app.callback()(lambda: None)
    assert run_app(app, ["eval"]) == 130
    said = capsys.readouterr().err
    assert "verdicts are not; start again with:\n    tunesmith eval" in said


HEAVY = ("torch", "transformers", "pyarrow", "pydantic", "aiohttp", "numpy")


@pytest.mark.parametrize(
    "script",
    [
        "import tunesmith; from tunesmith import cli; cli.main(['--help'])",
        "import tunesmith.eval.evaluate",
    ],
)
def test_help_and_import_load_nothing_heavy(script: str) -> None:
    script = f"import sys; {script}\nprint([m for m in {HEAVY} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"


def test_recipes_loads_no_step() -> None:
    script = "import sys; from tunesmith.cli import main; main(['recipes']); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True).stdout
    loaded = set(said.splitlines()[-1].split())
    assert not {"tunesmith.step", "tunesmith.sample", "pyarrow", "numpy", "torch"} & loaded


def test_the_python_api_does_the_same_in_a_few_lines(here: Path) -> None:
    import tunesmith

    assert len(tunesmith.__all__) <= 15
    plan = tunesmith.plan("small.yaml")
    result = tunesmith.run("small.yaml", out="runs/api")
    rows = list(tunesmith.read(result.folder, "asked"))
    life = tunesmith.trace(result.folder, rows[0].id)
    assert plan[0].rows_out == 40 and result.report.exists() and life[-1].sample == rows[0]


def test_the_old_name_of_an_option_of_eval_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "x.jsonl", "--on", "humaneval", "--shape", "human-eval"]) == 2
    assert "--as human-eval" in capsys.readouterr().err


def test_doctor_knows_every_extra_of_the_package() -> None:
    settings = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {name: some for name, some in settings["optional-dependencies"].items() if name != "dev"}
    named = {name: [re.split(r"[\[><=~! ]", one)[0] for one in some] for name, some in declared.items()}
    own = {name: [one for one in some if one != "tunesmith"] for name, some in named.items()}
    assert extras() == {name: some for name, some in own.items() if some}


def test_limit_bounds_every_source_and_is_part_of_the_recipe(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "two.yaml").write_text(
        "name: two\nsteps:\n  a: {do: sources.starter, phrasings: 2}\n  b: {do: sources.starter, limit: 3, answered: true}\n"
    )
    output(capsys, "run", "two.yaml", "--limit", "5", "--quiet")
    rows = {
        step: len(json.loads(output(capsys, "show", f"runs/two/{step}", "--json", "-n", "99")))
        for step in "ab"
    }
    assert rows == {"a": 5, "b": 3}
    assert "limit: 5" in (here / "runs/two/recipe.yaml").read_text()
    assert main(["run", "two.yaml", "--limit", "0"]) == 2
    assert main(["run", "small.yaml", "--limit", "5"]) == 2
    assert "acme.numbers has no key `limit`" in capsys.readouterr().err


def test_rows_of_a_finished_run_become_a_data_frame(here: Path) -> None:
    pytest.importorskip("pandas")
    import tunesmith

    result = tunesmith.run("small.yaml", out="runs/frame")
    frame = result.rows("asked").to_pandas()
    assert list(frame["id"]) == [row.id for row in result.rows("asked")]
    assert set(result.rows("lucky", dropped=True).to_pandas()["reason"]) == {"unlucky"}
    assert result.rows("numbers").to_arrow().num_rows == 40
