"""The report's counts by mechanism and round, and its measures, on rows made by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import orjson
import pytest
from finished_run import HOSTILE, empty_run, seed

from tunesmith.evaluation.agreement import agreement
from tunesmith.report import write_report
from tunesmith.report.flow import flow
from tunesmith.report.measured import measured
from tunesmith.report.mechanisms import mechanisms
from tunesmith.report.story import read_story
from tunesmith.sample import Drop, Sample, Verdict

HEURISTICS = ("constraints", "replace", HOSTILE, "")
REASONS = ("too short", "refused", HOSTILE)


@pytest.mark.parametrize("chance", range(5))
def test_whatever_rows_carry_the_counts_add_up(chance: int, tmp_path: Path) -> None:
    rng, maker = Random(chance), empty_run(tmp_path / "run")
    kept: list[Sample] = []
    drops: list[Drop] = []
    for number in range(rng.randrange(2, 80)):
        meta = {"evolutions": rng.randrange(3), "heuristic": rng.choice(HEURISTICS)}
        row = seed(number, meta=meta, task=rng.choice(("", "generation", "repair")))
        row = row.judged(Verdict("sound", rng.choice((True, False, None))))
        if rng.random() < 0.6:
            kept.append(row)
        else:
            drops.append(Drop(row, rng.choice(REASONS)))
    count = len(kept) + len(drops)
    maker.rows("01-sound", "verification.repair", kept, drops, name="sound", rows_in=count)
    (told,) = mechanisms(read_story(maker.run))
    assert told.total.made == told.rows_in == count
    assert told.total.reasons == dict(Counter(drop.reason for drop in drops))
    assert sum(told.total.judged) == len(kept)
    expected = Counter((row.meta["evolutions"], row.meta["heuristic"]) for row in kept)
    found: Counter[tuple[int, str]] = Counter()
    for line in told.counts:
        heuristic = line.mechanism.rpartition(": ")[2] if ": " in line.mechanism else line.mechanism
        named = line.mechanism if line.mechanism in HEURISTICS else heuristic
        found[line.round, named if named in HEURISTICS else ""] += line.kept
    assert {key: n for key, n in found.items() if n} == dict(expected)
    page = write_report(maker.run).read_text()
    assert "<script>alert" not in page


def test_language_shares_stand_before_and_after_the_coreset(tmp_path: Path) -> None:
    maker, languages = empty_run(tmp_path / "run"), ["python"] * 6 + ["go"] * 3 + ["java"]
    raw = [seed(number, language=language) for number, language in enumerate(languages)]
    maker.rows("01-raw", "sources.folder", raw, name="raw")
    kept = [row for place, row in enumerate(raw) if place not in (0, 1, 2, 6)]
    out = [Drop(row, "not in the coreset") for row in raw if row not in kept]
    maker.rows("02-coreset", "selection.kcenter", kept, out, name="coreset", reads=["raw"], rows_in=10)
    shares = {line.stage.name: dict(line.made_of["language"]) for line in flow(read_story(maker.run))[:2]}
    assert shares == {
        "raw": {"python": 6, "go": 3, "java": 1},
        "coreset": {"python": 3, "go": 2, "java": 1},
    }


def test_the_noise_of_a_judge_is_told_as_it_was_measured(tmp_path: Path) -> None:
    labels = [(True, True)] * 30 + [(True, False)] * 8 + [(False, True)] * 2 + [(False, False)] * 10
    rows = [seed(n, meta={"judged": said, "executed": so}) for n, (said, so) in enumerate(labels)]
    maker = empty_run(tmp_path / "run")
    maker.rows("01-noise", "evaluation.agreement", rows, name="noise", kind="table")
    folder = maker.run.models / "noise"
    folder.mkdir(parents=True)
    (folder / "agreement.json").write_bytes(orjson.dumps(agreement(rows)))
    (told,) = measured(read_story(maker.run))
    assert dict(told.lines)["judge wrong"].startswith("20.0% (11.2 to 33.0%)")
    assert "20.0% (11.2 to 33.0%)" in write_report(maker.run).read_text()
