"""A fifth paper is one step file and one recipe, and it runs offline with ``--tiny`` too."""

from __future__ import annotations

import asyncio
import itertools
import runpy
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tunesmith.cli import main
from tunesmith.llm.store_entry import request_key
from tunesmith.models.starter import REFUSAL, StarterTeacher
from tunesmith.requests import Request
from tunesmith.starter import teacher

STEP = '''\
"""Ask for the title of each task (arXiv 2912.00000)."""

from tunesmith.requests import Request
from tunesmith.starter import teacher
from tunesmith.sample import Drop
from tunesmith.step import Step


def offline_answer(request):
    words = request.facts["instruction"].split()
    return " ".join(words[:3]).title() if len(words) > 2 else None


class Titles(Step):
    """Notes a title for each task."""

    def ask(self, sample, ctx):
        facts = {"instruction": sample.instruction}
        prompt = f"Give this task a title: {sample.instruction}"
        return [Request.of(prompt, intent="titles", facts=facts, offline_answer=offline_answer)]

    def read(self, sample, completions, ctx):
        yield sample.grow(ctx.step, meta={**sample.meta, "title": completions[0].text})
'''
RECIPE = """\
name: titles
paper: "2912.00000"
seed: 1
models:
  teacher: {use: openai, model: gpt-4o-mini}
steps:
  seeds:  {do: sources.jsonl, path: seeds.jsonl, license: MIT}
  titled: {do: fifth.titles, with: teacher}
tiny:
  models:
    teacher: {use: starter}
  steps:
    seeds: {do: sources.starter, tasks: 6}
"""


@pytest.fixture
def fifth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "fifth").mkdir()
    (tmp_path / "fifth" / "titles.py").write_text(STEP)
    (tmp_path / "titles.yaml").write_text(RECIPE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "fifth"]:
        del sys.modules[name]


def test_a_step_outside_the_package_in_one_file_runs_offline_with_tiny(fifth: Path) -> None:
    assert main(["run", str(fifth / "titles.yaml"), "--tiny", "--out", str(fifth / "run"), "-q"]) == 0
    (rows,) = [pq.read_table(path) for path in (fifth / "run").glob("*-titled/rows-*.parquet")]
    assert len(rows) == 6
    for row in rows.to_pylist():
        assert " ".join(row["instruction"].split()[:3]).title() in str(row["meta"])


def _a(request: Request) -> str:
    return "a"


def test_a_step_without_an_offline_answer_is_refused() -> None:
    async def ask(request: Request) -> str:
        async with StarterTeacher(error_rate=1).connect() as rules:
            return (await rules.complete(request)).text

    assert asyncio.run(ask(Request.of("Give a title.", intent="titles"))) == REFUSAL
    assert asyncio.run(ask(Request.of("Give a title.", intent="titles", offline_answer=_a))) == "a"


def test_an_edited_offline_answer_is_asked_anew(tmp_path: Path) -> None:
    keys = set()
    for number, value in enumerate(("a", "b", "b")):
        path = tmp_path / f"rule_{number}.py"
        path.write_text(f"def offline_answer(request):\n    return {value!r}\n")
        rule = runpy.run_path(str(path))["offline_answer"]
        keys.add(request_key(StarterTeacher(), Request.of("Title?", intent="titles", offline_answer=rule)))
    assert len(keys) == 2


def test_the_words_of_a_prompt_do_not_change_what_the_rules_reply() -> None:
    facts = {"instruction": "Write solve(numbers): keep the even numbers, then return the sum."}
    for intent, draw in itertools.product(("answer", "evolve.reason", "evolve.constraints"), range(5)):
        old = Request.of("Make it.", intent=intent, facts=facts, draw=draw)
        new = replace(old, messages=Request.of("Make this.").messages)
        assert teacher.reply(old) == teacher.reply(new)
        assert teacher.mistake(old) == teacher.mistake(new)
