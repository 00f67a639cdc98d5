"""Benchmarks as data: problems, their prompts and their tests.

A benchmark's name leads to the one module that knows it; nothing is read or fetched before ``load``.
None is bundled but our own starter world: files come from a folder, a cached download or the hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from ..errors import UserError, nearest
from ..machine import gc_paused
from . import ds1000, humaneval_x, humanevalpack, multipl_e
from .problem import Benchmark, Problem

__all__ = ["GROUPS", "NAMES", "Benchmark", "Problem", "data_version", "expand", "load", "overlap"]

_MBPP_PLUS = ("mbpp_plus", "mbpp_plus_exact", "mbpp_plus_0.1.0", "mbpp_plus_0.1.0_exact")
NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(ds1000.names(), "ds1000"),
        **dict.fromkeys(humaneval_x.names()["humanevalx"], "humaneval_x"),
        **{name: "humanevalpack" for some in humanevalpack.names().values() for name in some},
        **{f"multipl_e-{lang}": "multipl_e" for lang in multipl_e.LANGUAGES},
        "humaneval": "humaneval",
        "humaneval_plus": "humaneval_plus",
        "mbpp": "mbpp",
        "mbpp_dev": "mbpp",
        "mbpp_dev_apart": "mbpp",
        **dict.fromkeys(_MBPP_PLUS, "mbpp_plus"),
        "mbpp_sanitized": "mbpp",
        "mbpp_sanitized_test": "mbpp",
        "starter": "starter",
        "starter_dev": "starter",
    }
)
"""Every benchmark, and the module of this package that knows it."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {**humaneval_x.names(), **humanevalpack.names(), **multipl_e.names()}
)
"""Names that stand for several benchmarks, one a language."""

_OF_HUMANEVAL = ("humaneval", "humaneval_plus", "humaneval_x", "humanevalpack", "multipl_e")
_OF_MBPP_PLUS = {*_MBPP_PLUS, "mbpp_sanitized"}
_ALIKE: tuple[set[str], ...] = (
    {name for name, module in NAMES.items() if module in _OF_HUMANEVAL},
    {"mbpp", "mbpp_sanitized_test", *_OF_MBPP_PLUS},
    {"mbpp_dev", *_OF_MBPP_PLUS},
    {"mbpp_dev", "mbpp_dev_apart"},
)
"""Benchmarks that have problems in common, or the same problems in several languages."""


def overlap(one: str, other: str) -> bool:
    """Whether two benchmarks have problems in common, so that neither can stand for the other's held-out."""
    return one == other or any({one, other} <= alike for alike in _ALIKE)


def expand(names: Iterable[str]) -> list[str]:
    """``names`` with every group spelt out, each benchmark once.

    Raises:
        UserError: a name is neither a benchmark nor a group.
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in NAMES and name not in GROUPS:
            raise UserError(
                "benchmarks", f"no benchmark is called {name!r}", nearest(name, [*NAMES, *GROUPS])
            )
        found |= dict.fromkeys(GROUPS.get(name, (name,)))
    return list(found)


def load(name: str, data: str | None = None) -> Benchmark:
    """The benchmark called ``name``.

    data: a folder (laid out in the way ``docs`` describe) or file that holds it, ``hub``, or None for a
    copy that is downloaded once and kept.

    Raises:
        UserError: no benchmark has this name, or its file is missing or malformed.
    """
    return _load(name, data)


@lru_cache(maxsize=8)
def _load(name: str, data: str | None) -> Benchmark:
    with gc_paused():
        benchmark: Benchmark = _module(name).load(name, data)
    return benchmark


def data_version(name: str, data: str | None = None) -> str:
    """What ``load`` would give as version, found without parsing the problems. Raises as ``load`` does."""
    return str(_module(name).version(name, data))


def _module(name: str) -> Any:
    if name not in NAMES:
        raise UserError("benchmarks", f"no benchmark is called {name!r}", nearest(name, NAMES))
    return import_module(f"{__name__}.{NAMES[name]}")
