"""The benchmark scripts say what they miss before they run anything."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_execution_names_the_data_it_misses(tmp_path: Path):
    command = [sys.executable, str(BENCHMARKS / "execution.py"), "--data", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert f"{tmp_path} has no humaneval/HumanEval.jsonl.gz and no humanevalplus/" in ran.stderr
