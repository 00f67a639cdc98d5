"""Which licence a card may state, from the licences of the rows. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tally import UNSAID

UNKNOWN = "unknown"
_HUB = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0",
    "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0",
    "ecl-2.0", "epl-1.0", "epl-2.0", "eupl-1.1", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0",
    "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "osl-3.0", "pddl", "postgresql",
    "unlicense", "wtfpl", "zlib",
}  # fmt: skip
"""Names that the Hugging Face hub knows; any other is ``other`` there."""


def hub_license(counts: Mapping[str, int]) -> dict[str, Any]:
    """The ``license`` keys of a card, from licence -> rows: one name, or the list of all of them."""
    names = sorted({_known(name) for name in counts})
    if not names:
        return {"license": UNKNOWN}
    if names == ["other"] and len(counts) == 1:
        return {"license": "other", "license_name": next(iter(counts))}
    return {"license": names[0] if len(names) == 1 else names}


def in_words(counts: Mapping[str, int]) -> str:
    """What the licences of the rows mean for a user who publishes them."""
    unknown = sum(count for name, count in counts.items() if _known(name) == UNKNOWN)
    named = [name for name in counts if _known(name) != UNKNOWN]
    sentences = []
    if len(named) > 1:
        sentences.append(
            "The rows have several licences. Each row states its own, and all of them must be respected."
        )
    elif named:
        sentences.append(f"All rows with a known licence have the same one: {named[0]}.")
    if unknown:
        sentences.append(
            f"For {unknown:,} rows no licence is known, so there is no known permission to publish them. "
            "Filter them out (`license`), or find their licence, before you publish."
        )
    if any("nc" in name.lower().split("-") for name in named):
        sentences.append("At least one of these licences forbids commercial use.")
    return " ".join(sentences) or "No row states a licence."


def _known(name: str) -> str:
    plain = name.strip().lower()
    if plain in ("", UNKNOWN, UNSAID):
        return UNKNOWN
    for suffix in ("-only", "-or-later"):
        plain = plain.removesuffix(suffix)
    return plain if plain in _HUB else "other"
