"""The languages that the sandbox runs: one file each, with the constant ``LANGUAGE``.

The caller's half of a language: how its toolchain is found, what is prepared once for all programs, and
what to install where it is missing. What builds and runs a program is in ``box/toolchains``.
"""

from __future__ import annotations

import importlib
import platform
from functools import cache

from ...code.markdown import ALIASES
from ...errors import SetupError
from .language import Language, Toolchain

NAMES = ("python", "javascript", "typescript", "java", "cpp", "rust", "go")
"""Every language, by the one name it has here."""

__all__ = [
    "NAMES",
    "Language",
    "Toolchain",
    "canonical",
    "find",
    "missing",
    "prepared",
    "toolchain",
    "version",
]


def canonical(name: str) -> str:
    """The one name of a language, whatever it is called: ``c++`` is ``cpp``. Unknown names stay."""
    lower = name.strip().lower()
    return ALIASES.get(lower, lower)


@cache
def find(name: str) -> Language | None:
    """The language of that canonical name, or None. Python needs no toolchain and has no file here."""
    if name not in NAMES or name == "python":
        return None
    language: Language = importlib.import_module(f".{name}", __name__).LANGUAGE
    return language


@cache
def toolchain(name: str) -> Toolchain | None:
    """The toolchain of a language as it was found on this machine, or None. Looked for once."""
    language = find(name)
    return language.find() if language else None


def version(name: str) -> str:
    """What runs programs in this language here, for people; empty where nothing does."""
    if name == "python":
        return f"python {platform.python_version()}"
    found = toolchain(name)
    return found.version if found else ""


def missing(name: str) -> str:
    """Why programs in this language cannot run here; empty where they can."""
    if name == "python":
        return ""
    language = find(name)
    if language is None:
        return f"no runner for {name}"
    return "" if toolchain(name) else f"no toolchain: {name} ({language.install})"


@cache
def prepared(name: str) -> Toolchain:
    """The toolchain with all that is made once for all programs; the first call may take seconds.

    Raises SetupError where there is none, or what it needs cannot be made.
    """
    language, found = find(name), toolchain(name)
    if language is None or found is None:
        raise SetupError("sandbox", missing(name), "see `tunesmith doctor` for the toolchains")
    return language.prepare(found)
