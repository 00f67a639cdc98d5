"""The row that flows through a run, and the verdicts it carries.

A ``Sample`` never changes. ``grow`` makes a child with a new identity that names its parents;
``judged``, ``weighed`` and ``noted`` return the same row with a mark added. A row that leaves the stream
becomes a ``Drop`` with its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

import orjson

Json = Any
"""A value that JSON can hold: str, int, float, bool, None, list or dict of these."""
TextField = Literal["instruction", "answer", "code", "system", "tests"]
"""The texts of a row, for steps that look at one of them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of one judge on a row.

    by: the step (or tool) that judged.
    passed: True, False, or None if the judge cannot tell; never guessed.
    score: a number on the judge's own scale, if there is one.
    reason: why, in one line.
    """

    by: str
    passed: bool | None
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One instruction-tuning row.

    instruction: what is asked, with any input folded in.
    answer: the response to learn.
    system: the system prompt the answer was given under.
    task: the kind of task, e.g. ``generation``, ``repair``.
    language: of the code, lower case, e.g. ``python``.
    code: raw or reference code the row was made from.
    tests: a program that raises unless the answer's code is right.
    source, license: where the row came from, and under which licence (``unknown`` where no one states it).
    parents: ids of the rows it was made from.  step: the recipe step that made it.  draw: which of
    several answers to one request it is.  weight: its weight in the loss.
    verdicts: one per judge.  meta: further facts, JSON only.
    id: hash of content, parents, step and draw, fixed when the row is made; verdicts do not change it.
    """

    id: str
    instruction: str = ""
    answer: str = ""
    system: str = ""
    task: str = ""
    language: str = ""
    code: str = ""
    tests: str = ""
    source: str = ""
    license: str = ""
    parents: tuple[str, ...] = ()
    step: str = ""
    draw: int = 0
    verdicts: tuple[Verdict, ...] = ()
    weight: float = 1.0
    meta: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def born(cls, step: str, *, parents: tuple[str, ...] = (), draw: int = 0, **content: Any) -> Self:
        """A new row made by ``step``; its id is a hash of all arguments."""
        return cls(
            id=identity(step, parents, draw, content), step=step, parents=parents, draw=draw, **content
        )

    def grow(self, step: str, *, draw: int = 0, parents: tuple[str, ...] = (), **changes: Any) -> Self:
        """A child of this row with ``changes``. Verdicts are not inherited: they were about the parent.

        ``parents`` names further parents in addition to this row.
        """
        content = {name: getattr(self, name) for name in CONTENT} | changes
        unknown = content.keys() - CONTENT
        if unknown:
            raise TypeError(f"Sample has no content field {sorted(unknown)}")
        return type(self).born(step, parents=(self.id, *parents), draw=draw, **content)

    def judged(self, verdict: Verdict) -> Self:
        """The same row with one more verdict; an earlier one by the same judge is replaced."""
        others = tuple(old for old in self.verdicts if old.by != verdict.by)
        return replace(self, verdicts=(*others, verdict))

    def weighed(self, weight: float) -> Self:
        """The same row with another weight in the loss."""
        return replace(self, weight=weight)

    def noted(self, **facts: Json) -> Self:
        """The same row with further facts in ``meta``."""
        return replace(self, meta={**self.meta, **facts})


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that leaves the stream, and why. Reasons are short and countable: ``too short``."""

    sample: Sample
    reason: str


CONTENT = frozenset(f.name for f in fields(Sample)) - {"id", "parents", "step", "draw", "verdicts"}
"""The fields that ``grow`` may change."""


def identity(step: str, parents: tuple[str, ...], draw: int, content: Mapping[str, Any]) -> str:
    """24 hex digits: a hash of content, parents, step and draw, without empty fields."""
    kept = {key: value for key, value in content.items() if value not in ("", None, {}, 1.0)}
    blob = orjson.dumps([kept, parents, step, draw], option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    return hashlib.blake2b(blob, digest_size=12).hexdigest()
