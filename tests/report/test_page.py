"""The report: one file that loads nothing, holds what the records say, and survives hostile rows."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from finished_run import HOSTILE, PROTOCOL, Maker, empty_run, finished_run, score, seed
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import DataError
from tunesmith.files import whole_file
from tunesmith.report import write_report
from tunesmith.report.browse import browsable
from tunesmith.report.charts import HEIGHT, WIDTH, curve
from tunesmith.report.page import inlined
from tunesmith.report.scores import comparisons, problems
from tunesmith.report.story import read_story
from tunesmith.rows import Table
from tunesmith.runs.record import Begun
from tunesmith.runs.run_folder import RunFolder, StepFolder
from tunesmith.sample import Drop


class Tags(HTMLParser):
    """Every element with its attributes, and the text of the script elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = finished_run(tmp_path_factory.mktemp("runs") / "small")
    write_report(run)
    return run


@pytest.fixture(scope="module")
def page(run: RunFolder) -> Tags:
    return Tags((run.path / "report.html").read_text(encoding="utf-8"))


def data_of(page: Tags) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(page.scripts[0])
    return data


def test_the_report_loads_nothing_from_anywhere(page: Tags) -> None:
    loading = [tag for tag, attrs in page.tags if {"src", "srcset", "data", "poster"} & attrs.keys()]
    assert not loading and not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy and policy.startswith("default-src 'none'")
    style = Path(__file__).parents[2] / "src/tunesmith/report/report.css"
    assert not re.search(r"url\(|@import", style.read_text(encoding="utf-8"))


def test_the_policy_lets_no_script_run_but_ours(page: Tags) -> None:
    import base64
    import hashlib

    policy = next(str(attrs["content"]) for tag, attrs in page.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


def test_hostile_rows_stay_text(page: Tags) -> None:
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 2 and "img" not in tags
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert HOSTILE in [row.get("instruction") for row in data_of(page)["browse"]["rows"].values()]


@given(
    st.recursive(
        st.text() | st.none() | st.integers(0, 9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_inlined_data_reads_back_and_cannot_leave_its_element(data: Any) -> None:
    text = inlined(data)
    assert orjson.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_page_says_what_the_records_say(run: RunFolder, page: Tags) -> None:
    steps = data_of(page)["browse"]["steps"]
    records = {record.name: record for _, record in run.records() if record.rows_out is not None}
    del records["evolution"]  # a block has no rows of its own
    assert {s["name"]: s["counts"]["kept"] for s in steps} == {n: r.rows_out for n, r in records.items()}
    assert {s["name"]: s["counts"]["dropped"] for s in steps} == {n: r.dropped for n, r in records.items()}
    for expected in ("0.0%", "72.5%", "1 of 2 rounds kept", "the score fell after round 1", "$0.049"):
        assert expected in page.text


def test_no_link_in_a_lineage_ends_nowhere(run: RunFolder) -> None:
    rows = browsable(read_story(run))["rows"]
    assert rows and all(parent in rows for row in rows.values() for parent in row.get("parents", ()))


def test_a_row_tells_its_way_through_the_run(run: RunFolder) -> None:
    browse = browsable(read_story(run))
    row, reason = next(s for s in browse["steps"] if s["name"] == "learnable")["dropped"][0]
    assert browse["rows"][row]["life"][-1] == ("learnable", reason)
    assert browse["rows"][row]["life"][-2] == ("executed", "")


def test_the_sample_does_not_depend_on_how_rows_lie_in_shards(tmp_path: Path) -> None:
    rows = [seed(number, instruction=f"task {number}") for number in range(300)]
    samples = []
    for name, size in (("one", 300), ("many", 7)):
        folder = StepFolder(tmp_path / name / "01-seeds")
        maker = empty_run(tmp_path / name)
        folder.begin(Begun("key", ""))
        for start in range(0, 300, size):
            folder.write_shard(start, start + size, rows[start : start + size], [], "seeds")
        maker.done("01-seeds", "sources.jsonl", name="seeds", rows_out=300)
        samples.append(browsable(read_story(maker.run))["steps"][0]["kept"])
    assert samples[0] == samples[1] and len(samples[0]) == 40


def test_every_reason_is_in_the_sample_of_a_bin(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    drops = [
        Drop(seed(n, instruction=f"task {n}"), "rare" if n == 77 else f"common {n % 2}") for n in range(400)
    ]
    maker.rows("01-seeds", "sources.jsonl", [], drops, name="seeds")
    shown = browsable(read_story(maker.run))["steps"][0]["dropped"]
    assert {reason for _, reason in shown} == {"rare", "common 0", "common 1"} and len(shown) == 40


def test_size_is_bounded_and_cuts_are_told(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    long = [seed(number, instruction=f"{number} " + "x" * 300_000) for number in range(40)]
    maker.rows("01-seeds", "sources.jsonl", long, name="seeds")
    path = write_report(maker.run)
    assert path.stat().st_size < 6_000_000
    rows = data_of(Tags(path.read_text(encoding="utf-8")))["browse"]["rows"]
    assert all(
        row["cut"] == {"instruction": len(source.instruction)} for source in long for row in [rows[source.id]]
    )


def test_the_same_run_gives_the_same_report(run: RunFolder) -> None:
    before = (run.path / "report.html").read_bytes()
    assert write_report(run).read_bytes() == before


def test_a_stopped_run_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run", "stopped", error="BudgetReached: the budget of 5 USD is spent")
    maker.rows("01-seeds", "sources.jsonl", [seed(1), seed(2)], name="seeds")
    half = StepFolder(tmp_path / "run/02-readable")
    half.begin(Begun("key", ""))
    half.write_shard(0, 2, [seed(1)], [Drop(seed(2), "too short")], "readable")
    story = read_story(maker.run)
    states = [stage.state for stage in story.stages]
    assert states == ["done", "half done", *["to come"] * 6]
    assert (story.stages[1].count("rows_in"), story.stages[1].count("dropped")) == (2, 1)
    text = Tags(write_report(maker.run).read_text(encoding="utf-8")).text
    assert "the budget of 5 USD is spent" in text and "to come" in text


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path) -> None:
    assert write_report(empty_run(tmp_path / "run").run).exists()


def test_scores_of_different_protocols_share_no_table(tmp_path: Path) -> None:
    maker = empty_run(tmp_path / "run")
    for place, shots in enumerate((0, 0, 3)):
        maker.scored(f"0{place}-s{place}", score(10, 2 + place, shots=shots), f"s{place}")
    groups = comparisons(read_story(maker.run))
    assert [[figure.step for figure in group.figures] for group in groups] == [["s0", "s1"], ["s2"]]
    assert groups[0].protocol == PROTOCOL and groups[1].differs == {"shots": (0, 3)}
    assert "shots 0 there, 3 here." in Tags(write_report(maker.run).read_text(encoding="utf-8")).text


def test_before_and_after_are_compared_problem_by_problem(run: RunFolder) -> None:
    (group,) = comparisons(read_story(run))
    assert group.paired is not None and group.paired[:2] == (0, 29) and group.gain == pytest.approx(72.5)


def test_failing_problems_come_with_prompt_raw_text_program_and_class(run: RunFolder) -> None:
    after = problems(read_story(run))["scores"][-1]
    failed = [attempt for attempt in after["attempts"] if not attempt["passed"]]
    assert len(failed) == after["failed"] == 11
    assert all(a["prompt"] and a["raw"] and a["program"] and a["failure"] for a in failed)


def test_rows_of_a_block_are_its_input_and_its_kept_rounds(run: RunFolder) -> None:
    story = read_story(run)
    block = story.stage("evolution")
    assert block is not None and len(Table(story.rows(block))) == block.count("rows_out") == 90


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(0, 1e4)), min_size=2, max_size=50, unique_by=lambda p: p[0]
    )
)
def test_a_curve_stays_in_its_box(points: list[tuple[int, float]]) -> None:
    drawn = curve(sorted(points))
    assert drawn is not None
    places = [float(number) for number in re.findall(r"[\d.]+(?:e-?\d+)?", drawn.raw)]
    assert all(0 <= x <= WIDTH for x in places[::2]) and all(0 <= y <= HEIGHT for y in places[1::2])


def test_what_is_learnt_is_told_from_what_is_read(run: RunFolder) -> None:
    html = (run.path / "report.html").read_text(encoding="utf-8")
    read, learnt = "&lt;|user|&gt;Add.&lt;|answer|&gt;", "return a + b&lt;|end|&gt;"
    assert f'<span class="soft">{read}</span><mark>{learnt}</mark>' in html


def test_losses_that_are_no_number_are_passed_over(tmp_path: Path) -> None:
    maker: Maker = empty_run(tmp_path / "run")
    maker.trained("01-tuned", [(1, 2.0), (2, None), (3, 1.0)], 5, name="tuned")
    text = Tags(write_report(maker.run).read_text(encoding="utf-8")).text
    assert "loss 2.00 → 1.00" in text


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(KeyError), whole_file(path) as sink:
        sink.write(b"half")
        raise KeyError
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(DataError, match="cannot be written"), whole_file(tmp_path / "no" / "where"):
        pass


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the chromium browser")
def test_a_browser_shows_rows_and_problems_and_complains_of_nothing(run: RunFolder, tmp_path: Path) -> None:
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom"]
    url = (run.path / "report.html").resolve().as_uri() + "#problems?step=after&failure=syntax"
    seen = subprocess.run(["chromium", *flags, url], capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in seen.stderr
    shown = Tags(seen.stdout)
    assert [attrs.get("class") for tag, attrs in shown.tags].count("panes") == 2
    assert "failed: syntax" in shown.text and "3 shown; in all 11 of 40 attempts failed." in shown.text
