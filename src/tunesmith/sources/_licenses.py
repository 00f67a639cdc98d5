"""Which licence a folder of code, or one file of it, says it is under. What is not said is ``unknown``."""

from __future__ import annotations

import re
from pathlib import Path

UNKNOWN = "unknown"
_HEADER = re.compile(r"SPDX-License-Identifier:\s*([\w.+()-]+(?: (?:OR|AND|WITH) [\w.+()-]+)*)")
_HEADER_CHARACTERS = 4000
_FILES = ("LICENSE", "LICENCE", "COPYING", "UNLICENSE")
_PHRASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0", ("gnu general public license", "version 3")),
    ("GPL-2.0", ("gnu general public license", "version 2")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("MIT", ("permission is hereby granted, free of charge", "the software is provided")),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
)
"""Phrases that all stand in a licence's text, most particular licence first."""


def folder_license(folder: Path) -> str:
    """The SPDX name of the licence file in ``folder`` or, inside a repository, above it; else ``unknown``.

    Where only ``LICENSE-ONE`` and ``LICENSE-TWO`` stand side by side, the user may choose: ``ONE OR TWO``.
    """
    inside = any((place / ".git").exists() for place in (folder, *folder.parents))
    for place in (folder, *folder.parents) if inside else (folder,):
        files = _license_files(place)
        plain = [path for path in files if path.stem.upper() in _FILES] or files
        if plain:
            names = {license_of(path.read_text(encoding="utf-8", errors="replace")) for path in plain}
            return " OR ".join(sorted(names))
        if (place / ".git").exists():
            break
    return UNKNOWN


def file_license(text: str) -> str:
    """The SPDX name that a source file's own header gives, or empty."""
    found = _HEADER.search(text, 0, _HEADER_CHARACTERS)
    return found[1].strip("()") if found else ""


def license_of(text: str) -> str:
    """The SPDX name of a licence's text, told by its phrases; ``unknown`` where none fits."""
    plain = " ".join(text.lower().split())
    return next((name for name, phrases in _PHRASES if all(p in plain for p in phrases)), UNKNOWN)


def _license_files(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.name.upper().startswith(_FILES) and p.is_file())
    except OSError:
        return []
