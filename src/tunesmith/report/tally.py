"""The composition of rows: how many of each task, language, source and licence; verdicts by judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..rows import read_shard

UNSAID = "not stated"


def composition(paths: Iterable[Path], *columns: str) -> dict[str, Counter[str]]:
    """Column -> value -> rows, most frequent first; an empty value counts as ``not stated``."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in columns}
    for path in paths:
        table = read_shard(path, *columns)
        for name in columns:
            for entry in pc.value_counts(table.column(name)).to_pylist():
                counts[name][entry["values"] or UNSAID] += entry["counts"]
    return {name: Counter(dict(counter.most_common())) for name, counter in counts.items()}


def verdicts(paths: Iterable[Path]) -> dict[str, Counter[bool | None]]:
    """Judge -> how many rows it passed (True), failed (False) or left unknown (None)."""
    counts: dict[str, Counter[bool | None]] = {}
    for path in paths:
        marks = pc.list_flatten(read_shard(path, "verdicts").column("verdicts").combine_chunks())
        pairs = pa.table({"by": pc.struct_field(marks, "by"), "passed": pc.struct_field(marks, "passed")})
        for entry in pairs.group_by(["by", "passed"]).aggregate([([], "count_all")]).to_pylist():
            counts.setdefault(entry["by"], Counter())[entry["passed"]] += entry["count_all"]
    return counts


def brief(counts: Mapping[str, int], most: int = 8) -> list[tuple[str, int]]:
    """The ``most`` frequent values, and the others in one line: ``23 others``."""
    ranked = Counter(dict(counts)).most_common()
    if len(ranked) <= most:
        return ranked
    rest = ranked[most - 1 :]
    return [*ranked[: most - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
