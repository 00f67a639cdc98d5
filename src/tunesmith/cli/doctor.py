"""``tunesmith doctor``: what this machine can do, and what to install for what it cannot."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..llm.secrets import setting
from ..llm.store import default_store
from ..machine import available_cores

SANDBOX = "sandbox, strongest first"
State = Literal["ok", "missing", "bad", "info"]
_OF_EXTRA = re.compile(r"([\w.-]+).*;.*\bextra == ['\"]([\w-]+)['\"]")
"""A requirement of one extra in a package's metadata: ``torch>=2.11; extra == "train"``."""
_KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding. what: in words.  fix: what to do about it."""

    section: str
    name: str
    state: State
    what: str
    fix: str = ""


def examine() -> list[Diagnosis]:
    """Machine, extras, toolchains, sandbox levels, keys (only whether they are set) and the answer store."""
    return [*_machine(), *_extras(), *_toolchains(), *_sandbox(), *_keys(), *_store()]


def _machine() -> list[Diagnosis]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return [
        Diagnosis("machine", "python", "ok", f"{platform.python_version()} at {sys.executable}"),
        Diagnosis(
            "machine", "system", "info", f"{platform.system()} {platform.release()} {platform.machine()}"
        ),
        Diagnosis("machine", "cores", "info", f"{available_cores()}"),
        Diagnosis("machine", "memory", "info", f"{memory:.1f} GiB"),
        Diagnosis("machine", "disk", "ok" if free > 2 else "bad", f"{free:.1f} GiB free here"),
    ]


def extras() -> dict[str, list[str]]:
    """Extra -> the packages that it installs, from the metadata of this installation; without `dev`."""
    packages: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("tunesmith") or ():
        match = _OF_EXTRA.match(requirement)
        if match and match[1] != "tunesmith" and match[2] != "dev":
            packages.setdefault(match[2], []).append(match[1])
    return packages


def _extras() -> list[Diagnosis]:
    found = []
    for extra, packages in extras().items():
        missing = [name for name in packages if _installed(name) is None]
        versions = ", ".join(f"{name} {_installed(name)}" for name in packages if name not in missing)
        if missing:
            fix = f"pip install 'tunesmith[{extra}]'"
            found.append(Diagnosis("extras", extra, "missing", f"lacks {', '.join(missing)}", fix))
        else:
            found.append(Diagnosis("extras", extra, "ok", versions))
    return found


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _toolchains() -> list[Diagnosis]:
    """Every language that the sandbox knows, with its version or how to install it."""
    from ..sandbox import languages

    found = [Diagnosis("toolchains", "python", "ok", platform.python_version())]
    for name in languages.NAMES[1:]:
        language, toolchain = languages.find(name), languages.toolchain(name)
        if toolchain:
            found.append(Diagnosis("toolchains", name, "ok", toolchain.version))
        else:
            found.append(
                Diagnosis("toolchains", name, "missing", "not found", language.install if language else "")
            )
    return found


def _sandbox() -> list[Diagnosis]:
    from ..sandbox import levels

    found = []
    for level in levels():
        state: State = "ok" if level.available else "missing"
        what = f"stops: {level.stops}" if level.available else level.why
        gaps = f"does not stop: {level.not_stopped}" if level.available and level.not_stopped else ""
        found.append(Diagnosis(SANDBOX, level.name, state, what, gaps))
    return found


def _keys() -> list[Diagnosis]:
    return [
        Diagnosis(
            "environment",
            key,
            "ok" if setting(key) else "missing",
            "set" if setting(key) else "not set",
        )
        for key in _KEYS
    ]


def _store() -> list[Diagnosis]:
    path = default_store()
    size = f"{path.stat().st_size / 2**20:.1f} MiB" if path.exists() else "empty"
    return [Diagnosis("answer store", "path", "info", f"{path} ({size})")]
