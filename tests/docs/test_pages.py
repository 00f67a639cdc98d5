"""What the documents promise runs: their Python, their recipes, their commands."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from pathlib import Path
from typing import get_args

import pytest

from mock_server import Mock, Reply
from tunesmith import read
from tunesmith.benchmarks import GROUPS, NAMES, data_version, expand
from tunesmith.cli import main
from tunesmith.code.markdown import blocks
from tunesmith.errors import DataError
from tunesmith.eval.export_samples import SHAPES
from tunesmith.recipe.load import read_recipe
from tunesmith.recipe.yaml import read_document
from tunesmith.scoring.extract import EXTRACTIONS
from tunesmith.scoring.failure_classes import FailureClass

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^\s*(?:\$ )?tunesmith ([a-z]+)", re.MULTILINE)


def fenced(page: Path, language: str) -> list[str]:
    return [block.code for block in blocks(page.read_text(encoding="utf-8")) if block.language == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_document_exists(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in set(COMMAND.findall("\n".join(fenced(page, "")))):
        assert main([command, "--help"]) == 0, command
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_recipe_in_a_document_reads(page: Path) -> None:
    for text in fenced(page, "yaml"):
        if re.search(r"^name:", text, re.MULTILINE) and re.search(r"^steps:", text, re.MULTILINE):
            assert read_recipe(read_document(text, page.name), ROOT).nodes


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = fenced(ROOT / "README.md", "python")
    assert code
    for text in code:
        exec(compile(text, "README.md", "exec"), {})
    assert (tmp_path / "runs" / "starter" / "report.html").exists()


def test_the_step_of_the_contributing_guide_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = fenced(ROOT / "CONTRIBUTING.md", "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "longest_answers.py").write_text(text.replace("from ..", "from tunesmith."))
    (tmp_path / "r.yaml").write_text(
        "name: r\nsteps:\n  s: {do: sources.starter, tasks: 30, answered: true}\n"
        "  l: {do: longest_answers, size: 7}\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main(["run", "r.yaml", "--quiet"]) == 0
    assert len(read("runs/r", "l")) == 7
    assert len(read("runs/r", "l", dropped=True)) == 23


def test_links_between_documents_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_page_on_models_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its models are known, its two recipes and its commands run in the order of the page, its Python too."""
    page = ROOT / "docs" / "models.md"
    monkeypatch.chdir(tmp_path)
    with Mock(lambda _: Reply(text="The answer is `def f(): return 42`.")) as server:

        def served(text: str) -> str:
            return text.replace("http://127.0.0.1:8000/v1", server.url)

        models, *recipes = map(served, fenced(page, "yaml"))
        whole = f"name: models\n{models}steps:\n  s: {{do: sources.starter}}\n"
        assert len(read_recipe(read_document(whole, page.name), tmp_path).models) == 12
        for text in recipes:
            name = str(read_document(text, page.name).data["name"])
            (tmp_path / f"{name}.yaml").write_text(text)
        for line in "".join(fenced(page, "")).splitlines():
            assert main(line.split()[1:]) == 0, line
        heard = server.count
        for text in fenced(page, "python") if importlib.util.find_spec("openai") else ():
            exec(compile(served(text), page.name, "exec"), {})  # a run that finds all its answers stored
        assert server.count == heard
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "another"))
    assert main(["run", "replayed.yaml", "--quiet"]) == 0
    told = [sorted(row.answer for row in read(f"runs/{n}", "answers")) for n in ("answers", "replayed")]
    assert told[0] == told[1] and len(told[0]) == 20
    capsys.readouterr()


def test_the_page_on_runs_asks_again_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (text,) = [t for t in fenced(ROOT / "docs" / "models.md", "yaml") if t.startswith("name: answers")]
    with Mock(lambda a: Reply(504) if a.number % 3 == 0 else Reply()) as server:
        text = text.replace("http://127.0.0.1:8000/v1", server.url).replace(
            "max_tokens", "tries: 1, max_tokens"
        )
        (tmp_path / "answers.yaml").write_text(text)
        assert main(["run", "answers.yaml", "--quiet"]) == 0
        server.behaviour = lambda _: Reply()
        lines = [
            line for line in "".join(fenced(ROOT / "docs" / "runs.md", "")).splitlines() if "retry" in line
        ]
        assert len(lines) == 2
        for line in lines:
            command = line.replace(",malformed", "").replace("RUN", "runs/answers").split()[1:]
            assert main([*command, "--quiet"]) == 0, line
    assert len(read("runs/answers", "answers")) == 20 and "asked again" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*NAMES, *GROUPS} - {"starter", "starter_dev"}))
def test_the_page_on_scoring_names_every_benchmark_and_its_file(name: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (first, *_) = expand([name])
    with pytest.raises(DataError) as caught:
        data_version(first, str(tmp_path))
    path = caught.value.problem.split()[2].rstrip(",")
    base, _, of = first.partition("-")
    general = path.replace(f"-{of}.", "-LANG.").replace(f"_{of}.", "_LANG.")
    assert f"`{path}`" in page or f"`{general}`" in page
    assert f"`{base}`" in page or f"`{base}-LANG`" in page


def test_the_page_on_scoring_names_every_extraction_class_and_shape() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for name in (*EXTRACTIONS, *SHAPES):
        assert f"`{name}`" in page
    (listed,) = re.findall(r"`failure` is one of: ([^.]*)\.", page)
    assert [" ".join(name.split()) for name in listed.split(",")] == [c for c in get_args(FailureClass) if c]


@pytest.mark.parametrize("name", ["commands.md", "python.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))["PAGES"]
    expected = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert pages[name]() == expected, "run: python docs/generate_reference.py"
