"""Every bundled recipe, small and offline: the whole story of each paper, with counts that add up."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from real_data import real_data

from tunesmith import api
from tunesmith.recipe.recipe import Rounds
from tunesmith.report.measured import measured
from tunesmith.report.mechanisms import Mechanisms, mechanisms
from tunesmith.report.story import read_story
from tunesmith.rows import Table
from tunesmith.runs.run_folder import RunFolder
from tunesmith.sample import Sample, Verdict
from tunesmith.selection.where import Where
from tunesmith.step import Context

FILTERS = ("selection.", "verification.", "evaluation.agreement")
MECHANISMS = {
    "wizardcoder": {
        "synthesis.evolve", "synthesis.answer", "selection.failed_evolution", "verification.misdirection",
        "verification.complexity", "selection.near_benchmark", "selection.leak_judge",
        "selection.decontaminate",
    },
    "wavecoder": {
        "selection.rules", "selection.kcenter", "synthesis.examples", "synthesis.four_tasks",
        "selection.discriminate", "verification.repair", "verification.translation", "synthesis.round_trip",
        "verification.round_trip",
    },
    "wavecoder-ultra": {
        "selection.kcenter", "synthesis.four_tasks", "selection.discriminate", "synthesis.answer",
        "selection.near_benchmark",
    },
    "alchemistcoder": {
        "selection.rules", "selection.dedup", "selection.mix", "synthesis.evolve", "selection.mark",
        "synthesis.hindsight", "synthesis.comprehend", "verification.execute", "evaluation.style_conflict",
    },
    "dolphcoder": {
        "synthesis.evolve", "synthesis.diversify", "selection.answer_format", "selection.dedup",
        "verification.strategy", "verification.consensus", "synthesis.self_evaluate", "evaluation.agreement",
        "synthesis.write_tests", "selection.hold_out", "verification.pass_probability",
        "evaluation.calibrate",
    },
    "magicoder": {"synthesis.oss_instruct", "selection.dedup", "selection.decontaminate"},
    "inverse-instruct": {"synthesis.inverse", "verification.yes_probability", "selection.best"},
}  # fmt: skip
"""What each paper names, and must have left rows or drops behind."""

Runs = Callable[..., Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Runs a tiny recipe once, all with one answer store; gives the run folder."""
    home = tmp_path_factory.mktemp("recipes")

    @cache
    def run(name: str, *overrides: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TUNESMITH_CACHE", str(home / "cache"))
            patch.delenv("OPENAI_API_KEY", raising=False)
            out = home / f"{name}-{len(overrides)}"
            return api.run(name, tiny=True, out=out, overrides=overrides).folder

    return run


def records(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(step.path, asdict(record)) for step, record in RunFolder(folder).records()]


def rows(folder: Path, step: str) -> list[Any]:
    return list(Table(RunFolder(folder).find(step).rows()))


def assert_counts_add_up(folder: Path) -> None:
    for path, record in records(folder):
        if "reasons" not in record:
            continue
        assert record["dropped"] == sum(record["reasons"].values()), path
        assert all(record["reasons"]), "every drop says why"
        if record["do"].startswith(FILTERS):
            assert record["rows_in"] == record["rows_out"] + record["dropped"], path


def test_every_recipe_is_told_here() -> None:
    assert {*MECHANISMS, "starter"} == set(api.recipes())


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_recipe_reads_at_full_scale_and_says_what_it_is(name: str) -> None:
    recipe = api.check(name)
    assert recipe.name == name
    assert recipe.about
    assert recipe.paper
    steps = [node for node in recipe.nodes if not isinstance(node, Rounds)]
    assert any(node.step.kind == "score" for node in steps)


STATED = re.compile(r"`([\w.]+)` (?:(\d+) -> )?(\d+)")
PAGES = Path(__file__).resolve().parents[2] / "docs" / "recipes"


@pytest.mark.parametrize("name", ["wizardcoder", "dolphcoder"])
def test_the_page_of_a_recipe_states_the_rows_of_its_tiny_run(name: str, runs: Runs) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^Rows by step: (.*?\d)\. ", page, re.DOTALL | re.MULTILINE)
    stages = read_story(RunFolder(runs(name))).stages
    made = {stage.name: (stage.count("rows_in"), stage.count("rows_out")) for stage in stages}
    stated = {step: (int(came or 0), int(left)) for step, came, left in STATED.findall(line)}
    assert stated and stated == {step: made[step] for step in stated}


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_whole_story_runs_offline_and_every_row_is_accounted_for(name: str, runs: Runs) -> None:
    folder = runs(name)
    assert_counts_add_up(folder)
    left = Counter[str]()
    for _, record in records(folder):
        left[record["do"]] += (record.get("rows_out") or 0) + (record.get("dropped") or 0)
        assert record["do"] == "repeat" or record.get("kind") != "train" or record["rows_in"] > 0, record[
            "name"
        ]
    for mechanism in MECHANISMS[name]:
        assert left[mechanism] > 0, mechanism
    scores = [score for _, record in records(folder) for score in record.get("scores") or ()]
    assert scores
    assert all(0 <= score["low"] <= score["value"] <= score["high"] <= 1 for score in scores)
    assert (folder / "report.html").exists()


def assert_the_report_adds_up(folder: Path) -> list[Mechanisms]:
    """Every table of mechanisms holds all that its step made, and every drop by its reason."""
    told = mechanisms(read_story(RunFolder(folder)))
    by_name: dict[str, list[dict[str, Any]]] = {}
    for _, record in records(folder):
        plain = ".".join(part for part in record["name"].split(".") if not part.isdigit())
        by_name.setdefault(plain, []).append(record)
    for one in told:
        same, total = by_name[one.name], one.total
        assert one.rows_in == sum(record["rows_in"] for record in same)
        assert total.kept == sum(record["rows_out"] for record in same)
        assert Counter(total.reasons) == sum((Counter(r["reasons"]) for r in same), Counter[str]())
        if one.do.startswith(FILTERS):
            assert one.rows_in == total.kept + total.dropped
            assert sum(total.judged) <= total.kept
    return told


@pytest.mark.parametrize(
    ("name", "step", "shown"),
    [
        ("wizardcoder", "evolution.evolved", {"constraints", "replace", "reason", "misdirect", "complexity"}),
        ("wavecoder", "waves.generated", {"generation", "summarisation", "repair", "translation"}),
        ("dolphcoder", "diverse", {"terse", "tutor", "planner", "defensive"}),
        ("alchemistcoder", "comprehended", {"evolution", "filtering", "review"}),
    ],
)
def test_the_report_counts_every_mechanism_round_and_reason(
    name: str, step: str, shown: set[str], runs: Runs
) -> None:
    told = {one.name: one for one in assert_the_report_adds_up(runs(name))}
    assert shown <= {count.mechanism.partition(":")[0] for count in told[step].counts}
    page = (runs(name) / "report.html").read_text()
    assert 'id="mechanisms"' in page and all(mechanism in page for mechanism in shown)


def test_the_report_shows_how_hard_each_round_is_and_what_was_measured(runs: Runs) -> None:
    told = {one.name: one for one in mechanisms(read_story(RunFolder(runs("wizardcoder"))))}["misled"]
    assert {c.mechanism for c in told.counts if sum(c.judged)} == {"misdirect"} and told.total.judged[0] > 0
    hard = {one.step: one for one in measured(read_story(RunFolder(runs("wizardcoder"))))}["bounded"]
    assert [line[0] for line in hard.lines] == ["0", "1", "2"]
    assert {"words", "tokens", "constraints", "cyclomatic"} <= set(hard.head)
    near = {one.step: one for one in measured(read_story(RunFolder(runs("wizardcoder"))))}["near"]
    assert sum(int(line[1]) for line in near.lines) == len(rows(runs("wizardcoder"), "near"))
    titles = " ".join(one.title for one in measured(read_story(RunFolder(runs("dolphcoder")))))
    assert "strategies" in titles and "judge errs" in titles
    assert "Strategies per instruction" in (runs("dolphcoder") / "report.html").read_text()


def test_evolved_rows_carry_parent_and_heuristic_and_the_merge_holds_seeds_and_rounds(runs: Runs) -> None:
    found = rows(runs("wizardcoder"), "misled")
    evolved = [row for row in found if "heuristic" in row.meta]
    assert evolved
    assert len(evolved) < len(found), "the seeds are in the merge"
    assert {row.meta["evolutions"] for row in evolved} == {1, 2}
    assert all(row.parents for row in evolved)
    shown = [v for row in found for v in row.verdicts if v.by == "misled"]
    assert any(verdict.passed for verdict in shown), "code handed over as wrong was proven wrong"


def test_a_second_wave_sees_the_verdicts_on_the_first_and_raw_code_of_its_own(runs: Runs) -> None:
    folder = runs("wavecoder")
    waves = [rows_of(path) for path, record in records(folder) if record["name"].endswith("shown")]
    assert len(waves) == 2
    assert not any("examples" in row.meta for row in waves[0])
    assert all(row.meta["examples"]["good"] for row in waves[1])
    judged = rows(folder, "repaired")
    assert not {p for row in judged for p in row.parents} & {row.id for row in judged}
    assert len({row.id for row in judged}) == len(judged)
    assert {row.task for row in judged} >= {"generation", "repair"}
    assert {row.source for row in judged} == {"stdlib", "functions", "starter"}


def rows_of(step: Path) -> list[Any]:
    return list(Table(sorted(step.glob("rows-*.parquet"))))


def test_a_marked_share_gets_prefaces_and_all_three_comprehension_tasks_are_made(runs: Runs) -> None:
    folder = runs("alchemistcoder")
    marked = sum("marked" in row.meta.get("marks", ()) for row in rows(folder, "marked"))
    prefaced = [row for row in rows(folder, "harmonised") if "preface" in row.meta]
    assert 0 < len(prefaced) <= marked
    assert all(row.instruction.startswith(row.meta["preface"]) for row in prefaced)
    assert len({row.task for row in rows(folder, "comprehended")}) == 3


def test_a_judge_is_held_against_execution_and_training_goes_in_three_stages(runs: Runs) -> None:
    folder = runs("dolphcoder")
    report = next(folder.rglob("agreement.json"))
    noise = json.loads(report.read_text())
    assert noise["audited"] > 0
    assert noise["low"] <= noise["noise"] <= noise["high"]
    trained = [record["name"] for _, record in records(folder) if record["kind"] == "train"]
    assert trained == ["dit", "critic", "dolph"]
    assert {row.answer for row in rows(folder, "noise")} <= {"passed", "not passed"}


@pytest.mark.slow
def test_several_ways_of_reasoning_reach_the_student_where_they_are_asked_for(runs: Runs) -> None:
    folder = runs("dolphcoder", "steps.diverse.reasoning=taught")
    taught = rows(folder, "clean")
    assert taught and all(row.answer.startswith(row.meta["rationale"]) for row in taught)
    ways: dict[str, set[str]] = {}
    for row in taught:
        ways.setdefault(row.instruction, set()).add(row.meta["rationale"])
    assert any(len(found) > 1 for found in ways.values())
    assert (folder / "report.html").exists()


def test_the_tuned_critic_is_calibrated_on_instructions_that_it_never_saw(runs: Runs) -> None:
    folder = runs("dolphcoder")
    weighed = rows(folder, "calibrated")
    asked = {row.instruction for row in weighed}
    assert not any(text in row.instruction for row in rows(folder, "noise") for text in asked)
    scores = [v.score for row in weighed for v in row.verdicts if v.by == "weighed" and v.score is not None]
    assert scores and all(0 <= score <= 1 for score in scores), "the student's own log-probabilities"
    report = json.loads(next(folder.rglob("calibration.json")).read_text())
    assert report["audited"] == sum(bin_["rows"] for bin_ in report["as_said"]["bins"]) > 0
    assert "P(passed) is worth" in (folder / "report.html").read_text()


def test_sources_of_a_mix_are_compared_in_style(runs: Runs) -> None:
    (pair,) = json.loads(next(runs("alchemistcoder").rglob("style.json")).read_text())["pairs"]
    assert 0 <= pair["low"] <= pair["distance"] <= pair["high"] <= 1
    assert "How unlike the sources" in (runs("alchemistcoder") / "report.html").read_text()


def test_starter_tasks_do_not_repeat_a_benchmark_made_of_the_same_parts(runs: Runs) -> None:
    """Every part of a held-out task is taught; only the combination is not."""
    for name in ("inverse-instruct", "alchemistcoder", "dolphcoder"):
        clean = next(record for _, record in records(runs(name)) if record["name"] == "clean")
        assert clean["reasons"] == {}


def test_one_instruction_is_chosen_of_each_programs_candidates(runs: Runs) -> None:
    folder = runs("inverse-instruct")
    best = rows(folder, "best")
    assert len({row.parents[0] for row in best}) == len(best)
    assert len(rows(folder, "candidates")) > len(best)


def test_real_seed_instructions_evolve_with_every_loss_counted(runs: Runs) -> None:
    seeds = real_data("instructions/code_alpaca_2k.json.gz")
    folder = runs("wizardcoder", f"steps.seeds.path={seeds}", "steps.seeds.license=cc-by-nc-4.0")
    assert_counts_add_up(folder)
    evolved = next(one for one in assert_the_report_adds_up(folder) if one.name == "evolution.evolved")
    assert sum(count.made for count in evolved.counts if count.round == 1) == 300
    found = {str(path.relative_to(folder)): record for path, record in records(folder)}
    first = next(record for place, record in found.items() if "round-01" in place and "evolved" in place)
    assert first["rows_in"] == 300
    assert first["rows_in"] == first["rows_out"] + first["dropped"]
    assert {row.license for row in rows(folder, "clean")} == {"cc-by-nc-4.0"}
    kept = next(record for place, record in found.items() if "round-01" in place and "kept" in place)
    assert kept["rows_in"] == kept["rows_out"] + kept["dropped"] > 0


def test_repairs_that_execution_refutes_are_dropped_and_unknown_ones_stay(runs: Runs) -> None:
    folder = runs("wavecoder")
    said = Counter(v.passed for row in rows(folder, "repaired") for v in row.verdicts if v.by == "repaired")
    assert said.total() > 0
    sound = next(record for _, record in records(folder) if record["name"] == "sound")
    assert sound["reasons"]["repaired: failed"] == said[False]


def test_summaries_are_proven_by_the_way_back_which_is_not_trained_on(runs: Runs) -> None:
    folder = runs("wavecoder")
    told = rows(folder, "summed_up")
    proven = {row.id for row in told for v in row.verdicts if v.by == "summed_up" and v.passed}
    back = [row for row in told if row.task == "round trip"]
    assert back and {row.meta["summary_of"] for row in back} & proven
    assert all(row.code and row.answer for row in back)
    assert "round trip" not in {row.task for row in rows(folder, "sound")}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run JavaScript")
def test_translations_are_proven_by_running_both_languages(runs: Runs) -> None:
    shown = [v for row in rows(runs("wavecoder"), "translated") for v in row.verdicts if v.by == "translated"]
    assert any(v.passed for v in shown) and not any(v.passed is False for v in shown)


def test_only_a_failed_verdict_fails_not_failed() -> None:
    row = Sample.born("seeds", instruction="Add two numbers.")
    ctx = Context(step="sound")
    for passed, kept in ((True, True), (None, True), (False, False)):
        made = list(Where(not_failed="judge").row(row.judged(Verdict("judge", passed=passed)), ctx))
        assert isinstance(made[0], Sample) is kept
    assert isinstance(next(iter(Where(not_failed="judge").row(row, ctx))), Sample)


def test_real_functions_become_four_tasks_with_their_licence(runs: Runs) -> None:
    folder = runs("wavecoder")
    generated = [record for _, record in records(folder) if record["do"] == "synthesis.four_tasks"]
    assert all(r["rows_in"] == r["rows_out"] + r["dropped"] for r in generated)
    own = {"stdlib": "PSF-2.0", "functions": "Apache-2.0", "starter": "CC0-1.0"}
    assert all(row.license == own[row.source] and row.code for row in rows(folder, "clean"))


@pytest.mark.slow
def test_real_code_becomes_tasks_with_every_loss_counted(runs: Runs, tmp_path: Path) -> None:
    problems = real_data("humanevalpack/humanevalpack-python.jsonl.gz")
    for number, line in enumerate(gzip.decompress(problems.read_bytes()).splitlines()):
        problem = json.loads(line)
        (tmp_path / f"p{number:03d}.py").write_text(problem["prompt"] + problem["canonical_solution"])
    folder = runs(
        "wavecoder", f"steps.raw.path={tmp_path}", "steps.raw.license=MIT", "steps.raw.sample=150",
        "steps.raw.source=humanevalpack", "steps.waves.each.generated.shares.translation=40",
    )  # fmt: skip
    assert_counts_add_up(folder)
    told = {one.name: one for one in assert_the_report_adds_up(folder)}
    made = told["waves.generated"]
    assert made.rows_in == made.total.made == sum(count.made for count in made.counts) > 0
    real = [row for row in rows(folder, "records") if row.source == "humanevalpack"]
    assert {row.license for row in real} == {"MIT"} and len(real) > 20
    for judge, task in (
        ("translated", "translation"),
        ("summed_up", "summarisation"),
        ("repaired", "repair"),
    ):
        ours = [row for row in rows(folder, "summed_up") if row.task == task]
        judged = [row for row in ours if judge in {v.by for v in row.verdicts}]
        assert {row.id for row in judged} == {row.id for row in rows(folder, "records") if row.task == task}
    shown = [v for row in rows(folder, "summed_up") for v in row.verdicts if v.by == "translated"]
    assert all(v.passed is not None or v.reason for v in shown)
