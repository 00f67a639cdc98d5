"""Real data is found in one place, and the summary says what was skipped without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_only_one_file_says_where_real_data_is() -> None:
    here = {TESTS / "support" / "real_data.py", Path(__file__)}
    for path in set(TESTS.rglob("*.py")) - here:
        text = path.read_text(encoding="utf-8")
        assert 'environ.get("TUNESMITH_SHARED' not in text and '/ "shared"' not in text, path


def test_the_summary_counts_tests_skipped_for_lack_of_real_data(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/selection/test_decontaminate.py",
    ]
    environment = {**os.environ, "TUNESMITH_SHARED": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [*command, "-k", "benchmark or humaneval or real"],
        check=False, cwd=TESTS.parent, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert "tests were skipped: they need real data (TUNESMITH_SHARED)" in done.stdout, (
        done.stdout + done.stderr
    )


def test_no_test_imports_a_private_name() -> None:
    for path in TESTS.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("from tunesmith") and " import " in line:
                names = [name.strip() for name in line.split(" import ")[1].split(",")]
                private = [name for name in names if name.startswith("_") and " as " not in name]
                assert not private, f"{path}: {line}"
