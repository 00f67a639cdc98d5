"""Cards: metadata that the hub reads, and no claim that the rows do not bear out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from finished_run import SPENT, Maker, empty_run, finished_run, seed
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import visible
from tunesmith.files import read_json, write_json
from tunesmith.recipe.yaml import read_document
from tunesmith.report import write_report
from tunesmith.report.card_text import card, plain, table
from tunesmith.report.dataset_card import dataset_card
from tunesmith.report.licensing import hub_license, in_words
from tunesmith.report.model_card import model_card
from tunesmith.report.story import read_story
from tunesmith.runs.run_folder import RunFolder
from tunesmith.sample import Drop


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = finished_run(tmp_path_factory.mktemp("runs") / "small")
    write_report(run)
    return run


def front_matter(text: str) -> dict[str, Any]:
    _, front, _ = text.split("---\n", 2)
    data: dict[str, Any] = read_document(front, "card").data
    return data


def test_cards_stand_beside_the_report(run: RunFolder) -> None:
    assert {"report.html", "DATASET_CARD.md", "MODEL_CARD.md"} <= {path.name for path in run.path.iterdir()}


def test_the_dataset_card_describes_the_rows_that_were_trained_on(run: RunFolder) -> None:
    text = (run.path / "DATASET_CARD.md").read_text(encoding="utf-8")
    front = front_matter(text)
    assert front["license"] == ["mit", "unknown"] and front["size_categories"] == ["n<1K"]
    assert front["source_datasets"] == ["extended|other-seeds.jsonl"]
    assert {"python", "arxiv:2306.08568"} <= set(front["tags"])
    assert "the output of step `learnable` of" in text and "| learnable | not judged |" in text


def test_rules_are_not_passed_off_as_a_language_model(run: RunFolder) -> None:
    text = (run.path / "DATASET_CARD.md").read_text(encoding="utf-8")
    assert "rule-based teacher that comes with tunesmith; it is not a language model" in text
    assert "terms of the provider of" not in text


def test_a_language_model_is_named_with_its_terms(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    recipe = (
        "models: {teacher: {use: openai, model: gpt-x}}\nsteps: {told: {do: synthesis.answer, with: teacher}}"
    )
    (tmp_path / "run/recipe.yaml").write_text(recipe)
    maker.rows("01-told", "synthesis.answer", [seed(1)], name="told", kind="ask", spent=SPENT)
    text = dataset_card(read_story(maker.run)) or ""
    assert "`teacher`: gpt-x" in text and "The terms of the provider of teacher may limit" in text


def test_decontamination_is_told_with_its_result_or_as_missing(tmp_path: Path, run: RunFolder) -> None:
    assert "No decontamination step ran" in (dataset_card(read_story(run)) or "")
    maker = empty_run(tmp_path / "run")
    facts = {"name": "clean", "rows_in": 2, "params": {"against": ["humaneval", "mbpp"]}}
    maker.rows(
        "01-clean", "selection.decontaminate", [seed(1)], [Drop(seed(2), "same as humaneval")], **facts
    )
    text = dataset_card(read_story(maker.run)) or ""
    assert "compared 2 rows with humaneval, mbpp, word for word, and dropped 1 (1 same as humaneval)" in text


def test_a_judge_of_leaks_is_told_with_the_step_that_showed_it_the_nearest_rows(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    (tmp_path / "run/recipe.yaml").write_text(
        "models: {judge: {use: starter}}\n"
        "steps: {near: {do: selection.near_benchmark}, apart: {do: selection.leak_judge, with: judge}}"
    )
    facts = {"rows_in": 2, "params": {"against": ["mbpp"], "nearest": "mark"}}
    maker.rows("01-near", "selection.near_benchmark", [seed(1), seed(2)], name="near", **facts)
    drops = [Drop(seed(2), "rewords mbpp")]
    maker.rows("02-apart", "selection.leak_judge", [seed(1)], drops, name="apart", rows_in=2)
    text = dataset_card(read_story(maker.run)) or ""
    assert "`near` compared 2 rows with mbpp by their embeddings and marked the nearest ones" in text
    assert "by the verdict of judge, and dropped 1 (1 rewords mbpp)" in text


def test_the_model_card_carries_results_with_their_interval(run: RunFolder) -> None:
    text = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    (model,) = front_matter(text)["model-index"]
    (result,) = model["results"]
    (metric,) = result["metrics"]
    assert model["name"] == "small-tuned" and result["dataset"]["name"] == "starter"
    assert metric["value"] == 0.725 and "95% interval 0.6250 to 0.8250" in metric["name"]
    assert "| student (untrained) | 0.0 |" in text and "| temperature | 0 |" in text


def test_the_model_card_says_how_to_ask_what_was_learnt_and_what_is_not_known(run: RunFolder) -> None:
    text = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## How to prompt it", "## Scores", "## What it was trained on", "## How it was trained", "## Limits",
        "## Licence",
    ]  # fmt: skip
    assert "trained from student (untrained) in one stage" in text and "Only starter was measured" in text
    assert "```text\n<|user|>Add.<|answer|>\n```" in text and "| weights | 870,000, all trained |" in text
    assert "No decontamination step ran" in text


def test_rows_of_several_stages_are_counted_once_and_a_prompt_cannot_end_its_block(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    (tmp_path / "run/recipe.yaml").write_text(
        "models: {student: {use: scratch}}\nsteps: {rows: {do: sources.jsonl},\n"
        " one: {do: training.sft, with: student}, two: {do: training.sft, from: rows, with: one}}"
    )
    maker.rows("01-rows", "sources.jsonl", [seed(n) for n in range(5)], name="rows")
    for place, name in (("02-one", "one"), ("03-two", "two")):
        maker.trained(place, [(1, 2.0), (2, 1.0)], 5, name=name, reads=["rows"])
    record = read_json(tmp_path / "run/03-two/step.json") or {}
    record["checkpoint"]["facts"]["example"]["prompt"] = "```\n# Not a heading\n````"
    write_json(tmp_path / "run/03-two/step.json", record)
    text = model_card(read_story(maker.run)) or ""
    assert "in 2 stages (one, two) on 5 instruction-tuning rows" in text
    assert "`````text\n```\n# Not a heading\n````\n`````" in text


def test_no_licence_is_claimed_for_weights(run: RunFolder) -> None:
    front = front_matter((run.path / "MODEL_CARD.md").read_text(encoding="utf-8"))
    assert front["license"] == "unknown" and "base_model" not in front


def test_the_base_model_is_the_one_that_the_first_of_several_trainings_began_with(tmp_path: Path) -> None:
    maker: Maker = empty_run(tmp_path / "run")
    (tmp_path / "run/recipe.yaml").write_text(
        "models: {student: {use: hf, model: org/base-7b}}\n"
        "steps: {one: {do: training.sft, with: student}, two: {do: training.sft, with: one}}"
    )
    maker.trained("01-one", [(1, 2.0), (2, 1.0)], 5, name="one")
    maker.trained("02-two", [(1, 1.0), (2, 0.5)], 5, name="two")
    assert front_matter(model_card(read_story(maker.run)) or "")["base_model"] == "org/base-7b"


def test_there_is_no_model_card_without_a_model(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    maker.rows("01-seeds", "sources.jsonl", [seed(1)], name="seeds")
    (tmp_path / "run/MODEL_CARD.md").write_text("of an earlier run")
    write_report(maker.run)
    assert (tmp_path / "run/DATASET_CARD.md").exists() and not (tmp_path / "run/MODEL_CARD.md").exists()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"MIT": 3}, {"license": "mit"}),
        ({"GPL-3.0-or-later": 3}, {"license": "gpl-3.0"}),
        ({"PSF-2.0": 3}, {"license": "other", "license_name": "PSF-2.0"}),
        ({"MIT": 3, "unknown": 1}, {"license": ["mit", "unknown"]}),
        ({"MIT": 1, "PSF-2.0": 3, "": 1}, {"license": ["mit", "other", "unknown"]}),
        ({}, {"license": "unknown"}),
    ],
)
def test_the_licence_is_what_the_rows_say(rows: dict[str, int], expected: dict[str, Any]) -> None:
    assert hub_license(Counter(rows)) == expected


def test_licence_limits_are_said_in_words() -> None:
    said = in_words(Counter({"cc-by-nc-4.0": 5, "MIT": 2, "unknown": 7}))
    assert "several licences" in said and "For 7 rows no licence is known" in said and "commercial" in said


@given(st.text(), st.text())
def test_no_text_breaks_out_of_a_table_or_the_metadata(text: str, other: str) -> None:
    lines = table(("name", "rows"), [(text, 3), (other, 4)]).split("\n")
    assert len(lines) == 4 and all(line.startswith("| ") and line.endswith(" |") for line in lines)
    assert "<" not in plain(text)
    assert front_matter(card({"pretty_name": f"x{text}"}, ["body"]))["pretty_name"] == visible(
        " ".join(f"x{text}".split())
    )
