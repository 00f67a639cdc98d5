"""The built wheel works where it is installed: recipes, page templates and the sandbox's files are in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TUNESMITH"))
    }
    environment["TUNESMITH_CACHE"] = str(cwd / "cache")
    done = subprocess.run(
        list(map(str, command)), check=False, cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_runs_the_starter_recipe_in_a_clean_environment(tmp_path: Path) -> None:
    """Its dependencies are those of this environment; tunesmith itself comes from the wheel alone."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("tunesmith-*.whl")
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    packages = next(home.glob("lib/python3*/site-packages"))
    run(*pip, "install", "--no-deps", "--target", packages, wheel, cwd=tmp_path)
    (packages / "dependencies.pth").write_text(f"{Path(typer.__file__).parents[1]}\n")
    python = home / "bin" / "python"
    where = run(python, "-c", "import tunesmith; print(tunesmith.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(packages)
    run(
        python,
        "-c",
        "from tunesmith.cli import main; raise SystemExit(main())",
        "run",
        "starter",
        "--tiny",
        cwd=tmp_path,
    )
    assert (tmp_path / "runs" / "starter" / "report.html").exists()
    assert (packages / "bin" / "tunesmith").exists() or (home / "bin" / "tunesmith").exists()
