"""Sources written alike are near each other, sources written differently far, and chance is told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith.evaluation.style_conflict import StyleConflict, distances, style_of
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Sample
from tunesmith.step import Context

PLAIN = "def add_{n}_up(first_item):\n    return first_item + {n}"
CHATTY = "Sure! Here it is.\n```javascript\nconst addUp = (firstItem) => firstItem + {n};\n```\nIt adds."


def rows(source: str, text: str, count: int = 30) -> list[Sample]:
    answers = [text.replace("{n}", str(n)) + "\n# more" * (n % 5) for n in range(count)]
    language = "javascript" if "javascript" in text else "python"
    return [Sample.born("s", answer=a, source=source, language=language) for a in answers]


def report(*samples: Sample) -> dict[str, object]:
    return StyleConflict(resamples=40).report(samples, Context("style"))


def test_two_halves_of_one_source_show_no_conflict_and_unlike_sources_do() -> None:
    told = report(*rows("a", PLAIN), *rows("b", PLAIN + " "), *rows("c", CHATTY))
    pairs = {tuple(pair["sources"]): pair for pair in told["pairs"]}  # type: ignore[attr-defined]
    alike, unlike = pairs["a", "b"], pairs["a", "c"]
    assert alike["distance"] <= alike["by_chance"]
    assert unlike["low"] > unlike["by_chance"] and unlike["distance"] > 0.8
    assert unlike["low"] <= unlike["distance"] <= unlike["high"] <= 1


def test_a_style_is_read_off_the_answer() -> None:
    bare, chatty = (style_of(rows("s", text, 1)[0]) for text in (PLAIN, CHATTY))
    assert (bare.language, bare.fence, bare.prose, bare.snake_case) == ("python", 0, 0, 1)
    assert (chatty.language, chatty.fence, chatty.snake_case) == ("javascript", 1, 0)
    assert 0.2 < chatty.prose < 0.8


@pytest.mark.parametrize("answer", ["", "```", "\x00", "x", "```python\n", "no code, only words here"])
def test_odd_answers_have_a_style_and_a_distance(answer: str) -> None:
    style = style_of(Sample.born("s", answer=answer))
    assert all(0 <= value <= 1 for value in distances([style], [style]).values())


def test_a_source_is_at_no_distance_from_itself_and_distances_are_symmetric() -> None:
    one, other = ([style_of(row) for row in rows("s", text)] for text in (PLAIN, CHATTY))
    assert set(distances(one, one).values()) == {0.0}
    assert distances(one, other) == pytest.approx(distances(other, one))


def test_rows_pass_in_order_and_the_measure_stands_beside_them(tmp_path: Path) -> None:
    samples = [*rows("a", PLAIN), *rows("b", CHATTY), Sample.born("s", instruction="no answer")]
    write_rows(tmp_path / "rows-0.parquet", samples, {})
    step, ctx = StyleConflict(resamples=20, per_source=10), Context("style", folder=tmp_path / "out")
    assert list(step.table(Table([tmp_path / "rows-0.parquet"]), ctx)) == samples
    told = json.loads((tmp_path / "out" / "style.json").read_text())
    assert {source: facts["answers"] for source, facts in told["sources"].items()} == {"a": 10, "b": 10}
    assert step.report(samples, ctx) == step.report(samples[::-1], ctx)
